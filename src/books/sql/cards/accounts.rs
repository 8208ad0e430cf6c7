//! Whose account it is, and what happened to its credits.

use payments::{
    agent::Payer,
    ids::PaymentId,
    ports::{BooksError, CreditEntry},
};

use super::super::dialect::{DbRow, Pool};
use super::super::{rows, unavailable};

pub(super) async fn entries(
    readers: &Pool,
    payer: &Payer,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<CreditEntry>, BooksError> {
    let list =
        sqlx::query("SELECT seq, delta, kind, intent_id, ref FROM credit_entries WHERE payer = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3")
            .bind(payer.to_string())
            .bind(before.unwrap_or(i64::MAX))
            .bind(i64::from(limit))
            .fetch_all(readers)
            .await
            .map_err(unavailable)?;
    list.iter().map(entry).collect()
}

fn entry(row: &DbRow) -> Result<CreditEntry, BooksError> {
    Ok(CreditEntry {
        seq: rows::int(row, "seq")?,
        delta: rows::int(row, "delta")?,
        kind: rows::text(row, "kind")?,
        intent_id: rows::text_or_none(row, "intent_id")?,
        reference: rows::text_or_none(row, "ref")?,
    })
}

pub(super) async fn same_key(writer: &Pool, name: &str, mark: &str) -> Result<bool, BooksError> {
    Ok(kept_mark(writer, name, mark).await? == mark)
}

/// The first one is kept, whoever else comes at the same time.
pub(super) async fn kept_mark(writer: &Pool, name: &str, mark: &str) -> Result<String, BooksError> {
    sqlx::query("INSERT INTO key_marks (name, mark) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
        .bind(name)
        .bind(mark)
        .execute(writer)
        .await
        .map_err(unavailable)?;
    let row = sqlx::query("SELECT mark FROM key_marks WHERE name = $1")
        .bind(name)
        .fetch_one(writer)
        .await
        .map_err(unavailable)?;
    rows::text(&row, "mark")
}

pub(super) async fn intent_of_charge(
    readers: &Pool,
    payment_intent: &str,
) -> Result<Option<PaymentId>, BooksError> {
    let row = sqlx::query("SELECT intent_id FROM settlements WHERE stripe_pi = $1")
        .bind(payment_intent)
        .fetch_optional(readers)
        .await
        .map_err(unavailable)?;
    row.map(|row| rows::id(&row, "settlements", "intent_id")).transpose()
}
