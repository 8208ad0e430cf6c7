//! A list of findings, one line each: a table on a terminal, JSON when piped.

use std::io::{IsTerminal, Write};

use serde_json::{Value, json};

use super::exit::Exit;
use crate::app::inspect::{Finding, Level};

/// Whether the output is read by a program.
pub(super) fn piped() -> bool {
    !std::io::stdout().is_terminal()
}

/// Prints the findings; 1 when one of them is a failure.
pub(super) fn findings(findings: &[Finding], as_json: bool) -> Exit {
    let failed = findings.iter().any(|finding| finding.level == Level::Fail);
    let text = if as_json {
        format!("{}\n", json!({"ok": !failed, "checks": findings}))
    } else {
        findings.iter().map(line).collect()
    };
    print(&text);
    if failed { Exit::Failed } else { Exit::Done }
}

/// Prints a value: one line of JSON for programs, indented for people.
pub(super) fn value(value: &Value, as_json: bool) {
    print(&if as_json { format!("{value}\n") } else { format!("{value:#}\n") });
}

/// A reader that has heard enough is no fault.
pub(super) fn print(text: &str) {
    drop(std::io::stdout().lock().write_all(text.as_bytes()));
}

fn line(finding: &Finding) -> String {
    let level = match finding.level {
        Level::Ok => "ok  ",
        Level::Warn => "warn",
        Level::Fail => "FAIL",
    };
    let todo =
        finding.todo.as_ref().map(|todo| format!("\n{:27}-> {todo}", "")).unwrap_or_default();
    format!("{level} {:21} {}{todo}\n", finding.check, finding.says)
}
