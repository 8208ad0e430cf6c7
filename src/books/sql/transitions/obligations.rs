//! What a transition does to the obligation of its payment or of another.

use payments::{
    ids::PaymentId,
    obligation::{ObligationState, ObligationStep},
    ports::BooksError,
    time::UnixMs,
};

use super::{
    super::{dialect::Connection, unavailable},
    exactly_one,
};

/// An entitlement, or a debt that somebody used up at once.
pub(super) async fn insert_obligation(
    connection: &mut Connection,
    id: PaymentId,
    used_by: Option<PaymentId>,
    until: UnixMs,
    at: UnixMs,
) -> Result<(), BooksError> {
    let inserted = sqlx::query(
        "INSERT INTO obligations (intent_id, payer, amount_minor, currency, state, reserved_by, entitled_until_ms, created_at_ms, updated_at_ms)
         SELECT id, payer, price_minor, currency, $1, $2, $3, $4, $5 FROM intents WHERE id = $6",
    )
    .bind(if used_by.is_some() { ObligationState::Used } else { ObligationState::Open }.word())
    .bind(used_by.map(|id| id.to_string()))
    .bind(until.ms())
    .bind(at.ms())
    .bind(at.ms())
    .bind(id.to_string())
    .execute(connection)
    .await
    .map_err(unavailable)?;
    exactly_one(id, &inserted)
}

/// The slot becomes free again, or the entitlement opens again with its first deadline.
pub(super) async fn give_back(
    connection: &mut Connection,
    id: PaymentId,
    entitlement: Option<PaymentId>,
    at: UnixMs,
) -> Result<(), BooksError> {
    if let Some(source) = entitlement {
        return move_obligation(connection, source, id, ObligationStep::REOPEN, at).await;
    }
    let released = sqlx::query("DELETE FROM free_slots WHERE intent_id = $1")
        .bind(id.to_string())
        .execute(connection)
        .await
        .map_err(unavailable)?;
    exactly_one(id, &released)
}

pub(super) async fn move_obligation(
    connection: &mut Connection,
    source: PaymentId,
    by: PaymentId,
    step: ObligationStep,
    at: UnixMs,
) -> Result<(), BooksError> {
    let moved = sqlx::query(
        "UPDATE obligations SET state = $1, reserved_by = CASE WHEN $1 = $2 THEN NULL ELSE reserved_by END, updated_at_ms = $3
         WHERE intent_id = $4 AND state = $5 AND reserved_by = $6",
    )
    .bind(step.to().word())
    .bind(ObligationState::Open.word())
    .bind(at.ms())
    .bind(source.to_string())
    .bind(step.from().word())
    .bind(by.to_string())
    .execute(connection)
    .await
    .map_err(unavailable)?;
    exactly_one(source, &moved)
}
