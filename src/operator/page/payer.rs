//! What a payer gave and got, with the balance after each line.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use payments::{
    agent::Payer,
    ports::{
        HolderRow,
        desk::{CreditAccountRow, FreeSlotRow, OwedRow, Page, StatementLine},
    },
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
    /// Free launches of this month, in a sentence.
    left: String,
    months: Vec<Month>,
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

/// The free launches of a month.
#[derive(Debug, PartialEq, Eq)]
struct Month {
    name: String,
    used: usize,
    slots: Vec<FreeSlotRow>,
}

/// `GET /operator/payers/{payer}`.
pub(super) async fn payer(State(desk): State<Arc<Desk>>, Path(payer): Path<String>, visit: Visit) -> Shown {
    visit.asked.only(&["since", "until", "after", "done"])?;
    let payer = ask::payer(&payer)?;
    let (since, until) = details::span(&visit.asked)?;
    let after = visit.asked.page::<i64>()?.after;
    let lines = desk.desk.statement(&payer, since, until, &Page { after, limit: LINES + 1 }).await?;
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
    let given: Vec<(&str, String)> =
        ["since", "until"].into_iter().map(|name| (name, visit.text(name))).filter(|(_, value)| !value.is_empty()).collect();
    let pairs = || given.iter().map(|(name, value)| (*name, value.as_str()));
    let later = lines.last().filter(|_| more).map(|last| last.seq.to_string());
    let later = later.as_ref().map(|after| super::shell::older(&format!("/operator/payers/{named}"), pairs(), after));
    let query = if given.is_empty() { String::new() } else { format!("?{}", query(pairs())) };
    Ok(page(&View {
        shell: visit.shell(format!("Payer {}", show::short(&named)), ""),
        card: credits.is_some(),
        credits,
        holders,
        frozen,
        left: left(&slots, &desk.clock.now().month().to_string(), desk.free_per_month),
        months: months(slots),
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

/// What is left of a month's free launches.
fn left(slots: &[FreeSlotRow], month: &str, per_month: u8) -> String {
    let held = slots.iter().filter(|slot| slot.month == month).count();
    match per_month {
        0 => String::from("None are given now."),
        _ => format!("{} of {per_month} left in {month}.", usize::from(per_month).saturating_sub(held)),
    }
}

/// Slots by their month, in the order that they came in; the slots of a month from the first.
fn months(slots: Vec<FreeSlotRow>) -> Vec<Month> {
    let mut all: Vec<Month> = Vec::new();
    for slot in slots {
        match all.iter_mut().find(|month| month.name == slot.month) {
            Some(month) => month.slots.push(slot),
            None => all.push(Month { name: slot.month.clone(), used: 0, slots: vec![slot] }),
        }
    }
    for month in &mut all {
        month.used = month.slots.len();
        month.slots.sort_by_key(|slot| slot.slot);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_free_launches_of_a_month_are_those_that_nothing_holds() {
        let slot = |month: &str, slot| FreeSlotRow {
            month: month.to_owned(),
            slot,
            intent_id: String::new(),
            state: String::from("created"),
            launch_id: None,
            created_at: String::new(),
        };
        let slots = [slot("2026-02", 2), slot("2026-02", 1), slot("2026-01", 5)];
        assert_eq!(left(&slots, "2026-02", 5), "3 of 5 left in 2026-02.");
        assert_eq!(left(&slots, "2026-03", 5), "5 of 5 left in 2026-03.");
        assert_eq!(
            (left(&slots, "2026-02", 1).as_str(), left(&slots, "2026-02", 0).as_str()),
            ("0 of 1 left in 2026-02.", "None are given now.")
        );
        let all = months(slots.into());
        assert_eq!(all.iter().map(|month| (month.name.as_str(), month.used)).collect::<Vec<_>>(), [("2026-02", 2), ("2026-01", 1)]);
    }
}
