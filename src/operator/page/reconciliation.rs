//! The books against the world: runs, what they found, and a run now.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use payments::ports::desk::RunRow;
use serde_json::Value;

use super::{
    attention::Found,
    shell::{Shell, Shown, Visit, page},
    show,
};
use crate::operator::Desk;

/// Findings that are shown.
const FINDINGS: u32 = 100;
/// Runs that are shown.
const RUNS: u32 = 30;

#[derive(Template)]
#[template(path = "reconciliation.html")]
struct View {
    shell: Shell,
    all: bool,
    query: &'static str,
    findings: Vec<Found>,
    runs: Vec<Run>,
}

struct Run {
    row: RunRow,
    sources: Vec<SourceLine>,
}

/// How the comparison with one source went.
#[derive(Debug, PartialEq, Eq)]
struct SourceLine {
    tone: &'static str,
    text: String,
    detail: String,
}

/// `GET /operator/reconciliation`.
pub(super) async fn reconciliation(State(desk): State<Arc<Desk>>, visit: Visit) -> Shown {
    let all = visit.asked.only(&["all", "done"])?.flag("all")?;
    let (findings, runs) =
        tokio::try_join!(desk.desk.all_findings(!all, FINDINGS), desk.desk.runs(RUNS))?;
    Ok(page(&View {
        shell: visit.shell("Reconciliation", "/operator/reconciliation"),
        all,
        query: if all { "?all=true" } else { "" },
        findings: findings.into_iter().map(Found::of).collect(),
        runs: runs.into_iter().map(|row| Run { sources: sources(&row.sources), row }).collect(),
    }))
}

/// A list of reports, each with its source, outcome, and how much was compared.
fn sources(reports: &Value) -> Vec<SourceLine> {
    let text = |report: &Value, name: &str| report[name].as_str().unwrap_or_default().to_owned();
    let line = |report: &Value| {
        let (source, outcome) = (text(report, "source"), text(report, "outcome"));
        let text_shown = match outcome.as_str() {
            "checked" => format!("{source}: {} compared", report["compared"].as_u64().unwrap_or(0)),
            _ => format!("{source}: {}", outcome.replace('_', " ")),
        };
        SourceLine { tone: show::tone(&outcome), text: text_shown, detail: text(report, "detail") }
    };
    reports.as_array().into_iter().flatten().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_source_that_was_not_compared_says_why() {
        let reports = json!([
            {"source": "chain", "outcome": "checked", "compared": 7},
            {"source": "core", "outcome": "could_not_check", "compared": 0, "detail": "timed out"},
        ]);
        let lines = sources(&reports);
        assert_eq!((lines[0].text.as_str(), lines[0].tone), ("chain: 7 compared", "ok"));
        assert_eq!(
            (lines[1].text.as_str(), lines[1].tone, lines[1].detail.as_str()),
            ("core: could not check", "warn", "timed out")
        );
        assert_eq!(sources(&Value::Null), []);
    }
}
