//! One line of a report, and what more than one report looks at.

use payments::ports::{Books, JournalLine};
use serde::Serialize;

use crate::worker::drives::chain as causes;

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
    pub(super) fn ok(check: &'static str, says: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, says: says.into(), todo: None }
    }

    pub(super) fn warn(
        check: &'static str,
        says: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self { check, level: Level::Warn, says: says.into(), todo: Some(todo.into()) }
    }

    pub(super) fn fail(
        check: &'static str,
        says: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self { check, level: Level::Fail, says: says.into(), todo: Some(todo.into()) }
    }

    /// A configuration that no command can use.
    pub fn unusable(place: &str, text: &str) -> Self {
        Self::fail(
            "config",
            format!("{place}: {text}"),
            "correct the setting; `turnpike config` shows the effective ones",
        )
    }
}

/// One line of an error, with its sources.
pub(super) fn why(error: &dyn std::error::Error) -> String {
    causes(error)
}

/// Whether the journal as a whole is balanced; a finding either way.
pub(super) async fn trial_balance(books: &dyn Books) -> Finding {
    const CHECK: &str = "trial_balance";
    let lines = match books.trial_balance().await {
        Ok(lines) => lines,
        Err(error) => return Finding::fail(CHECK, why(&error), "see the database check"),
    };
    let odd = JournalLine::imbalances(&lines);
    if odd.is_empty() {
        Finding::ok(CHECK, format!("{} accounts, zero in every currency", lines.len()))
    } else {
        Finding::fail(
            CHECK,
            format!("off by {}", odd.join(", ")),
            "stop taking payments and run `turnpike verify`",
        )
    }
}
