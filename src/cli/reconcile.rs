//! `turnpike reconcile`: the books against the chain, the card processor and the upstream, beside a running gateway too.

use clap::Args;
use payments::{
    reconcile::{self, Reconciler, Report, RunError, Scope},
    time::UnixMs,
};
use serde_json::{Value, json};

use super::{
    exit::{Exit, Failure},
    output::{self, Format, table},
};
use crate::{app, config::Config};

/// How often a turn that somebody else has is asked for again, and for how long.
const ASK_EVERY_MS: u64 = 250;
const ASK_TIMES: u32 = 240;

/// How far back, and what to do.
#[derive(Args)]
pub(super) struct ReconcileArguments {
    /// From this moment (RFC 3339) or this long ago (90s, 15m, 2h, 7d); otherwise from where the last run ended.
    #[arg(long, value_name = "TIME", value_parser = since, conflicts_with = "full")]
    since: Option<Since>,
    /// From the beginning of the books.
    #[arg(long)]
    full: bool,
    /// Only say what differs: nothing is booked, opened or closed.
    #[arg(long)]
    dry_run: bool,
    /// JSON, on a terminal too.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    At(UnixMs),
    Ago { ms: i64 },
}

/// Compares once; 1 when anything differs or could not be compared.
pub(super) async fn run(config: &Config, arguments: ReconcileArguments) -> Result<Exit, Failure> {
    let parts = app::reconciler(config).await.map_err(|error| match error.is_not_found() {
        true => Failure::from_error(Exit::NotFound, &error),
        false => Failure::from_error(Exit::Arguments, &error),
    })?;
    let scope = match (arguments.full, arguments.since) {
        (true, _) => Scope::Full,
        (false, Some(Since::At(at))) => Scope::Since(at),
        (false, Some(Since::Ago { ms })) => Scope::Since(parts.clock.now().plus_ms(ms.saturating_neg())),
        (false, None) => Scope::Recent,
    };
    let report = turn(&parts, scope, arguments.dry_run).await?;
    match Format::choose(arguments.json) {
        Format::Json => output::json(&as_json(&report, arguments.dry_run)),
        Format::Readable => output::line(&as_text(&report, arguments.dry_run)),
    }
    Ok(match (report.differences.is_empty(), arguments.dry_run) {
        (false, _) => Exit::Failed,
        (true, true) => Exit::DryRun,
        (true, false) => Exit::Done,
    })
}

/// The gateway's own comparison may be under way: it is waited for.
async fn turn(parts: &Reconciler, scope: Scope, dry_run: bool) -> Result<Report, Failure> {
    for _ in 0..ASK_TIMES {
        match reconcile::run(parts, scope, dry_run).await {
            Err(RunError::Busy) => parts.clock.sleep_ms(ASK_EVERY_MS).await,
            Err(error) => return Err(Failure::from_error(Exit::Failed, &error)),
            Ok(report) => return Ok(report),
        }
    }
    Err(Failure::from_error(Exit::Failed, &RunError::Busy))
}

fn as_json(report: &Report, dry_run: bool) -> Value {
    let difference = |found: &payments::ports::Found| json!({"kind": found.kind.word(), "key": found.key, "source": found.source, "detail": found.detail});
    json!({
        "run": report.id.to_string(),
        "scope": report.scope,
        "dry_run": dry_run,
        "started_at": report.started.rfc3339(),
        "ended_at": report.ended.rfc3339(),
        "sources": report.sources,
        "opened": report.opened,
        "closed": report.closed,
        "differences": report.differences.iter().map(difference).collect::<Vec<_>>(),
    })
}

fn as_text(report: &Report, dry_run: bool) -> String {
    let sources = report
        .sources
        .iter()
        .map(|it| vec![it.source.word().to_owned(), it.outcome.replace('_', " "), it.compared.to_string(), it.detail.clone()]);
    let mut text = table(&["source", "outcome", ">compared", "detail"], sources.collect());
    if !report.differences.is_empty() {
        let rows = report.differences.iter().map(|it| vec![it.kind.word().to_owned(), it.key.clone(), it.detail.clone()]);
        text.push('\n');
        text.push_str(&table(&["difference", "key", "detail"], rows.collect()));
    }
    let end = match dry_run {
        true => String::from("nothing was changed"),
        false => format!("{} findings opened, {} closed; `turnpike findings` lists what is open", report.opened, report.closed),
    };
    format!("{text}\n{end}")
}

fn since(text: &str) -> Result<Since, String> {
    if let Some(at) = UnixMs::parse_rfc3339(text) {
        return Ok(Since::At(at));
    }
    let unit_ms = match text.chars().last() {
        Some('s') => 1_000_i64,
        Some('m') => 60_000,
        Some('h') => 3_600_000,
        Some('d') => 86_400_000,
        _ => return Err(String::from("a time in RFC 3339, or a number with s, m, h or d")),
    };
    let number: i64 = text
        .get(..text.len().saturating_sub(1))
        .and_then(|digits| digits.parse().ok())
        .filter(|number| *number >= 0)
        .ok_or("a time in RFC 3339, or a number with s, m, h or d")?;
    number.checked_mul(unit_ms).map(|ms| Since::Ago { ms }).ok_or_else(|| String::from("too long ago"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_or_a_span() {
        assert_eq!(since("2h"), Ok(Since::Ago { ms: 7_200_000 }));
        assert_eq!(since("1970-01-01T00:00:01Z"), Ok(Since::At(UnixMs::new(1_000))));
        for wrong in ["", "h", "2", "-2h", "2w", "99999999999999999d", "ü"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
