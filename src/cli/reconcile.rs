//! `turnpike reconcile`: the books against the chain, the card processor and the upstream, beside a
//! running gateway too.

use clap::Args;
use payments::{
    ports::desk::NewAction,
    reconcile::{self, Reconciler, Report, RunError, Scope},
};

use super::{
    exit::{Exit, Failure},
    moment::Moment,
    output::{self, Format, table},
    progress, reason,
};
use crate::{
    app,
    config::Config,
    operator::{reason as reasons, shape},
};

/// How often a turn that somebody else has is asked for again, and for how long.
const ASK_EVERY_MS: u64 = 250;
const ASK_TIMES: u32 = 240;

/// How far back, and what to do.
#[derive(Args)]
pub(super) struct ReconcileArguments {
    /// Start of the range: RFC 3339, a day, or relative (90s, 15m, 2h, 7d); default: the end of the
    /// last run.
    #[arg(long, value_name = "TIME", value_parser = Moment::read, conflicts_with = "full")]
    since: Option<Moment>,
    /// Reconcile the whole ledger.
    #[arg(long)]
    full: bool,
    /// Only report discrepancies: nothing is booked, opened or closed.
    #[arg(long)]
    dry_run: bool,
    /// Reason, kept in the audit log.
    #[arg(long, value_name = "TEXT", value_parser = reasons::read, conflicts_with = "dry_run")]
    reason: Option<String>,
    /// Always print JSON.
    #[arg(long)]
    json: bool,
}

/// Compares once; 1 when anything differs or could not be compared.
pub(super) async fn run(config: &Config, arguments: ReconcileArguments) -> Result<Exit, Failure> {
    let parts = app::reconciler(config).await.map_err(|error| {
        if error.is_not_found() {
            Failure::from_error(Exit::NotFound, &error)
        } else {
            Failure::from_error(Exit::Arguments, &error)
        }
    })?;
    let scope = match (arguments.full, arguments.since) {
        (true, _) => Scope::Full,
        (false, Some(moment)) => Scope::Since(moment.seen_at(parts.clock.now())),
        (false, None) => Scope::Recent,
    };
    if let Some(reason) = arguments.reason {
        note(config, scope, reason).await?;
    }
    let clock = parts.clock.clone();
    let report = progress::during(
        clock.as_ref(),
        "comparing the books with the world",
        turn(&parts, scope, arguments.dry_run),
    )
    .await?;
    match Format::choose(arguments.json) {
        Format::Json => output::json(&shape::report(&report, arguments.dry_run)),
        Format::Readable => output::line(&as_text(&report, arguments.dry_run)),
    }
    Ok(match (report.differences.is_empty(), arguments.dry_run) {
        (false, _) => Exit::Failed,
        (true, true) => Exit::DryRun,
        (true, false) => Exit::Done,
    })
}

/// Notes the action, as the page and the API do, before it is done.
async fn note(config: &Config, scope: Scope, reason: String) -> Result<(), Failure> {
    let beside = reason::books(config).await?;
    let action = NewAction {
        at: beside.clock.now(),
        action: "reconcile.run",
        subject: scope.word().to_owned(),
        reason,
        via: "cli",
    };
    beside
        .desk
        .note_action(&action)
        .await
        .map_err(|error| Failure::from_error(Exit::Failed, &error))
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

fn as_text(report: &Report, dry_run: bool) -> String {
    let sources = report.sources.iter().map(|it| {
        vec![
            it.source.word().to_owned(),
            it.outcome.replace('_', " "),
            it.compared.to_string(),
            it.detail.clone(),
        ]
    });
    let mut text = table(&["source", "outcome", ">compared", "detail"], sources.collect());
    if !report.differences.is_empty() {
        let rows = report
            .differences
            .iter()
            .map(|it| vec![it.kind.word().to_owned(), it.key.clone(), it.detail.clone()]);
        text.push('\n');
        text.push_str(&table(&["difference", "key", "detail"], rows.collect()));
    }
    let end = if dry_run {
        String::from("nothing was changed")
    } else {
        format!(
            "{} findings opened, {} closed; `turnpike findings` lists what is open",
            report.opened, report.closed
        )
    };
    format!("{text}\n{end}")
}
