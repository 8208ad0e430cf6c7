//! What a payer gave and got, with the balance after each line.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use payments::{
    agent::Payer,
    ports::desk::{CreditAccountRow, FreeSlotRow, OwedRow, Page, StatementLine},
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
/// Debts that are shown.
const OWED: u32 = 20;

#[derive(Template)]
#[template(path = "payer.html")]
struct View {
    shell: Shell,
    payer: String,
    card: bool,
    credits: Option<CreditAccountRow>,
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
    let (mut credits, mut slots) = (None, Vec::new());
    match &payer {
        Payer::Wallet(wallet) => slots = desk.desk.free_slots(*wallet, SLOTS).await?,
        Payer::Card(_) => credits = Some(details::account_row(&payer, &desk.cards.credit_account(&payer).await?)),
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
