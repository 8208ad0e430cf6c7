//! The lists beside the payments': the journal, what is owed, requests, what operators did,
//! comparisons.

use clap::Args;
use payments::{
    agent::Payer,
    ports::{
        BooksError,
        desk::{ActionRow, Page, PaymentFilter, PostingRow, RequestRow},
    },
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{filter::known, tables::seconds, unreadable};
use crate::{
    app::Beside,
    cli::{
        exit::{Exit, Failure},
        output::{self, Format, money, table},
    },
};

/// A page of a list whose rows are numbered.
#[derive(Args)]
pub(super) struct Numbered {
    /// Maximum number of rows.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Before this number: the last `seq` of the previous page.
    #[arg(long, value_name = "SEQ")]
    before: Option<i64>,
}

#[derive(Args)]
pub(super) struct Owed {
    /// Include completed refunds, newest first.
    #[arg(long)]
    all: bool,
    /// Filter by payer.
    #[arg(long, value_parser = known("payer"))]
    payer: Option<String>,
    /// Maximum number of rows.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// After this id: the last id of the previous page.
    #[arg(long, value_name = "ID")]
    after: Option<String>,
}

#[derive(Args)]
pub(super) struct Requests {
    /// Filter by payer.
    #[arg(long, value_parser = known("payer"))]
    payer: Option<String>,
    #[command(flatten)]
    page: Numbered,
}

pub(super) async fn journal(
    beside: &Beside,
    account: Option<&str>,
    page: Numbered,
    format: Format,
) -> Result<Exit, Failure> {
    let rows = beside.desk.postings(account, &page.page()).await;
    let of = |rows: &[PostingRow]| {
        let lines = rows.iter().flat_map(|row| {
            row.lines.iter().enumerate().map(move |(place, line)| {
                let first = |text: String| if place == 0 { text } else { String::new() };
                let amount = money(line.amount, &line.currency);
                vec![
                    first(row.seq.to_string()),
                    first(seconds(&row.posted_at)),
                    first(row.txn_id.clone()),
                    line.account.clone(),
                    amount,
                ]
            })
        });
        table(&[">seq", "posted (UTC)", "posting", "account", ">amount"], lines.collect())
    };
    page.print(rows, format, of, |row| row.seq)
}

pub(super) async fn requests(
    beside: &Beside,
    list: Requests,
    format: Format,
) -> Result<Exit, Failure> {
    let payer = payer(list.payer.as_deref());
    let rows = beside.desk.requests(payer.as_ref(), &list.page.page()).await;
    list.page.print(rows, format, requests_table, |row| row.seq)
}

pub(super) async fn actions(
    beside: &Beside,
    page: Numbered,
    format: Format,
) -> Result<Exit, Failure> {
    let rows = beside.desk.actions(&page.page()).await;
    page.print(rows, format, actions_table, |row| row.seq)
}

pub(super) async fn owed(beside: &Beside, list: Owed, format: Format) -> Result<Exit, Failure> {
    let payer = payer(list.payer.as_deref());
    let page = Page { after: list.after.clone(), limit: list.limit };
    let rows = beside.desk.owed(list.all, payer.as_ref(), &page).await.map_err(unreadable)?;
    match format {
        Format::Json => output::json(&json!(rows)),
        Format::Readable => {
            let cells = rows.iter().map(|row| {
                let until = row.entitled_until.as_deref().map(seconds).unwrap_or_default();
                vec![
                    row.id.clone(),
                    row.payer.clone(),
                    money(row.amount_minor, &row.currency),
                    row.state.clone(),
                    seconds(&row.since),
                    until,
                ]
            });
            output::line(&table(
                &["for", "owed to", ">amount", "state", "since (UTC)", "entitled until"],
                cells.collect(),
            ));
            if let Some(last) = rows.last().filter(|_| output::is_full(rows.len(), list.limit)) {
                output::line(&format!("more: the same with --after {}", last.id));
            }
        }
    }
    Ok(Exit::Done)
}

pub(super) async fn runs(beside: &Beside, limit: u32, format: Format) -> Result<Exit, Failure> {
    let rows = beside.desk.runs(limit).await.map_err(unreadable)?;
    match format {
        Format::Json => output::json(&json!(rows)),
        Format::Readable => {
            let cells = rows.iter().map(|row| {
                let ended = row.ended_at.as_deref().map(seconds).unwrap_or_default();
                let sources = sources(&row.sources);
                vec![
                    seconds(&row.started_at),
                    ended,
                    row.scope.clone(),
                    row.opened.to_string(),
                    row.closed.to_string(),
                    sources,
                ]
            });
            output::line(&table(
                &["began (UTC)", "ended (UTC)", "scope", ">opened", ">closed", "sources"],
                cells.collect(),
            ));
        }
    }
    Ok(Exit::Done)
}

/// `chain checked 12, core not_offered 0`.
fn sources(sources: &Value) -> String {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let each = sources.as_array().into_iter().flatten();
    let each = each
        .map(|it| format!("{} {} {}", word(&it["source"]), word(&it["outcome"]), it["compared"]));
    each.collect::<Vec<_>>().join(", ")
}

pub(super) fn requests_table(rows: &[RequestRow]) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let rows = rows.iter().map(|row| {
        let reason = row.reason.clone().or_else(|| row.code.clone()).unwrap_or_default();
        let name = row.request_id.clone();
        vec![
            seconds(&row.at),
            output::payer(&row.payer),
            row.route.clone(),
            row.status.to_string(),
            reason,
            text(&row.payment_id),
            name,
        ]
    });
    table(
        &["at (UTC)", "payer", "route", ">status", "reason", "payment", "request"],
        rows.collect(),
    )
}

pub(super) fn actions_table(rows: &[ActionRow]) -> String {
    let rows = rows.iter().map(|row| {
        vec![
            seconds(&row.at),
            row.action.clone(),
            row.subject.clone(),
            row.reason.clone(),
            row.via.clone(),
        ]
    });
    table(&["at (UTC)", "action", "about", "reason", "by"], rows.collect())
}

/// A payer that the option's reader has let through.
fn payer(text: Option<&str>) -> Option<Payer> {
    PaymentFilter::read([("payer", text?)]).ok()?.payer
}

// === impl Numbered ===

impl Numbered {
    fn page(&self) -> Page<i64> {
        Page { after: self.before, limit: self.limit }
    }

    fn print<R: Serialize>(
        &self,
        rows: Result<Vec<R>, BooksError>,
        format: Format,
        table: impl FnOnce(&[R]) -> String,
        seq: impl FnOnce(&R) -> i64,
    ) -> Result<Exit, Failure> {
        let rows = rows.map_err(unreadable)?;
        match format {
            Format::Json => output::json(&json!(rows)),
            Format::Readable => {
                output::line(&table(&rows));
                output::older(rows.len(), self.limit, rows.last().map(seq));
            }
        }
        Ok(Exit::Done)
    }
}
