//! `turnpike ledger verify`: do the books agree with themselves and with the chain?

use super::{
    exit::{Exit, Failure},
    report,
};
use crate::{app::inspect, config::Config};

/// Checks every rule; exit code 1 on any difference, 2 when the books cannot be read.
pub(super) async fn run(config: &Config, as_json: bool) -> Result<Exit, Failure> {
    let findings = inspect::verify(config)
        .await
        .map_err(|error| Failure::from_error(Exit::Arguments, &error))?;
    Ok(report::findings(&findings, as_json))
}
