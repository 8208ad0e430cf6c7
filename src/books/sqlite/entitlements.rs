//! What is owed to a wallet and pays for a call of its route: which, how much of it, and what
//! stays.

use payments::{
    ids::PaymentId,
    obligation::{ObligationState, ObligationStep, Share},
    obligation_word,
    ports::{BooksError, NewClaim},
};

use super::dialect::Connection;
use super::{funding::too_large, rows, unavailable};

/// The oldest one that pays for this call, as `Entitlement::funds` says.
pub(super) async fn oldest(
    connection: &mut Connection,
    claim: &NewClaim<'_>,
) -> Result<Option<PaymentId>, BooksError> {
    let oldest = sqlx::query(concat!(
        "SELECT intent_id FROM obligations WHERE payer = $1 AND state = '",
        obligation_word!(Open),
        "' AND currency = $2 AND entitled_until_ms > $3 AND CASE WHEN receipt_id IS NULL
            THEN (amount_minor >= $4 OR part_of IS NULL)
                AND EXISTS (SELECT 1 FROM intents i WHERE i.id = obligations.intent_id AND i.route = $5)
            ELSE amount_minor = $4 END
         ORDER BY created_at_ms, intent_id LIMIT 1"
    ));
    oldest
        .bind(claim.payer.to_string())
        .bind(claim.price.currency())
        .bind(claim.at.ms())
        .bind(claim.price.minor().map_err(|_| too_large(claim))?)
        .bind(&claim.request.route)
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?
        .map(|row| rows::id(&row, "obligations", "intent_id"))
        .transpose()
}

/// What a call at this price takes of it.
pub(super) async fn share(
    connection: &mut Connection,
    source: PaymentId,
    price_minor: i64,
) -> Result<Share, BooksError> {
    let amount = sqlx::query("SELECT amount_minor FROM obligations WHERE intent_id = $1")
        .bind(source.to_string())
        .fetch_one(connection)
        .await
        .map_err(unavailable)?;
    Ok(Share::of(rows::int(&amount, "amount_minor")?, price_minor))
}

/// Takes the share; the rest stays owed under the claim's own id.
pub(super) async fn reserve(
    connection: &mut Connection,
    claim: &NewClaim<'_>,
    source: PaymentId,
    share: Share,
) -> Result<(), BooksError> {
    let reserved = sqlx::query(
        "UPDATE obligations SET state = $1, reserved_by = $2, updated_at_ms = $3, amount_minor = $4
         WHERE intent_id = $5 AND state = $6",
    )
    .bind(ObligationStep::RESERVE.to().word())
    .bind(claim.id.to_string())
    .bind(claim.at.ms())
    .bind(share.taken)
    .bind(source.to_string())
    .bind(ObligationStep::RESERVE.from().word())
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    if reserved.rows_affected() != 1 {
        return Err(BooksError::Stale(source));
    }
    let Some(rest) = share.rest else { return Ok(()) };
    sqlx::query(
        "INSERT INTO obligations (intent_id, part_of, payer, amount_minor, currency, state,
            entitled_until_ms, created_at_ms, updated_at_ms)
         SELECT $1, coalesce(part_of, intent_id), payer, $2, currency, $3,
            entitled_until_ms, created_at_ms, $4 FROM obligations WHERE intent_id = $5",
    )
    .bind(claim.id.to_string())
    .bind(rest.get())
    .bind(ObligationState::Open.word())
    .bind(claim.at.ms())
    .bind(source.to_string())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}
