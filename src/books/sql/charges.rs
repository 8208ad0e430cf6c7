//! Charges of cards: saved with the claim, proven with a settlement, wiped at the end; and what is
//! wrong with one that took other money.

use payments::{
    charge::{Charge, ChargeProof, Mischarge, Refund},
    ids::PaymentId,
    obligation::ObligationState,
    ports::BooksError,
    proof::ChargeKey,
    time::UnixMs,
};
use sqlx::Row;

use super::dialect::{Connection, DbRow, no_bytes};
use super::{rows, transitions::exactly_one, unavailable};

/// Why a refund that needs nobody's approval was made.
const MISCHARGED: &str = "the card processor took another amount or currency than asked";

pub(super) async fn of_intent(
    connection: &mut Connection,
    id: &str,
) -> Result<Option<Charge>, BooksError> {
    let row = sqlx::query("SELECT * FROM charges WHERE intent_id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
    row.as_ref().map(charge).transpose()
}

fn charge(row: &DbRow) -> Result<Charge, BooksError> {
    let key = rows::text(row, "intent_id")?;
    let corrupt = |column| BooksError::Corrupt { table: "charges", column, key: key.clone() };
    let hash = |column: &'static str| {
        let bytes: Vec<u8> = row.try_get(column).map_err(unavailable)?;
        <[u8; 32]>::try_from(bytes).map_err(|_| corrupt(column))
    };
    let challenge_id =
        rows::text(row, "challenge_id")?.parse().map_err(|_| corrupt("challenge_id"))?;
    Ok(Charge {
        key: ChargeKey { challenge_id, token_sha256: hash("spt_sha256")? },
        stripe_key: rows::text(row, "stripe_key")?,
        sealed_params: row.try_get("sealed_params").map_err(unavailable)?,
        agent_token_sha256: hash("agent_token_sha256")?,
        saved_at: UnixMs::new(rows::int(row, "saved_at_ms")?),
    })
}

/// The proof that a row of `settlements` holds, for a charge.
pub(super) fn proof(row: &DbRow) -> Result<ChargeProof, BooksError> {
    let key = rows::text(row, "intent_id")?;
    let corrupt = |column| BooksError::Corrupt { table: "settlements", column, key: key.clone() };
    Ok(ChargeProof {
        payment_intent: rows::text_or_none(row, "stripe_pi")?
            .ok_or_else(|| corrupt("stripe_pi"))?,
        charge: rows::text_or_none(row, "stripe_charge")?,
        livemode: row
            .try_get::<Option<i64>, _>("livemode")
            .map_err(unavailable)?
            .ok_or_else(|| corrupt("livemode"))?
            == 1,
    })
}

/// The settlement, and the agent token that is good from here on.
pub(super) async fn settle(
    connection: &mut Connection,
    id: PaymentId,
    proof: &ChargeProof,
    at: UnixMs,
) -> Result<(), BooksError> {
    let settled = sqlx::query(
        "INSERT INTO settlements (intent_id, rail, stripe_pi, stripe_charge, livemode, amount_minor, currency, settled_at_ms)
         SELECT id, rail, $1, $2, $3, price_minor, currency, $4 FROM intents WHERE id = $5 AND rail = 'mpp' AND currency = 'USD'",
    )
    .bind(&proof.payment_intent)
    .bind(&proof.charge)
    .bind(i64::from(proof.livemode))
    .bind(at.ms())
    .bind(id.to_string())
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    exactly_one(id, &settled)?;
    let token = sqlx::query(
        "INSERT INTO agent_tokens (token_sha256, payer, intent_id, created_at_ms)
         SELECT c.agent_token_sha256, i.payer, i.id, $1 FROM charges c JOIN intents i ON i.id = c.intent_id WHERE c.intent_id = $2",
    )
    .bind(at.ms())
    .bind(id.to_string())
    .execute(connection)
    .await
    .map_err(unavailable)?;
    exactly_one(id, &token)
}

/// Sealed parameters hold a token that can be charged; a terminal intent needs them no more.
pub(super) async fn wipe(connection: &mut Connection, id: PaymentId) -> Result<(), BooksError> {
    sqlx::query(concat!(
        "UPDATE charges SET sealed_params = ",
        no_bytes!(),
        " WHERE intent_id = $1"
    ))
    .bind(id.to_string())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

/// The finding; and the debt with its refund, where anything was taken at all.
pub(super) async fn mischarged(
    connection: &mut Connection,
    id: PaymentId,
    taken: &Mischarge,
    at: UnixMs,
) -> Result<(), BooksError> {
    sqlx::query(
        "INSERT INTO findings (kind, key, opened_at_ms, source, subject) VALUES ('amount_mismatch', $1, $2, 'stripe', $3)
         ON CONFLICT DO NOTHING",
    )
    .bind(id.to_string())
    .bind(at.ms())
    .bind(&taken.payment_intent)
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    if taken.amount_minor == 0 {
        return Ok(());
    }
    let amount_minor = i64::try_from(taken.amount_minor);
    let amount_minor = amount_minor.map_err(|_| BooksError::Corrupt {
        table: "refunds",
        column: "amount_minor",
        key: id.to_string(),
    })?;
    let owed = sqlx::query(
        "INSERT INTO obligations (intent_id, payer, amount_minor, currency, state, entitled_until_ms, created_at_ms, updated_at_ms)
         SELECT id, payer, $1, $2, $7, $3, $4, $5 FROM intents WHERE id = $6",
    )
    .bind(amount_minor)
    .bind(taken.currency.to_ascii_uppercase())
    .bind(at.ms())
    .bind(at.ms())
    .bind(at.ms())
    .bind(id.to_string())
    .bind(ObligationState::RefundSent.word())
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    exactly_one(id, &owed)?;
    let refund = Refund::approved(id, taken.payment_intent.clone(), taken.amount_minor, 1, at);
    insert_refund(connection, &refund, &taken.currency.to_ascii_uppercase(), MISCHARGED).await
}

/// Saves a refund before it is asked for. One that ended is approved anew, under the key of the new
/// approval.
pub(super) async fn insert_refund(
    connection: &mut Connection,
    refund: &Refund,
    currency: &str,
    reason: &str,
) -> Result<(), BooksError> {
    let saved = sqlx::query(
        "INSERT INTO refunds (intent_id, payment_intent, amount_minor, currency, stripe_key, state, reason, approved_at_ms, updated_at_ms,
            approvals, next_look_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, 0)
         ON CONFLICT (intent_id) DO UPDATE SET amount_minor = excluded.amount_minor, stripe_key = excluded.stripe_key, state = excluded.state,
            reason = excluded.reason, approved_at_ms = excluded.approved_at_ms, updated_at_ms = excluded.updated_at_ms,
            approvals = excluded.approvals, refund_id = NULL, looks = 0, next_look_at_ms = 0
         WHERE refunds.state IN ('refund_failed', 'refunded') AND refunds.approvals < excluded.approvals",
    )
    .bind(refund.intent.to_string())
    .bind(&refund.payment_intent)
    .bind(rows::integer(refund.amount_minor))
    .bind(currency)
    .bind(&refund.stripe_key)
    .bind(refund.state.word())
    .bind(reason)
    .bind(refund.approved_at.ms())
    .bind(i64::from(refund.approvals))
    .execute(connection)
    .await
    .map_err(unavailable)?;
    exactly_one(refund.intent, &saved)
}
