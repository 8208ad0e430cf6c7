//! What a payer gave and got, with the balance after each line.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use payments::{
    agent::Payer,
    free_quota::QuotaWindow,
    ports::{
        HolderRow,
        desk::{CreditAccountRow, FreeSlotRow, OwedRow, Page, StatementLine},
    },
    route::Quota,
    time::UnixMs,
};

use super::{
    shell::{Shell, Shown, Visit, cut, page, query},
    show,
};
use crate::operator::{Desk, ask, details};

/// Lines of a page.
const LINES: u32 = 200;
/// Free launches that are shown: two years of them.
const SLOTS: u32 = 120;
/// Holders that are shown.
const HOLDERS: u32 = 100;
/// Debts that are shown.
const OWED: u32 = 20;

#[derive(Template)]
#[template(path = "payer.html")]
struct View {
    shell: Shell,
    payer: String,
    card: bool,
    credits: Option<CreditAccountRow>,
    holders: Vec<HolderLine>,
    frozen: Option<String>,
    /// Free calls of this window, a sentence for each quota.
    left: String,
    windows: Vec<Window>,
    owed: Vec<OwedRow>,
    since: String,
    until: String,
    /// Where the statement's file is, less its ending.
    file: String,
    query: String,
    lines: Vec<StatementLine>,
    later: Option<String>,
}

/// A holder of the account's tokens.
struct HolderLine {
    id: String,
    reach: &'static str,
    payments: u32,
    since: String,
    revoked: Option<String>,
}

/// The free calls of a quota in a window.
#[derive(Debug, PartialEq, Eq)]
struct Window {
    name: String,
    used: usize,
    slots: Vec<FreeSlotRow>,
}

/// `GET /operator/payers/{payer}`.
pub(super) async fn payer(
    State(desk): State<Arc<Desk>>,
    Path(payer): Path<String>,
    visit: Visit,
) -> Shown {
    visit.asked.only(&["since", "until", "after", "done"])?;
    let payer = ask::payer(&payer)?;
    let (since, until) = details::span(&visit.asked)?;
    let after = visit.asked.page::<i64>()?.after;
    let lines =
        desk.desk.statement(&payer, since, until, &Page { after, limit: LINES + 1 }).await?;
    let owed = desk.desk.owed(true, Some(&payer), &Page { after: None, limit: OWED }).await?;
    let (mut credits, mut slots, mut holders, mut frozen) = (None, Vec::new(), Vec::new(), None);
    match &payer {
        Payer::Wallet(wallet) => slots = desk.desk.free_slots(*wallet, SLOTS).await?,
        Payer::Card(_) => {
            credits = Some(details::account_row(&payer, &desk.cards.credit_account(&payer).await?));
            holders = desk.cards.holders(&payer, HOLDERS).await?.into_iter().map(line).collect();
            frozen = desk.cards.frozen_since(&payer).await?.map(UnixMs::rfc3339);
        }
    }
    let (lines, more) = cut(lines, LINES);
    let named = payer.to_string();
    let given: Vec<(&str, String)> = ["since", "until"]
        .into_iter()
        .map(|name| (name, visit.text(name)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let pairs = || given.iter().map(|(name, value)| (*name, value.as_str()));
    let later = lines.last().filter(|_| more).map(|last| last.seq.to_string());
    let later = later
        .as_ref()
        .map(|after| super::shell::older(&format!("/operator/payers/{named}"), pairs(), after));
    let query = if given.is_empty() { String::new() } else { format!("?{}", query(pairs())) };
    Ok(page(&View {
        shell: visit.shell(format!("Payer {}", show::short(&named)), ""),
        card: credits.is_some(),
        credits,
        holders,
        frozen,
        left: left(&slots, &desk.quotas, desk.clock.now()),
        windows: windows(slots),
        owed,
        since: visit.text("since"),
        until: visit.text("until"),
        file: format!("statement/{named}"),
        query,
        lines,
        later,
        payer: named,
    }))
}

fn line(row: HolderRow) -> HolderLine {
    HolderLine {
        id: row.holder.id.to_string(),
        reach: row.holder.reach.word(),
        payments: row.payments,
        since: row.since.rfc3339(),
        revoked: row.revoked_at.map(UnixMs::rfc3339),
    }
}

/// What is left of each quota in its window.
fn left(slots: &[FreeSlotRow], quotas: &[Quota], now: UnixMs) -> String {
    let sentence = |quota: &Quota| {
        let QuotaWindow { quota: name, window } = quota.at(now);
        let held =
            slots.iter().filter(|slot| (&slot.quota, &slot.month) == (&name, &window)).count();
        let count = usize::try_from(quota.count.get()).unwrap_or(usize::MAX);
        format!("{} of {count} {name} left in {window}.", count.saturating_sub(held))
    };
    match quotas {
        [] => String::from("None are given now."),
        quotas => quotas.iter().map(sentence).collect::<Vec<_>>().join(" "),
    }
}

/// Slots by their quota and window, in the order that they came in; the slots of a window from the
/// first.
fn windows(slots: Vec<FreeSlotRow>) -> Vec<Window> {
    let mut all: Vec<Window> = Vec::new();
    for slot in slots {
        let name =
            QuotaWindow { quota: slot.quota.clone(), window: slot.month.clone() }.to_string();
        match all.iter_mut().find(|window| window.name == name) {
            Some(window) => window.slots.push(slot),
            None => all.push(Window { name, used: 0, slots: vec![slot] }),
        }
    }
    for window in &mut all {
        window.used = window.slots.len();
        window.slots.sort_by_key(|slot| slot.slot);
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn the_free_launches_of_a_month_are_those_that_nothing_holds() {
        let slot = |month: &str, slot| FreeSlotRow {
            quota: String::from("launches"),
            month: month.to_owned(),
            slot,
            intent_id: String::new(),
            state: String::from("created"),
            launch_id: None,
            created_at: String::new(),
        };
        let slots = [slot("2026-02", 2), slot("2026-02", 1), slot("2026-01", 5)];
        let quota = |name: &str, count, window| Quota {
            name: name.to_owned(),
            count: NonZeroU32::new(count).unwrap(),
            window,
        };
        let launches = |count| quota("launches", count, payments::route::Window::Month);
        let at = |day: &str| UnixMs::parse_day_or_moment(day).unwrap();
        assert_eq!(
            left(&slots, &[launches(5)], at("2026-02-03")),
            "3 of 5 launches left in 2026-02."
        );
        assert_eq!(
            left(&slots, &[launches(5)], at("2026-03-01")),
            "5 of 5 launches left in 2026-03."
        );
        assert_eq!(left(&slots, &[], at("2026-02-03")), "None are given now.");
        let both = [launches(1), quota("forecasts", 9, payments::route::Window::Day)];
        assert_eq!(
            left(&slots, &both, at("2026-02-03")),
            "0 of 1 launches left in 2026-02. 9 of 9 forecasts left in 2026-02-03."
        );
        let all = windows(slots.into());
        let shown: Vec<_> = all.iter().map(|window| (window.name.as_str(), window.used)).collect();
        assert_eq!(shown, [("launches in 2026-02", 2), ("launches in 2026-01", 1)]);
    }
}
