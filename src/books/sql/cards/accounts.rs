//! Whose account it is, and what happened to its credits.

use payments::{
    agent::Payer,
    ids::PaymentId,
    ports::{BooksError, CreditEntry},
    proof::ChargeKey,
};

use super::super::dialect::{DbRow, Pool};
use super::super::{rows, unavailable};

pub(super) async fn entries(readers: &Pool, payer: &Payer, before: Option<i64>, limit: u32) -> Result<Vec<CreditEntry>, BooksError> {
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
    let row = sqlx::query("SELECT mark FROM key_marks WHERE name = $1").bind(name).fetch_one(writer).await.map_err(unavailable)?;
    rows::text(&row, "mark")
}

pub(super) async fn of_token(readers: &Pool, sha256: &[u8; 32]) -> Result<Option<Payer>, BooksError> {
    let row = sqlx::query("SELECT payer, intent_id FROM agent_tokens WHERE token_sha256 = $1")
        .bind(sha256.as_slice())
        .fetch_optional(readers)
        .await
        .map_err(unavailable)?;
    row.as_ref().map(|row| payer(row, "agent_tokens")).transpose()
}

/// Both halves of the credential, and a settlement: one that only identified somebody or spent a credit paid nothing.
pub(super) async fn of_charge(readers: &Pool, key: &ChargeKey) -> Result<Option<Payer>, BooksError> {
    let row = sqlx::query(
        "SELECT i.payer, i.id AS intent_id FROM challenges c JOIN intents i ON i.id = c.intent_id
         JOIN settlements s ON s.intent_id = i.id
         WHERE c.challenge_id = $1 AND c.spt_sha256 = $2 AND c.purpose = 'pay'",
    )
    .bind(key.challenge_id.to_string())
    .bind(key.token_sha256.as_slice())
    .fetch_optional(readers)
    .await
    .map_err(unavailable)?;
    row.as_ref().map(|row| payer(row, "intents")).transpose()
}

fn payer(row: &DbRow, table: &'static str) -> Result<Payer, BooksError> {
    let key = rows::text(row, "intent_id")?;
    rows::text(row, "payer")?.parse().map_err(|_| BooksError::Corrupt { table, column: "payer", key })
}

pub(super) async fn intent_of_charge(readers: &Pool, payment_intent: &str) -> Result<Option<PaymentId>, BooksError> {
    let row = sqlx::query("SELECT intent_id FROM settlements WHERE stripe_pi = $1")
        .bind(payment_intent)
        .fetch_optional(readers)
        .await
        .map_err(unavailable)?;
    row.map(|row| rows::id(&row, "settlements", "intent_id")).transpose()
}
