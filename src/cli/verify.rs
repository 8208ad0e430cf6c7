//! `turnpike ledger verify`: do the books agree with themselves and with the chain?

use std::process::ExitCode;

use super::{refused, report, runtime};
use crate::{app::inspect, config::Config};

/// Checks every rule; exit code 1 on any difference, 2 when the books cannot be read.
pub fn run(config: &Config, as_json: bool) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(exit) => return exit,
    };
    match runtime.block_on(inspect::verify(config)) {
        Ok(findings) => report::findings(&findings, as_json),
        Err(error) => refused(&error),
    }
}
