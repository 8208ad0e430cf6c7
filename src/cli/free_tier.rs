//! `turnpike free-tier`: the free calls of a wallet.

use clap::{Args, Subcommand};
use payments::{
    agent::{AgentError, Wallet},
    free_quota::QuotaWindow,
    ports::desk::FreeSlotRow,
    route::{Quota, Window},
    time::{Month, UnixMs},
};
use serde_json::{Value, json};

use super::{
    exit::{Exit, Failure},
    invalid_argument::InvalidArgument,
    output::{self, Format, table},
    reason,
};
use crate::{app, config::Config};

/// Slots that are read: a hundred months of five.
const READ: u32 = 500;

/// What to do.
#[derive(Args)]
pub(super) struct FreeTierArguments {
    /// Always print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Slots used and left by quota, and the payments that used them.
    Show {
        /// `0x...` or `wallet:0x...`.
        #[arg(value_parser = wallet)]
        wallet: Wallet,
        /// Month in UTC, for monthly quotas; default: the current one.
        #[arg(long, value_name = "2026-01", value_parser = month)]
        month: Option<Month>,
        /// Day in UTC, for daily quotas; default: today.
        #[arg(long, value_name = "2026-01-14", value_parser = day)]
        day: Option<UnixMs>,
    },
}

pub(super) async fn run(config: &Config, arguments: FreeTierArguments) -> Result<Exit, Failure> {
    let beside = reason::books(config).await?;
    let quotas =
        app::quotas(config).map_err(|error| Failure::from_error(Exit::Arguments, &error))?;
    let Task::Show { wallet, month, day } = arguments.task;
    let now = beside.clock.now();
    let at = |quota: &Quota| match quota.window {
        Window::Month => quota.at(month.map_or(now, Month::start)),
        Window::Day => quota.at(day.unwrap_or(now)),
    };
    let slots = beside
        .desk
        .free_slots(wallet, READ)
        .await
        .map_err(|error| Failure::from_error(Exit::Failed, &error))?;
    let all: Vec<Held> = quotas.iter().map(|quota| Held::of(quota, at(quota), &slots)).collect();
    match Format::choose(arguments.json) {
        Format::Json => output::json(&as_json(wallet, &all)),
        Format::Readable => show(wallet, &all),
    }
    Ok(Exit::Done)
}

/// What a wallet holds of one quota in one window.
struct Held {
    of: QuotaWindow,
    window: Window,
    count: u32,
    left: usize,
    slots: Vec<FreeSlotRow>,
}

// === impl Held ===

impl Held {
    fn of(quota: &Quota, of: QuotaWindow, slots: &[FreeSlotRow]) -> Self {
        let its_own = |slot: &&FreeSlotRow| (&slot.quota, &slot.month) == (&of.quota, &of.window);
        let slots: Vec<FreeSlotRow> = slots.iter().filter(its_own).cloned().collect();
        let left =
            usize::try_from(quota.count.get()).unwrap_or(usize::MAX).saturating_sub(slots.len());
        Self { of, window: quota.window, count: quota.count.get(), left, slots }
    }
}

fn show(wallet: Wallet, all: &[Held]) {
    if all.is_empty() {
        output::line("no calls are free");
    }
    for held in all {
        let (quota, window) = (&held.of.quota, &held.of.window);
        output::line(&format!(
            "{wallet}: {} of {} free {quota} left in {window}",
            held.left, held.count
        ));
        let rows = held.slots.iter().map(|slot| {
            let launch = slot.launch_id.clone().unwrap_or_default();
            vec![
                slot.slot.to_string(),
                slot.intent_id.clone(),
                slot.created_at.clone(),
                slot.state.clone(),
                launch,
            ]
        });
        output::line(&table(
            &[">slot", "held by", "claimed (UTC)", "state", "launch"],
            rows.collect(),
        ));
    }
}

fn as_json(wallet: Wallet, all: &[Held]) -> Value {
    let quotas = all.iter().map(|held| {
        let (quota, window) = (&held.of.quota, &held.of.window);
        json!({"quota": quota, "window": window, "count": held.count, "used": held.slots.len(), "left": held.left, "slots": held.slots})
    });
    let mut shown = json!({"wallet": wallet.to_string(), "quotas": quotas.collect::<Vec<_>>()});
    // The names that were there when a wallet had free calls of one quota, by the month.
    if let Some(held) = all.iter().find(|held| held.window == Window::Month) {
        let named = [
            ("month", json!(held.of.window)),
            ("per_month", json!(held.count)),
            ("used", json!(held.slots.len())),
            ("left", json!(held.left)),
            ("slots", json!(held.slots)),
        ];
        for (name, value) in named {
            shown[name] = value;
        }
    }
    shown
}

fn wallet(text: &str) -> Result<Wallet, AgentError> {
    Wallet::parse(text.strip_prefix("wallet:").unwrap_or(text))
}

fn month(text: &str) -> Result<Month, InvalidArgument> {
    let first = UnixMs::parse_day_or_moment(&format!("{text}-01"));
    first.map(UnixMs::month).ok_or(InvalidArgument::Month)
}

fn day(text: &str) -> Result<UnixMs, InvalidArgument> {
    let day = UnixMs::parse_day_or_moment(text).filter(|day| day.day() == text);
    day.ok_or(InvalidArgument::Day)
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

    #[test]
    fn a_day_is_a_whole_date() {
        assert_eq!(day("2026-01-14").map(UnixMs::day), Ok(String::from("2026-01-14")));
        for wrong in ["", "2026-01", "2026-02-30", "2026-01-14T00:00:00Z", "today"] {
            assert!(day(wrong).is_err(), "{wrong}");
        }
    }
}
