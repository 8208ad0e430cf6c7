//! What operators' commands see of the money, beside a running gateway or without one. Nothing here writes to the books or moves money.

mod chain;
mod custody;
mod doctor;
mod settings;
mod verify;

use payments::ports::{Books, JournalLine};
use serde::Serialize;

pub use doctor::doctor;
pub use verify::verify;

use super::{AppError, keys::SandboxKeys, money};
use crate::{
    config::{Config, X402Mode},
    rails::base::BaseRail,
    worker::drives::chain as causes,
};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Level {
    /// As it should be.
    #[serde(rename = "ok")]
    Ok,
    /// It works; somebody should know.
    #[serde(rename = "warn")]
    Warn,
    /// It does not work, or the books are wrong.
    #[serde(rename = "FAIL")]
    Fail,
}

/// One line of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, a stable word.
    pub check: &'static str,
    /// How it is.
    pub level: Level,
    /// What was seen, without any secret.
    pub says: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", rename = "do")]
    pub todo: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, says: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, says: says.into(), todo: None }
    }

    fn warn(check: &'static str, says: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { check, level: Level::Warn, says: says.into(), todo: Some(todo.into()) }
    }

    fn fail(check: &'static str, says: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { check, level: Level::Fail, says: says.into(), todo: Some(todo.into()) }
    }

    /// A configuration that no command can use.
    pub fn unusable(place: &str, text: &str) -> Self {
        Self::fail("config", format!("{place}: {text}"), "correct the setting; `turnpike config` shows the effective ones")
    }
}

/// The rail of a configuration, to a node that somebody else runs; `None` for a sandbox that was never started.
pub(super) fn rail(config: &Config) -> Result<Option<BaseRail>, AppError> {
    let keys = SandboxKeys::load(&config.sandbox.dir)?;
    if config.x402.mode == X402Mode::Sandbox {
        let Some(keys) = keys else { return Ok(None) };
        let url = format!("http://{}", config.sandbox.chain_listen);
        return money::terms(config, Some(&keys))?.rail(config, &url).map(Some);
    }
    money::terms(config, keys.as_ref())?.rail(config, config.x402.rpc_url.expose()).map(Some)
}

/// One line of an error, with its sources.
fn why(error: &dyn std::error::Error) -> String {
    causes(error)
}

/// Whether the journal as a whole is balanced; a finding either way.
async fn trial_balance(books: &dyn Books) -> Finding {
    const CHECK: &str = "trial_balance";
    let lines = match books.trial_balance().await {
        Ok(lines) => lines,
        Err(error) => return Finding::fail(CHECK, why(&error), "see the database check"),
    };
    let odd = JournalLine::imbalances(&lines);
    match odd.is_empty() {
        true => Finding::ok(CHECK, format!("{} accounts, zero in every currency", lines.len())),
        false => Finding::fail(CHECK, format!("off by {}", odd.join(", ")), "stop taking payments and run `turnpike verify`"),
    }
}
