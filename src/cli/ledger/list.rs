//! `turnpike ledger ls`: the payments of a filter, and what they come to.

use clap::Args;
use payments::{
    ids::PaymentId,
    ports::desk::{Page, PaymentRow, PaymentSums},
};
use serde_json::json;

use super::{filter::Filter, tables::seconds, unreadable};
use crate::{
    app::Beside,
    cli::{
        exit::{Exit, Failure},
        output::{self, Format, money, short, table},
    },
};

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    filter: Filter,
    /// Print totals instead of rows.
    #[arg(long, conflicts_with = "before")]
    sums: bool,
    /// Maximum number of rows.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Only payments older than this id: the last id of the previous page.
    #[arg(long, value_name = "ID")]
    before: Option<PaymentId>,
}

pub(super) async fn run(beside: &Beside, list: List, format: Format) -> Result<Exit, Failure> {
    let filter = list.filter.read(beside.clock.now())?;
    if list.sums {
        let sums = beside.desk.payment_sums(&filter).await.map_err(unreadable)?;
        match format {
            Format::Json => output::json(&json!(sums)),
            Format::Readable => output::line(&sums_table(&sums)),
        }
        return Ok(Exit::Done);
    }
    let page = Page { after: list.before, limit: list.limit };
    let rows = beside.desk.payments(&filter, &page).await.map_err(unreadable)?;
    match format {
        Format::Json => output::json(&json!(rows)),
        Format::Readable => {
            output::line(&payments_table(&rows));
            output::older(rows.len(), list.limit, rows.last().map(|row| &row.id));
        }
    }
    Ok(Exit::Done)
}

/// Payments, one a row.
pub(in crate::cli) fn payments_table(rows: &[PaymentRow]) -> String {
    let rows = rows.iter().map(|row| {
        let settled = row
            .settled_minor
            .zip(row.settled_currency.as_ref())
            .map(|(minor, currency)| money(minor, currency));
        vec![
            row.id.clone(),
            seconds(&row.created_at),
            output::payer(&row.payer),
            row.funding.clone(),
            row.state.clone(),
            money(row.price_minor, &row.currency),
            settled.unwrap_or_default(),
            row.reference.as_deref().map(short).unwrap_or_default(),
        ]
    });
    table(
        &[
            "payment",
            "created (UTC)",
            "payer",
            "funding",
            "state",
            ">price",
            ">settled",
            "reference",
        ],
        rows.collect(),
    )
}

fn sums_table(sums: &PaymentSums) -> String {
    let mut rows = vec![vec![String::from("payments"), sums.payments.to_string(), String::new()]];
    rows.extend(sums.settled.iter().map(|sum| {
        vec![
            format!("settled in {}", sum.currency),
            sum.settled.to_string(),
            money(sum.settled_minor, &sum.currency),
        ]
    }));
    table(&["", ">number", ">sum"], rows)
}
