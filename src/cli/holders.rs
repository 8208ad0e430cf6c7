//! `turnpike holders`: who holds the agent tokens of a card account, ending one, and stopping the
//! account.

use clap::{Args, Subcommand};
use payments::{
    agent::Payer,
    ids::PaymentId,
    ports::{BooksError, HolderAction, HolderChange, HolderRefusal, HolderRow},
    time::UnixMs,
};
use serde_json::json;

use super::{
    exit::{Exit, Failure},
    output::{self, Format, table},
    reason::{self, Change},
};
use crate::{app::Beside, config::Config, operator::shape};

/// What to do.
#[derive(Args)]
pub(super) struct HoldersArguments {
    /// Always print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// List the holders of an account, newest first.
    Show {
        /// `card:...`
        #[arg(value_parser = super::credits::card)]
        payer: Payer,
        /// Maximum number of rows.
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Revoke all tokens of a holder permanently.
    Revoke {
        /// The holder, `pay_...`.
        holder: PaymentId,
        #[command(flatten)]
        change: Change,
    },
    /// Freeze an account: it can neither pay nor read.
    Freeze {
        /// `card:...`
        #[arg(value_parser = super::credits::card)]
        payer: Payer,
        #[command(flatten)]
        change: Change,
    },
    /// Unfreeze an account.
    Unfreeze {
        /// `card:...`
        #[arg(value_parser = super::credits::card)]
        payer: Payer,
        #[command(flatten)]
        change: Change,
    },
}

/// Lists, or changes.
pub(super) async fn run(config: &Config, arguments: HoldersArguments) -> Result<Exit, Failure> {
    let beside = reason::books(config).await?;
    let format = Format::choose(arguments.json);
    match arguments.task {
        Task::Show { payer, limit } => show(&beside, &payer, limit, format).await,
        Task::Revoke { holder, change } => {
            act(&beside, HolderAction::Revoke(holder), &change, format).await
        }
        Task::Freeze { payer, change } => {
            act(&beside, HolderAction::Freeze(payer), &change, format).await
        }
        Task::Unfreeze { payer, change } => {
            act(&beside, HolderAction::Unfreeze(payer), &change, format).await
        }
    }
}

async fn show(beside: &Beside, payer: &Payer, limit: u32, format: Format) -> Result<Exit, Failure> {
    let failed = |error: BooksError| Failure::from_error(Exit::Failed, &error);
    let (found, frozen) =
        tokio::try_join!(beside.cards.holders(payer, limit), beside.cards.frozen_since(payer))
            .map_err(failed)?;
    match format {
        Format::Json => output::json(&shape::holders(payer, &found, frozen)),
        Format::Readable => {
            if let Some(since) = frozen {
                output::line(&format!("{payer} is frozen since {}", since.rfc3339()));
            }
            if found.is_empty() {
                output::line("no holder")
            } else {
                let heads = ["holder", "reach", ">rotations", ">payments", "since", "revoked"];
                output::line(&table(&heads, found.iter().map(row).collect()));
            }
        }
    }
    Ok(Exit::Done)
}

fn row(row: &HolderRow) -> Vec<String> {
    vec![
        row.holder.id.to_string(),
        row.holder.reach.word().to_owned(),
        row.holder.rotation.to_string(),
        row.payments.to_string(),
        row.since.rfc3339(),
        row.revoked_at.map(UnixMs::rfc3339).unwrap_or_default(),
    ]
}

async fn act(
    beside: &Beside,
    action: HolderAction,
    change: &Change,
    format: Format,
) -> Result<Exit, Failure> {
    let (subject, done, word) = match &action {
        HolderAction::Revoke(id) => {
            (id.to_string(), "is revoked: its tokens are no longer valid", "revoke")
        }
        HolderAction::Freeze(payer) => {
            (payer.to_string(), "is frozen: it can neither pay nor read", "freeze")
        }
        HolderAction::Unfreeze(payer) => (payer.to_string(), "goes on", "unfreeze"),
    };
    let asked = HolderChange {
        action,
        reason: change.reason.clone(),
        via: "cli",
        at: beside.clock.now(),
        dry_run: change.dry_run,
    };
    beside.cards.change_holders(&asked).await.map_err(|refusal| match &refusal {
        HolderRefusal::Unknown => Failure::new(Exit::NotFound, format!("{subject}: {refusal}")),
        HolderRefusal::Revoked | HolderRefusal::Frozen | HolderRefusal::NotFrozen => {
            Failure::new(Exit::Payment, format!("{subject}: {refusal}"))
        }
        HolderRefusal::Books(error) => Failure::from_error(Exit::Failed, error),
    })?;
    match format {
        Format::Json => {
            output::json(
                &json!({"action": word, "subject": subject, "reason": change.reason, "dry_run": change.dry_run}),
            );
        }
        Format::Readable if change.dry_run => {
            output::line(&format!("{subject} could be changed: nothing was"))
        }
        Format::Readable => output::line(&format!("{subject} {done}")),
    }
    Ok(change.exit())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::Arguments;

    #[test]
    fn holders_are_shown_and_changed_with_a_reason() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' ')).is_ok();
        assert!(
            parse("turnpike holders show card:7 --json")
                && parse("turnpike holders freeze card:7 --reason stolen --dry-run")
        );
        assert!(parse(
            "turnpike holders revoke pay_00000000000000000000000000000007 --reason stolen"
        ));
        assert!(
            !parse("turnpike holders")
                && !parse("turnpike holders unfreeze card:7")
                && !parse("turnpike holders revoke 7 --reason x")
        );
    }
}
