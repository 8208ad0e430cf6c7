//! `turnpike payouts`: what the card processor sent to the bank, and how much of a payout by hand
//! is ours.

use clap::{Args, Subcommand};
use payments::{
    clearing::CentsMoved,
    ports::{AssignPayout, AssignRefusal, PayoutRow},
};
use serde_json::json;

use super::{
    exit::{Exit, Failure},
    invalid_argument::InvalidArgument,
    output::{self, Format, money, table},
    reason::{self, Change},
};
use crate::{app::Beside, config::Config, operator::dollars};

/// What to do.
#[derive(Args)]
pub(super) struct PayoutsArguments {
    /// Always print JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Only manual payouts that are not assigned yet.
    #[arg(long)]
    waiting: bool,
    /// Maximum number of rows, newest first.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// Assign the part of a manual payout that was earned here. It is booked as in the bank.
    Assign {
        /// `po_...`
        payout: String,
        /// The part earned here, in US dollars: `12.34`, or `0`.
        #[arg(long, value_name = "USD", value_parser = amount)]
        ours: CentsMoved,
        #[command(flatten)]
        change: Change,
    },
}

/// Lists; or assigns.
pub(super) async fn run(config: &Config, arguments: PayoutsArguments) -> Result<Exit, Failure> {
    let beside = reason::books(config).await?;
    let format = Format::choose(arguments.json);
    match arguments.task {
        None => list(&beside, arguments.waiting, arguments.limit, format).await,
        Some(Task::Assign { payout, ours, change }) => {
            assign(&beside, payout, ours, &change, format).await
        }
    }
}

async fn list(beside: &Beside, waiting: bool, limit: u32, format: Format) -> Result<Exit, Failure> {
    let found = beside
        .clearing
        .payouts(waiting, limit)
        .await
        .map_err(|error| Failure::from_error(Exit::Failed, &error))?;
    match format {
        Format::Json => output::json(&json!(found)),
        Format::Readable if found.is_empty() => {
            output::line(if waiting { "no payout waits" } else { "no payouts" })
        }
        Format::Readable => {
            let heads = ["payout", "made", "by", ">amount", "state", "in the books", ">ours"];
            output::line(&table(&heads, found.iter().map(row).collect()));
        }
    }
    Ok(Exit::Done)
}

fn row(row: &PayoutRow) -> Vec<String> {
    vec![
        row.payout.clone(),
        row.created_at.clone(),
        String::from(if row.automatic { "schedule" } else { "hand" }),
        money(row.amount_minor, &row.currency.to_uppercase()),
        row.state.clone(),
        row.standing.clone(),
        money(row.ours_cents, "USD"),
    ]
}

async fn assign(
    beside: &Beside,
    payout: String,
    ours: CentsMoved,
    change: &Change,
    format: Format,
) -> Result<Exit, Failure> {
    let (reason, at) = (change.reason.clone(), beside.clock.now());
    let asked = AssignPayout { payout, ours, reason, via: "cli", at, dry_run: change.dry_run };
    let about = &asked.payout;
    let row = beside.clearing.assign_payout(&asked).await.map_err(|refusal| match &refusal {
        AssignRefusal::Unknown => Failure::new(Exit::NotFound, format!("{about}: {refusal}")),
        AssignRefusal::NamesItsEntries
        | AssignRefusal::OtherCurrency
        | AssignRefusal::NotPaid
        | AssignRefusal::Already
        | AssignRefusal::NotInIt(_) => Failure::new(Exit::Payment, format!("{about}: {refusal}")),
        AssignRefusal::Books(error) => Failure::from_error(Exit::Failed, error),
    })?;
    match format {
        Format::Json => {
            let mut shown = json!(row);
            shown["reason"] = json!(change.reason);
            shown["dry_run"] = json!(change.dry_run);
            output::json(&shown);
        }
        Format::Readable if change.dry_run => {
            output::line(&format!("{ours} USD of {about} would be booked: nothing was changed"))
        }
        Format::Readable => {
            output::line(&format!("{ours} USD of {about} are booked as in the bank"))
        }
    }
    Ok(change.exit())
}

fn amount(text: &str) -> Result<CentsMoved, InvalidArgument> {
    dollars(text).ok_or(InvalidArgument::Dollars)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::Arguments;

    #[test]
    fn payouts_are_listed_and_one_is_assigned_with_an_amount_and_a_reason() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' ')).is_ok();
        assert!(parse("turnpike payouts --json") && parse("turnpike payouts --waiting --limit 5"));
        assert!(parse("turnpike payouts assign po_7 --ours 12.34 --reason checked --dry-run"));
        for bad in [
            "assign po_7 --ours 12.345 --reason x",
            "assign po_7 --ours -1 --reason x",
            "assign po_7 --reason x",
            "assign po_7 --ours 1",
        ] {
            assert!(!parse(&format!("turnpike payouts {bad}")), "{bad}");
        }
    }
}
