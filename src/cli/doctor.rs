//! `turnpike doctor`: can this configuration take payments here and now?

use std::process::ExitCode;

use super::{report, runtime};
use crate::{
    app::inspect::{self, Finding},
    config::{Config, ConfigErrors},
};

/// Looks at everything; exit code 1 when something fails.
pub fn run(config: Result<Config, ConfigErrors>, as_json: bool) -> ExitCode {
    let findings = match config {
        Ok(config) => match runtime() {
            Ok(runtime) => runtime.block_on(inspect::doctor(&config)),
            Err(exit) => return exit,
        },
        Err(errors) => errors
            .mistakes
            .iter()
            .map(|mistake| Finding::unusable(&mistake.place, &mistake.text))
            .collect(),
    };
    report::findings(&findings, as_json).into()
}
