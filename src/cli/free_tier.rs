//! `turnpike free-tier`: the free launches of a wallet.

use clap::{Args, Subcommand};
use payments::{
    agent::Wallet,
    ports::desk::FreeSlotRow,
    time::{Month, UnixMs},
};
use serde_json::{Value, json};

use super::{
    exit::{Exit, Failure},
    output::{self, Format, table},
    reason,
};
use crate::{
    app::{self, Beside},
    config::Config,
};

/// Slots that are read: a hundred months of five.
const READ: u32 = 500;

/// What to do.
#[derive(Args)]
pub(super) struct FreeTierArguments {
    /// JSON, on a terminal too.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// The slots of a month, what is left of it, and the payments that hold them.
    Show {
        /// `0x...` or `wallet:0x...`.
        #[arg(value_parser = wallet)]
        wallet: Wallet,
        /// Another month than this one, in UTC.
        #[arg(long, value_name = "2026-01", value_parser = month)]
        month: Option<Month>,
    },
}

pub(super) async fn run(config: &Config, arguments: FreeTierArguments) -> Result<Exit, Failure> {
    let beside = reason::books(config).await?;
    let per_month = app::free_per_month(config).map_err(|error| Failure::from_error(Exit::Arguments, &error))?;
    let Task::Show { wallet, month } = arguments.task;
    show(&beside, wallet, month, per_month, Format::choose(arguments.json)).await
}

async fn show(beside: &Beside, wallet: Wallet, month: Option<Month>, per_month: u8, format: Format) -> Result<Exit, Failure> {
    let month = month.unwrap_or_else(|| beside.clock.now().month()).to_string();
    let slots = beside.desk.free_slots(wallet, READ).await.map_err(|error| Failure::from_error(Exit::Failed, &error))?;
    let held: Vec<_> = slots.into_iter().filter(|slot| slot.month == month).collect();
    let left = usize::from(per_month).saturating_sub(held.len());
    match format {
        Format::Json => output::json(&as_json(wallet, &month, per_month, left, &held)),
        Format::Readable => {
            output::line(&format!("{wallet}: {left} of {per_month} free launches left in {month}"));
            let rows = held.iter().map(|slot| {
                let launch = slot.launch_id.clone().unwrap_or_default();
                vec![slot.slot.to_string(), slot.intent_id.clone(), slot.created_at.clone(), slot.state.clone(), launch]
            });
            output::line(&table(&[">slot", "held by", "claimed (UTC)", "state", "launch"], rows.collect()));
        }
    }
    Ok(Exit::Done)
}

fn as_json(wallet: Wallet, month: &str, per_month: u8, left: usize, slots: &[FreeSlotRow]) -> Value {
    json!({"wallet": wallet.to_string(), "month": month, "per_month": per_month, "used": slots.len(), "left": left, "slots": slots})
}

fn wallet(text: &str) -> Result<Wallet, String> {
    Wallet::parse(text.strip_prefix("wallet:").unwrap_or(text)).map_err(|error| error.to_string())
}

fn month(text: &str) -> Result<Month, String> {
    let first = UnixMs::parse_day_or_moment(&format!("{text}-01"));
    first.map(UnixMs::month).ok_or_else(|| String::from("a month in UTC, 2026-01"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_a_year_and_its_number() {
        assert_eq!(month("2026-01").map(|month| month.to_string()), Ok(String::from("2026-01")));
        for wrong in ["", "2026", "2026-13", "2026-1", "2026-01-01", "January"] {
            assert!(month(wrong).is_err(), "{wrong}");
        }
    }
}
