//! What the card processor says now of a settled charge, booked once however often it is told.

mod refunded;
mod settled;

pub(super) use refunded::pay_from_loss;
pub(super) use settled::{Settled, settled};

use payments::{
    ids::PaymentId,
    ledger::{ChargeEvent, ChargeMoves, Posting},
    ports::{BooksError, ChargeFacts},
    standing::TakenBack,
    time::UnixMs,
};
use refunded::foreign_refund;

use super::{
    super::{
        credits::{self, Entry},
        dialect::{Connection, for_update},
        journal, rows, unavailable,
    },
    blocks, disputes,
};

/// What happened to a charge: its name, and what it moves, in cents.
pub(super) struct Fact<'a> {
    pub(super) event: ChargeEvent,
    pub(super) name: &'a str,
    /// What names the entries of credits.
    pub(super) reference: &'a str,
    pub(super) cash: i64,
    pub(super) receivable: i64,
    /// A debt of ours that it pays; below zero where it is due again.
    pub(super) debt_paid: i64,
}

/// Books what is new, in the transaction that holds the charge. An intent that no charge settled
/// has no facts.
pub(super) async fn book(
    connection: &mut Connection,
    id: PaymentId,
    facts: &ChargeFacts,
    at: UnixMs,
) -> Result<(), BooksError> {
    if facts.unrecognised.is_empty() {
        foreign_refund(connection, id, facts, at).await?;
    }
    for dispute in &facts.disputes {
        disputes::book(connection, id, dispute, at).await?;
    }
    for warning in &facts.warnings {
        let settled = settled(connection, id).await?;
        blocks::begin(
            connection,
            &settled,
            blocks::Cause::FraudWarning,
            &warning.id,
            &warning.kind,
            at,
        )
        .await?;
    }
    Ok(())
}

/// What is told of one charge is booked one after the other.
pub(super) async fn hold(connection: &mut Connection, id: PaymentId) -> Result<(), BooksError> {
    let query =
        sqlx::query(concat!("SELECT 1 FROM settlements WHERE intent_id = $1", for_update!()));
    query.bind(id.to_string()).fetch_optional(connection).await.map(drop).map_err(unavailable)
}

/// Brings the account in line with the money as it is saved now, and books the fact.
pub(super) async fn settle(
    connection: &mut Connection,
    id: PaymentId,
    fact: &Fact<'_>,
    falls: u64,
    at: UnixMs,
) -> Result<(), BooksError> {
    let settled = settled(connection, id).await?;
    let payer = &settled.payer;
    credits::open(connection, payer).await?;
    let account = credits::held_account(connection, payer).await?;
    let step = settled.money.adjust(settled.purchase, settled.taken, &account);
    let (clawed, restored) = (rows::integer(step.claw), rows::integer(step.restore));
    let entry = |delta, kind| Entry {
        payer,
        delta,
        kind,
        intent: Some(id),
        reference: Some(fact.reference),
        at,
    };
    credits::enter(connection, &entry(clawed.saturating_neg(), "claw_back")).await?;
    credits::enter(connection, &entry(restored, "restore")).await?;
    credits::move_debt(
        connection,
        payer,
        rows::integer(step.owe).saturating_sub(rows::integer(step.forgive)),
    )
    .await?;
    credits::move_backing(connection, payer, step.backing_cents).await?;
    save_taken(connection, id, &step.after, falls, at).await?;
    let moves = ChargeMoves {
        cash_cents: fact.cash,
        receivable_cents: fact.receivable,
        debt_paid_cents: fact.debt_paid,
        unearned_cents: step.unearned_cents,
        credits_back: restored.saturating_sub(clawed),
    };
    match Posting::of_charge(id, fact.event, fact.name, payer, moves).map_err(|_| too_large(id))? {
        Some(posting) => journal::post(connection, &posting, at).await,
        None => Ok(()),
    }
}

async fn save_taken(
    connection: &mut Connection,
    id: PaymentId,
    taken: &TakenBack,
    falls: u64,
    at: UnixMs,
) -> Result<(), BooksError> {
    sqlx::query(
        "INSERT INTO charge_credits (intent_id, clawed, owed, held_cents, used_cents, refund_falls, updated_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (intent_id) DO UPDATE SET clawed = excluded.clawed, owed = excluded.owed, held_cents = excluded.held_cents,
            used_cents = excluded.used_cents, refund_falls = excluded.refund_falls, updated_at_ms = excluded.updated_at_ms",
    )
    .bind(id.to_string())
    .bind(rows::integer(taken.clawed))
    .bind(rows::integer(taken.owed))
    .bind(rows::integer(taken.held_cents))
    .bind(rows::integer(taken.used_cents))
    .bind(rows::integer(falls))
    .bind(at.ms())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

pub(super) fn too_large(id: PaymentId) -> BooksError {
    BooksError::Corrupt { table: "dispute_facts", column: "amount_cents", key: id.to_string() }
}
