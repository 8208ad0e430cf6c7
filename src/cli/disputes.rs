//! `turnpike disputes`: what banks took back or asked about, the accounts that are refused for it,
//! and letting one buy again.

use clap::{Args, Subcommand};
use payments::{
    agent::Payer,
    ports::{AccountBlock, BlockLift, DisputeNote, LiftRefusal},
    time::UnixMs,
};
use serde_json::json;

use super::{
    exit::{Exit, Failure},
    output::{self, Format, money, table},
    reason::{self, Change},
};
use crate::{app::Beside, config::Config, operator::shape};

/// What to do.
#[derive(Args)]
pub(super) struct DisputesArguments {
    /// Always print JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Include decided disputes, newest first.
    #[arg(long)]
    all: bool,
    /// Maximum number of rows.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// List the accounts that are blocked after a chargeback or a fraud warning.
    Blocked,
    /// Unblock an account.
    Lift {
        /// `card:...`
        #[arg(value_parser = super::credits::card)]
        payer: Payer,
        #[command(flatten)]
        change: Change,
    },
}

/// Lists what is not decided, the first to answer first; or lifts.
pub(super) async fn run(config: &Config, arguments: DisputesArguments) -> Result<Exit, Failure> {
    let beside = reason::books(config).await?;
    let format = Format::choose(arguments.json);
    match arguments.task {
        None => list(&beside, arguments.all, arguments.limit, format).await,
        Some(Task::Blocked) => blocked(&beside, arguments.limit, format).await,
        Some(Task::Lift { payer, change }) => lift(&beside, payer, &change, format).await,
    }
}

async fn list(beside: &Beside, all: bool, limit: u32, format: Format) -> Result<Exit, Failure> {
    let found = beside
        .cards
        .disputes(!all, limit)
        .await
        .map_err(|error| Failure::from_error(Exit::Failed, &error))?;
    match format {
        Format::Json => output::json(&json!(found.iter().map(shape::dispute).collect::<Vec<_>>())),
        Format::Readable if found.is_empty() => {
            output::line(if all { "no disputes" } else { "no dispute waits" })
        }
        Format::Readable => {
            let heads = [
                ">amount",
                "state",
                "status",
                "reason",
                "answer by",
                "payment",
                "payer",
                "dispute",
            ];
            output::line(&table(&heads, found.iter().map(row).collect()));
        }
    }
    Ok(Exit::Done)
}

fn row(note: &DisputeNote) -> Vec<String> {
    vec![
        money(i64::try_from(note.amount_cents).unwrap_or(i64::MAX), "USD"),
        note.state.clone(),
        note.status.clone(),
        note.reason.clone(),
        note.due_by.map(UnixMs::rfc3339).unwrap_or_default(),
        note.payment.clone(),
        note.payer.clone(),
        note.id.clone(),
    ]
}

async fn blocked(beside: &Beside, limit: u32, format: Format) -> Result<Exit, Failure> {
    let found = beside
        .cards
        .blocks(limit)
        .await
        .map_err(|error| Failure::from_error(Exit::Failed, &error))?;
    let row = |block: &AccountBlock| {
        vec![
            block.payer.to_string(),
            block.cause.clone(),
            block.detail.clone(),
            block.since.rfc3339(),
            block.payment.clone(),
        ]
    };
    match format {
        Format::Json => output::json(&json!(found.iter().map(shape::block).collect::<Vec<_>>())),
        Format::Readable if found.is_empty() => output::line("no account is blocked"),
        Format::Readable => output::line(&table(
            &["account", "cause", "reason", "since", "payment"],
            found.iter().map(row).collect(),
        )),
    }
    Ok(Exit::Done)
}

async fn lift(
    beside: &Beside,
    payer: Payer,
    change: &Change,
    format: Format,
) -> Result<Exit, Failure> {
    let asked = BlockLift {
        payer: payer.clone(),
        reason: change.reason.clone(),
        via: "cli",
        at: beside.clock.now(),
        dry_run: change.dry_run,
    };
    let lifted = beside.cards.lift_block(asked).await.map_err(|refusal| match &refusal {
        LiftRefusal::NotBlocked => Failure::new(Exit::NotFound, format!("{payer}: {refusal}")),
        LiftRefusal::Books(error) => Failure::from_error(Exit::Failed, error),
    })?;
    match format {
        Format::Json => output::json(&json!({
            "payer": payer.to_string(), "lifted": lifted, "reason": change.reason, "dry_run": change.dry_run,
        })),
        Format::Readable if change.dry_run => {
            output::line(&format!("{payer} could buy again: nothing was changed"))
        }
        Format::Readable => output::line(&format!("{payer} is unblocked")),
    }
    Ok(change.exit())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::Arguments;

    #[test]
    fn disputes_are_listed_and_a_block_is_lifted_with_a_reason() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' ')).is_ok();
        assert!(parse("turnpike disputes --all --json") && parse("turnpike disputes blocked"));
        assert!(parse("turnpike disputes lift card:7 --reason paid --dry-run"));
        assert!(
            !parse("turnpike disputes lift card:7")
                && !parse(
                    "turnpike disputes lift 0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266 --reason paid"
                )
        );
    }
}
