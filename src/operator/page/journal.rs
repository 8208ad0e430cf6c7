//! Postings with their lines, what every family of accounts comes to, and what gas cost beside
//! them.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use payments::{
    ports::desk::{Page, PostedSum, PostingRow},
    settlement::GasSpent,
};

use super::{
    payment::{Booked, booked},
    shell::{Shell, Shown, Visit, cut, page, query},
    show,
};
use crate::operator::Desk;

/// Postings of a page.
const POSTINGS: u32 = 50;

#[derive(Template)]
#[template(path = "journal.html")]
struct View {
    shell: Shell,
    account: String,
    query: String,
    balances: Vec<PostedSum>,
    /// What gas was paid for, each with its sum; added up only when asked for, since every
    /// transaction is looked at.
    gas: Option<[(&'static str, String); 4]>,
    postings: Vec<Posting>,
    older: Option<String>,
}

struct Posting {
    row: PostingRow,
    lines: Vec<Booked>,
}

/// `GET /operator/journal`.
pub(super) async fn journal(State(desk): State<Arc<Desk>>, visit: Visit) -> Shown {
    visit.asked.only(&["account", "after", "gas", "done"])?;
    let (account, after) = (visit.text("account"), visit.asked.page::<i64>()?.after);
    let asked = Some(account.as_str()).filter(|account| !account.is_empty());
    let postings = desk.desk.postings(asked, &Page { after, limit: POSTINGS + 1 }).await?;
    let balances = match asked {
        None => desk.desk.overview(desk.clock.now()).await?.accounts,
        Some(_) => Vec::new(),
    };
    let gas =
        if visit.asked.flag("gas")? { Some(gas(&desk.books.gas_spent().await?)) } else { None };
    let (postings, more) = cut(postings, POSTINGS);
    let pairs = || asked.map(|account| ("account", account)).into_iter();
    let older = postings.last().filter(|_| more).map(|last| last.seq.to_string());
    let older =
        older.as_ref().map(|after| super::shell::older("/operator/journal", pairs(), after));
    let query = asked.map(|_| format!("?{}", query(pairs()))).unwrap_or_default();
    let postings =
        postings.into_iter().map(|row| Posting { lines: booked(&row.lines), row }).collect();
    Ok(page(&View {
        shell: visit.shell("Journal", "/operator/journal"),
        account,
        query,
        balances,
        gas,
        postings,
        older,
    }))
}

fn gas(spent: &GasSpent) -> [(&'static str, String); 4] {
    [
        ("Settlement transactions", show::ether(spent.settled_wei)),
        ("Reverted transactions", show::ether(spent.lost_wei)),
        ("Cancellation transactions", show::ether(spent.void_wei)),
        ("Refunds in USDC", show::ether(spent.refunds_wei)),
    ]
}
