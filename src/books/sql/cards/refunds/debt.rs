//! One debt to a card account: read, and taken to its next state.

use payments::{
    agent::Payer,
    charge::Refund,
    ids::PaymentId,
    ledger::Posting,
    money::{Credits, UsdCents},
    obligation::{ObligationState, ObligationStep},
    ports::{BooksError, RefundRefusal},
    time::UnixMs,
};

use super::{
    super::super::{
        credits::{self, Entry},
        dialect::{Connection, DbRow},
        journal, rows,
        transitions::exactly_one,
        unavailable,
    },
    too_large,
};

/// What is owed, with the payment at the processor that it goes back to.
pub(super) struct Debt {
    pub(super) payer: Payer,
    pub(super) amount_minor: u64,
    pub(super) currency: String,
    pub(super) state: ObligationState,
    pub(super) reserved_by: Option<String>,
    pub(super) payment_intent: Option<String>,
    /// Refunds of it that were approved before.
    pub(super) approvals: u32,
    /// What the charge was settled with; zero for a charge that settled nothing.
    pub(super) price_minor: u64,
    /// No single credit pays for a call of its route.
    pub(super) never_credited: bool,
}

/// Money that came without being asked for is owed under a name of its own, and came on the chain.
pub(super) async fn no_debt(
    connection: &mut Connection,
    id: PaymentId,
) -> Result<RefundRefusal, BooksError> {
    let receipt =
        sqlx::query("SELECT receipt_id FROM receipts WHERE receipt_id = $1 AND kind = 'unearned'")
            .bind(id.to_string());
    let receipt = receipt.fetch_optional(connection).await.map_err(unavailable)?;
    Ok(if receipt.is_some() { RefundRefusal::NotByCard } else { RefundRefusal::NotOwed })
}

pub(super) async fn debt(
    connection: &mut Connection,
    id: PaymentId,
) -> Result<Option<Debt>, BooksError> {
    let row = sqlx::query(
        "SELECT o.payer, o.amount_minor, o.currency, o.state, o.reserved_by, coalesce(s.stripe_pi, r.payment_intent) AS payment_intent,
            coalesce(r.approvals, 0) AS approvals, coalesce(CASE WHEN s.stripe_pi IS NOT NULL THEN s.amount_minor END, 0) AS price_minor,
            CAST((SELECT count(*) FROM intents i WHERE i.id = o.intent_id AND i.if_refused = 'owed') AS BIGINT) AS never_credited
         FROM obligations o LEFT JOIN settlements s ON s.intent_id = o.intent_id LEFT JOIN refunds r ON r.intent_id = o.intent_id
         WHERE o.intent_id = $1",
    )
    .bind(id.to_string())
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?;
    let Some(row) = row else { return Ok(None) };
    let payer = rows::text(&row, "payer")?.parse();
    Ok(Some(Debt {
        payer: payer.map_err(|_| BooksError::Corrupt {
            table: "obligations",
            column: "payer",
            key: id.to_string(),
        })?,
        amount_minor: rows::unsigned(&row, "obligations", "amount_minor", || id.to_string())?,
        currency: rows::text(&row, "currency")?,
        state: obligation_state(&row, id)?,
        reserved_by: rows::text_or_none(&row, "reserved_by")?,
        payment_intent: rows::text_or_none(&row, "payment_intent")?,
        approvals: u32::try_from(rows::int(&row, "approvals")?).unwrap_or(u32::MAX),
        price_minor: rows::unsigned(&row, "settlements", "price_minor", || id.to_string())?,
        never_credited: rows::int(&row, "never_credited")? > 0,
    }))
}

/// The credit that was given for the payment is no longer one, and its money is owed back. Where
/// the account's credits are worth less than what was paid, the rest is lost.
pub(super) async fn take_credit_back(
    connection: &mut Connection,
    debt: &Debt,
    refund: &Refund,
) -> Result<(), RefundRefusal> {
    let (id, at) = (refund.intent, refund.approved_at);
    let account = credits::held_account(connection, &debt.payer).await?;
    if account.balance == Credits::ZERO {
        return Err(RefundRefusal::CreditSpent);
    }
    let reference = if refund.approvals == 1 {
        String::from("refund")
    } else {
        format!("approval_{}", refund.approvals)
    };
    let entry = Entry {
        payer: &debt.payer,
        delta: -1,
        kind: "claw_back",
        intent: Some(id),
        reference: Some(&reference),
        at,
    };
    credits::enter(connection, &entry).await?;
    let backed = account.backing_cents.min(debt.amount_minor);
    credits::move_backing(connection, &debt.payer, rows::integer(backed).saturating_neg()).await?;
    let lost = UsdCents::new(debt.amount_minor.saturating_sub(backed));
    let posting =
        Posting::credit_clawed_back(id, &reference, &debt.payer, UsdCents::new(backed), lost)
            .map_err(|_| too_large(id))?;
    Ok(journal::post(connection, &posting, at).await?)
}

/// The state of a row of `obligations`.
pub(in super::super) fn obligation_state(
    row: &DbRow,
    id: PaymentId,
) -> Result<ObligationState, BooksError> {
    let corrupt =
        || BooksError::Corrupt { table: "obligations", column: "state", key: id.to_string() };
    ObligationState::from_word(&rows::text(row, "state")?).ok_or_else(corrupt)
}

/// A step that nothing here should ask for is refused before the row is touched.
pub(in super::super) fn step(
    id: PaymentId,
    from: ObligationState,
    to: ObligationState,
) -> Result<ObligationStep, BooksError> {
    from.step(to).map_err(|_| BooksError::Stale(id))
}

pub(in super::super) async fn move_debt(
    connection: &mut Connection,
    id: PaymentId,
    step: ObligationStep,
    at: UnixMs,
) -> Result<(), BooksError> {
    let moved =
        sqlx::query("UPDATE obligations SET state = $1, reserved_by = NULL, updated_at_ms = $2 WHERE intent_id = $3 AND state = $4")
            .bind(step.to().word())
            .bind(at.ms())
            .bind(id.to_string())
            .bind(step.from().word())
            .execute(connection)
            .await
            .map_err(unavailable)?;
    exactly_one(id, &moved)
}
