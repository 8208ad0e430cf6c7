//! Entries of the processor's balance: noted once each, with the posting of the fee.

use payments::{
    clearing::{BalanceEntry, CentsMoved, EntryRole},
    ids::PaymentId,
    ledger::Posting,
    ports::{BooksError, EntryOwner},
    time::UnixMs,
};

use super::super::dialect::Connection;
use super::super::{journal, reconcile::runs, rows, unavailable};

pub(super) async fn note_all(
    connection: &mut Connection,
    fence: i64,
    entries: &[BalanceEntry],
    foreign_since: Option<UnixMs>,
    at: UnixMs,
) -> Result<Vec<EntryOwner>, BooksError> {
    runs::guard(connection, fence).await?;
    let mut owners = Vec::with_capacity(entries.len());
    for entry in entries {
        owners.push(note(connection, entry, foreign_since, at).await?);
    }
    Ok(owners)
}

/// What was nobody's may be ours later: its payment was settled here meanwhile.
pub(super) async fn note(
    connection: &mut Connection,
    entry: &BalanceEntry,
    foreign_since: Option<UnixMs>,
    at: UnixMs,
) -> Result<EntryOwner, BooksError> {
    if entry.role() != EntryRole::Movement {
        return Ok(EntryOwner::Payout);
    }
    if owner(connection, &entry.id).await? == Some(EntryOwner::Ours) {
        return Ok(EntryOwner::Ours);
    }
    let intent = match &entry.payment {
        Some(payment) => intent_of(connection, payment).await?,
        None => None,
    };
    if intent.is_none() && foreign_since.is_none_or(|since| entry.created < since) {
        return Ok(EntryOwner::Foreign);
    }
    let noted = insert(connection, entry, intent, at).await?;
    let Some(intent) = intent else { return Ok(EntryOwner::Foreign) };
    if noted && entry.is_in_usd() {
        let fee =
            Posting::fee(intent, &entry.id, entry.fee_kind(), CentsMoved::new(entry.fee_minor));
        if let Some(posting) = fee.map_err(|_| too_large(&entry.id))? {
            journal::post(connection, &posting, at).await?;
        }
    }
    Ok(EntryOwner::Ours)
}

/// Says whether it is new, or newly ours.
async fn insert(
    connection: &mut Connection,
    entry: &BalanceEntry,
    intent: Option<PaymentId>,
    at: UnixMs,
) -> Result<bool, BooksError> {
    let net = entry.net_minor().ok_or_else(|| too_large(&entry.id))?;
    let noted = sqlx::query(
        "INSERT INTO stripe_entries (entry_id, intent_id, kind, source, amount_minor, fee_minor, net_minor, currency, created_at_ms, noted_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (entry_id) DO UPDATE SET intent_id = excluded.intent_id
         WHERE stripe_entries.intent_id IS NULL AND excluded.intent_id IS NOT NULL",
    )
    .bind(&entry.id)
    .bind(intent.map(|intent| intent.to_string()))
    .bind(&entry.kind)
    .bind(&entry.source)
    .bind(entry.amount_minor)
    .bind(entry.fee_minor)
    .bind(net)
    .bind(&entry.currency)
    .bind(entry.created.ms())
    .bind(at.ms())
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(noted.rows_affected() == 1)
}

/// Whose a kept entry is; none that is not kept.
pub(super) async fn owner(
    connection: &mut Connection,
    id: &str,
) -> Result<Option<EntryOwner>, BooksError> {
    let row = sqlx::query("SELECT intent_id FROM stripe_entries WHERE entry_id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await;
    let Some(row) = row.map_err(unavailable)? else { return Ok(None) };
    Ok(Some(if rows::text_or_none(&row, "intent_id")?.is_some() {
        EntryOwner::Ours
    } else {
        EntryOwner::Foreign
    }))
}

/// A payment that settled something, or that took what nobody asked for and is on its way back.
async fn intent_of(
    connection: &mut Connection,
    payment: &str,
) -> Result<Option<PaymentId>, BooksError> {
    let row = sqlx::query(
        "SELECT intent_id FROM settlements WHERE stripe_pi = $1 UNION SELECT intent_id FROM refunds WHERE payment_intent = $1 LIMIT 1",
    );
    let row = row.bind(payment).fetch_optional(connection).await.map_err(unavailable)?;
    row.as_ref().map(|row| rows::id(row, "settlements", "intent_id")).transpose()
}

pub(super) async fn missing(
    connection: &mut Connection,
    since: UnixMs,
    limit: u32,
) -> Result<Vec<String>, BooksError> {
    let list = sqlx::query(
        "SELECT stripe_charge FROM settlements s WHERE rail = 'mpp' AND settled_at_ms >= $1 AND stripe_charge IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM stripe_entries e WHERE e.source = s.stripe_charge) ORDER BY settled_at_ms DESC LIMIT $2",
    )
    .bind(since.ms())
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    list.iter().map(|row| rows::text(row, "stripe_charge")).collect()
}

pub(super) fn too_large(entry: &str) -> BooksError {
    BooksError::Corrupt { table: "stripe_entries", column: "fee_minor", key: entry.to_owned() }
}
