//! The inbox of the card processor's events, and who waits for one.

use payments::{
    ids::PaymentId,
    ports::{BooksError, EventNote},
    time::UnixMs,
};
use sqlx::Row;

use super::super::dialect::Pool;
use super::super::unavailable;

/// Says whether the event is still to be carried out: it came for the first time, or nobody
/// finished with it.
pub(super) async fn arrived(writer: &Pool, event: &EventNote) -> Result<bool, BooksError> {
    let row = sqlx::query(
        "INSERT INTO webhook_inbox (event_id, kind, arrived_at_ms) VALUES ($1, $2, $3)
         ON CONFLICT (event_id) DO UPDATE SET event_id = webhook_inbox.event_id RETURNING done_at_ms",
    )
    .bind(&event.id)
    .bind(&event.kind)
    .bind(event.at.ms())
    .fetch_one(writer)
    .await
    .map_err(unavailable)?;
    row.try_get::<Option<i64>, _>("done_at_ms").map(|done| done.is_none()).map_err(unavailable)
}

pub(super) async fn done(writer: &Pool, id: &str, at: UnixMs) -> Result<(), BooksError> {
    sqlx::query(
        "UPDATE webhook_inbox SET done_at_ms = $1 WHERE event_id = $2 AND done_at_ms IS NULL",
    )
    .bind(at.ms())
    .bind(id)
    .execute(writer)
    .await
    .map(drop)
    .map_err(unavailable)
}

/// Whether an intent waits for the processor to say what became of its charge.
pub(super) async fn waits(readers: &Pool, intent: PaymentId) -> Result<bool, BooksError> {
    let row = sqlx::query(
        "SELECT 1 FROM intents i JOIN charges c ON c.intent_id = i.id
         WHERE i.id = $1 AND i.state NOT IN ('pay_failed', 'created', 'rejected', 'released', 'granted')",
    )
    .bind(intent.to_string())
    .fetch_optional(readers)
    .await
    .map_err(unavailable)?;
    Ok(row.is_some())
}
