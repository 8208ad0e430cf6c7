//! Disputes as the card processor told them last.

use payments::{
    ports::{BooksError, DisputeNote},
    time::UnixMs,
};

use super::super::dialect::{DbRow, Pool};
use super::super::{rows, unavailable};

/// Disputes, those whose evidence is due first before the others; only those that are not decided,
/// or all.
pub(super) async fn disputes(
    readers: &Pool,
    waiting_only: bool,
    limit: u32,
) -> Result<Vec<DisputeNote>, BooksError> {
    let query = if waiting_only {
        "SELECT d.*, i.payer FROM dispute_notes d JOIN intents i ON i.id = d.intent_id
             WHERE d.state IN ('inquiry', 'open', 'unrecognised') AND d.status <> 'warning_closed' AND d.status <> 'prevented'
             ORDER BY coalesce(d.due_by_ms, 0), d.dispute_id LIMIT $1"
    } else {
        "SELECT d.*, i.payer FROM dispute_notes d JOIN intents i ON i.id = d.intent_id ORDER BY d.opened_at_ms DESC, d.dispute_id LIMIT $1"
    };
    let list =
        sqlx::query(query).bind(i64::from(limit)).fetch_all(readers).await.map_err(unavailable)?;
    list.iter().map(note).collect()
}

fn note(row: &DbRow) -> Result<DisputeNote, BooksError> {
    let id = rows::text(row, "dispute_id")?;
    let due: Option<i64> = sqlx::Row::try_get(row, "due_by_ms").map_err(unavailable)?;
    Ok(DisputeNote {
        payment: rows::text(row, "intent_id")?,
        payer: rows::text(row, "payer")?,
        amount_cents: rows::unsigned(row, "dispute_notes", "amount_cents", || id.clone())?,
        state: rows::text(row, "state")?,
        status: rows::text(row, "status")?,
        reason: rows::text(row, "reason")?,
        due_by: due.map(UnixMs::new),
        opened_at: UnixMs::new(rows::int(row, "opened_at_ms")?),
        id,
    })
}
