//! Lists of payments, and what they come to.

use ::payments::{
    ids::PaymentId,
    ports::{
        BooksError,
        desk::{Page, PaymentFilter, PaymentRow, PaymentSums, SettledSum},
    },
};

use super::super::{
    dialect::{Connection, DbRow},
    rows,
};
use super::{
    page::{Shown, live},
    text::{Text, all, int_or_none, moment, moment_or_none, number, one},
};

/// What a row shows. `i` is the payment, `s` its settlement, `o` its debt.
macro_rules! columns {
    () => {
        concat!(
            "i.id, i.created_at_ms, i.updated_at_ms, i.payer, i.rail, i.route, i.funding, i.state, i.price_minor, i.currency, i.launch_id, i.failure,
             s.amount_minor AS settled_minor, s.currency AS settled_currency, s.settled_at_ms, coalesce(s.tx_hash, s.stripe_pi) AS reference,
             s.chain_id AS settled_chain, CAST(CASE WHEN s.intent_id IS NULL THEN NULL ELSE ", live!(), " END AS BIGINT) AS live,
             o.state AS obligation"
        )
    };
}
/// What hangs on a payment `i`.
macro_rules! beside {
    () => {
        " LEFT JOIN settlements s ON s.intent_id = i.id LEFT JOIN obligations o ON o.intent_id = i.id"
    };
}
pub(super) use {beside, columns};

pub(super) async fn page(
    connection: &mut Connection,
    filter: &PaymentFilter,
    page: &Page<PaymentId>,
) -> Result<Vec<PaymentRow>, BooksError> {
    let shown = Shown::by(connection, filter, page.after).await?;
    if shown.is_empty() {
        return Ok(Vec::new());
    }
    let mut text = Text::new(concat!("SELECT ", columns!(), " FROM (SELECT id FROM ("));
    shown.push(&mut text, Some(page.limit));
    text.push(") AS shown ORDER BY id DESC LIMIT ").push_bind(i64::from(page.limit));
    text.push(concat!(
        ") AS page JOIN intents i ON i.id = page.id",
        beside!(),
        " ORDER BY i.id DESC"
    ));
    all(text, connection).await?.iter().map(row).collect()
}

/// Every payment and every settlement that a filter shows is looked at: there is no shorter way
/// that is always right.
pub(super) async fn sums(
    connection: &mut Connection,
    filter: &PaymentFilter,
) -> Result<PaymentSums, BooksError> {
    let shown = Shown::by(connection, filter, None).await?;
    let mut sums = PaymentSums::default();
    if shown.is_empty() {
        return Ok(sums);
    }
    let mut text = Text::new(
        "SELECT s.currency, CAST(count(*) AS BIGINT) AS payments, CAST(coalesce(sum(s.amount_minor), 0) AS BIGINT) AS settled_minor FROM (",
    );
    shown.push(&mut text, None);
    text.push(") AS shown LEFT JOIN settlements s ON s.intent_id = shown.id GROUP BY s.currency ORDER BY s.currency");
    for row in &all(text, connection).await? {
        let payments = number(row, "payments")?;
        sums.payments = sums.payments.saturating_add(payments);
        if let Some(currency) = rows::text_or_none(row, "currency")? {
            sums.settled.push(SettledSum {
                currency,
                settled: payments,
                settled_minor: rows::int(row, "settled_minor")?,
            });
        }
    }
    sums.settled.sort_by(|one, other| one.currency.cmp(&other.currency));
    Ok(sums)
}

pub(super) async fn are_more_than(
    connection: &mut Connection,
    filter: &PaymentFilter,
    payments: u32,
) -> Result<bool, BooksError> {
    let shown = Shown::by(connection, filter, None).await?;
    if shown.is_empty() {
        return Ok(false);
    }
    let mut text = Text::new("SELECT CAST(count(*) AS BIGINT) AS payments FROM (SELECT id FROM (");
    shown.push(&mut text, Some(payments.saturating_add(1)));
    text.push(") AS shown LIMIT ")
        .push_bind(i64::from(payments).saturating_add(1))
        .push(") AS first");
    Ok(number(&one(text, connection).await?, "payments")? > u64::from(payments))
}

pub(super) fn row(row: &DbRow) -> Result<PaymentRow, BooksError> {
    Ok(PaymentRow {
        id: rows::text(row, "id")?,
        created_at: moment(row, "created_at_ms")?,
        updated_at: moment(row, "updated_at_ms")?,
        payer: rows::text(row, "payer")?,
        rail: rows::text(row, "rail")?,
        route: rows::text(row, "route")?,
        funding: rows::text(row, "funding")?,
        state: rows::text(row, "state")?,
        price_minor: rows::int(row, "price_minor")?,
        currency: rows::text(row, "currency")?,
        settled_minor: int_or_none(row, "settled_minor")?,
        settled_currency: rows::text_or_none(row, "settled_currency")?,
        settled_at: moment_or_none(row, "settled_at_ms")?,
        reference: rows::text_or_none(row, "reference")?,
        chain_id: int_or_none(row, "settled_chain")?,
        live: int_or_none(row, "live")?.map(|live| live == 1),
        launch_id: rows::text_or_none(row, "launch_id")?,
        failure: rows::text_or_none(row, "failure")?,
        obligation: rows::text_or_none(row, "obligation")?,
    })
}
