//! `turnpike findings`: what reconciliation found, and an operator's close.

use clap::{Args, Subcommand};
use payments::ports::{CloseFinding, CloseRefusal, Finding, FindingKind};
use serde_json::json;

use super::{
    exit::{Exit, Failure},
    invalid_argument::InvalidArgument,
    output::{self, Format, table},
    reason::{self, Change},
};
use crate::{app::Beside, config::Config};

/// What to do.
#[derive(Args)]
pub(super) struct FindingsArguments {
    /// Always print JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Include closed findings.
    #[arg(long)]
    all: bool,
    /// Maximum number of rows, newest first.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// Close a finding that was reviewed. It stays closed, and nothing is booked.
    Close {
        /// `settlement_lost`, `unmatched_receipt`, ...
        #[arg(value_parser = kind)]
        kind: FindingKind,
        /// Its key, as the list shows it.
        key: String,
        #[command(flatten)]
        change: Change,
    },
}

/// Lists, 1 while any finding is open; or closes.
pub(super) async fn run(config: &Config, arguments: FindingsArguments) -> Result<Exit, Failure> {
    let beside = reason::books(config).await?;
    let format = Format::choose(arguments.json);
    match arguments.task {
        None => list(&beside, arguments.all, arguments.limit, format).await,
        Some(Task::Close { kind, key, change }) => close(&beside, kind, key, &change, format).await,
    }
}

async fn list(beside: &Beside, all: bool, limit: u32, format: Format) -> Result<Exit, Failure> {
    let found = beside
        .findings
        .findings(all, limit)
        .await
        .map_err(|error| Failure::from_error(Exit::Failed, &error))?;
    match format {
        Format::Json => output::json(&json!(found)),
        Format::Readable if found.is_empty() => {
            output::line(if all { "no findings" } else { "no open findings" })
        }
        Format::Readable => {
            let rows = found.iter().map(|it| {
                vec![
                    it.kind.clone(),
                    it.key.clone(),
                    it.opened_at.clone(),
                    closed(it),
                    it.detail.clone(),
                ]
            });
            output::line(&table(&["finding", "key", "opened", "closed", "detail"], rows.collect()));
        }
    }
    Ok(if found.iter().any(|it| it.closed_at.is_none()) { Exit::Failed } else { Exit::Done })
}

fn closed(finding: &Finding) -> String {
    match (&finding.closed_at, &finding.closed_reason) {
        (None, _) => String::new(),
        (Some(at), None) => at.clone(),
        (Some(at), Some(reason)) => format!("{at}: {reason}"),
    }
}

async fn close(
    beside: &Beside,
    kind: FindingKind,
    key: String,
    change: &Change,
    format: Format,
) -> Result<Exit, Failure> {
    let close = CloseFinding {
        kind,
        key,
        reason: change.reason.clone(),
        via: "cli",
        at: beside.clock.now(),
        dry_run: change.dry_run,
    };
    let about = format!("{} {}", close.kind.word(), close.key);
    beside.findings.close_finding(&close).await.map_err(|refusal| match &refusal {
        CloseRefusal::Unknown => Failure::new(Exit::NotFound, format!("{about}: {refusal}")),
        CloseRefusal::Closed | CloseRefusal::ByItselfOnly => {
            Failure::new(Exit::Payment, format!("{about}: {refusal}"))
        }
        CloseRefusal::Books(error) => Failure::from_error(Exit::Failed, error),
    })?;
    match format {
        Format::Json => output::json(&json!({
            "kind": close.kind.word(), "key": close.key, "reason": close.reason, "closed_at": close.at.rfc3339(), "dry_run": close.dry_run,
        })),
        Format::Readable if close.dry_run => {
            output::line(&format!("{about} would be closed: nothing was changed"))
        }
        Format::Readable => output::line(&format!("{about} is closed")),
    }
    Ok(change.exit())
}

fn kind(text: &str) -> Result<FindingKind, InvalidArgument> {
    FindingKind::from_word(text).ok_or(InvalidArgument::FindingKind)
}
