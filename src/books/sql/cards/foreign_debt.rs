//! What money that went back elsewhere does to a debt: refunds on the processor's page and disputes
//! that were lost.
//!
//! It pays the debt, also while a refund of it is approved, and it is owed again when it comes
//! back.

use payments::{
    charge::Refund,
    ids::PaymentId,
    obligation::{ObligationState, ObligationStep},
    ports::BooksError,
    time::UnixMs,
};

use super::super::dialect::Connection;
use super::super::{rows, transitions::exactly_one, unavailable};
use super::{
    findings,
    refunds::{obligation_state, step},
};

/// What is owed to a card now.
struct Debt {
    state: ObligationState,
    amount_minor: u64,
    /// Refunds of it that were approved.
    approvals: u32,
    /// What refunds of ours gave back and were booked for.
    booked_cents: u64,
}

/// Pays as much of what is owed as the money covers; says how much that was. What a refund of ours
/// carries already is not paid again. An approved refund becomes one of the rest, under a new key:
/// what is asked for has changed.
pub(super) async fn pay(
    connection: &mut Connection,
    id: PaymentId,
    cents: u64,
    ours_cents: u64,
    at: UnixMs,
) -> Result<u64, BooksError> {
    let Some(debt) = debt(connection, id).await? else { return Ok(0) };
    let is_approved = match debt.state {
        ObligationState::RefundDue => false,
        ObligationState::RefundSent | ObligationState::RefundUnknown => true,
        ObligationState::Open
        | ObligationState::Reserved
        | ObligationState::Used
        | ObligationState::Refunded => return Ok(0),
    };
    let on_its_way = if is_approved { ours_cents.saturating_sub(debt.booked_cents) } else { 0 };
    let paid = cents.min(debt.amount_minor.saturating_sub(on_its_way));
    if paid == 0 {
        return Ok(0);
    }
    let left = debt.amount_minor - paid;
    if left == 0 {
        go(connection, id, step(id, debt.state, ObligationState::Refunded)?, debt.amount_minor, at)
            .await?;
        if is_approved {
            end_refund(connection, id, at).await?;
        }
        findings::close_refunds_of(connection, id, at).await?;
        return Ok(paid);
    }
    set(connection, id, debt.state, left, at).await?;
    if is_approved && on_its_way == 0 {
        ask_for(connection, id, left, debt.approvals, at).await?;
        findings::refund_differs(connection, id, paid, left, at).await?;
    }
    Ok(paid)
}

/// What had paid a debt came back: it is due again, beside what still is. A refund that is on its
/// way carries what it was approved for; the rest is due once it is through.
pub(super) async fn owe_again(
    connection: &mut Connection,
    id: PaymentId,
    cents: u64,
    at: UnixMs,
) -> Result<(), BooksError> {
    if cents == 0 {
        return Ok(());
    }
    let debt = debt(connection, id).await?.ok_or(BooksError::Stale(id))?;
    match debt.state {
        ObligationState::Refunded => go(connection, id, ObligationStep::UNPAY, cents, at).await,
        state => set(connection, id, state, debt.amount_minor.saturating_add(cents), at).await,
    }
}

/// Whether any money of the payment went back elsewhere, or to the bank.
pub(super) async fn is_lossy(
    connection: &mut Connection,
    id: PaymentId,
) -> Result<bool, BooksError> {
    let row = sqlx::query(
        "SELECT 1 FROM foreign_refunds WHERE intent_id = $1 UNION ALL SELECT 1 FROM dispute_facts WHERE intent_id = $1 AND state = 'lost'",
    );
    let row = row.bind(id.to_string()).fetch_optional(connection).await.map_err(unavailable)?;
    Ok(row.is_some())
}

async fn debt(connection: &mut Connection, id: PaymentId) -> Result<Option<Debt>, BooksError> {
    let row = sqlx::query(
        "SELECT o.state, o.amount_minor, coalesce(r.approvals, 0) AS approvals,
            CAST(coalesce((SELECT -sum(l.amount) FROM journal_headers h JOIN journal_lines l ON l.txn_id = h.txn_id
                WHERE h.intent_id = o.intent_id AND h.kind IN ('refunded', 'refund_reversed') AND l.account = 'asset:stripe_clearing'), 0)
                AS BIGINT) AS booked
         FROM obligations o LEFT JOIN refunds r ON r.intent_id = o.intent_id WHERE o.intent_id = $1 AND o.currency = 'USD'",
    );
    let Some(row) =
        row.bind(id.to_string()).fetch_optional(connection).await.map_err(unavailable)?
    else {
        return Ok(None);
    };
    Ok(Some(Debt {
        state: obligation_state(&row, id)?,
        amount_minor: rows::unsigned(&row, "obligations", "amount_minor", || id.to_string())?,
        approvals: u32::try_from(rows::int(&row, "approvals")?).unwrap_or(u32::MAX),
        booked_cents: rows::unsigned(&row, "journal_lines", "booked", || id.to_string())?,
    }))
}

/// It goes one step, and is so much from there on.
async fn go(
    connection: &mut Connection,
    id: PaymentId,
    step: ObligationStep,
    amount_minor: u64,
    at: UnixMs,
) -> Result<(), BooksError> {
    write(connection, id, step.from(), step.to(), amount_minor, at).await
}

/// It stays where it stands, and is so much from there on.
async fn set(
    connection: &mut Connection,
    id: PaymentId,
    state: ObligationState,
    amount_minor: u64,
    at: UnixMs,
) -> Result<(), BooksError> {
    write(connection, id, state, state, amount_minor, at).await
}

async fn write(
    connection: &mut Connection,
    id: PaymentId,
    from: ObligationState,
    to: ObligationState,
    amount_minor: u64,
    at: UnixMs,
) -> Result<(), BooksError> {
    let set = sqlx::query("UPDATE obligations SET state = $1, amount_minor = $2, updated_at_ms = $3 WHERE intent_id = $4 AND state = $5")
        .bind(to.word())
        .bind(rows::integer(amount_minor))
        .bind(at.ms())
        .bind(id.to_string())
        .bind(from.word())
        .execute(connection)
        .await
        .map_err(unavailable)?;
    exactly_one(id, &set)
}

/// All that it was to give back went back elsewhere.
async fn end_refund(
    connection: &mut Connection,
    id: PaymentId,
    at: UnixMs,
) -> Result<(), BooksError> {
    let ended = sqlx::query(
        "UPDATE refunds SET state = 'refunded', next_look_at_ms = NULL, updated_at_ms = $1
         WHERE intent_id = $2 AND state IN ('refund_sent', 'refund_unknown')",
    );
    let ended =
        ended.bind(at.ms()).bind(id.to_string()).execute(connection).await.map_err(unavailable)?;
    exactly_one(id, &ended)
}

async fn ask_for(
    connection: &mut Connection,
    id: PaymentId,
    amount_minor: u64,
    approvals: u32,
    at: UnixMs,
) -> Result<(), BooksError> {
    let next = approvals.saturating_add(1);
    let changed = sqlx::query(
        "UPDATE refunds SET amount_minor = $1, approvals = $2, stripe_key = $3, refund_id = NULL, looks = 0, next_look_at_ms = $4,
            updated_at_ms = $4 WHERE intent_id = $5 AND approvals = $6 AND state IN ('refund_sent', 'refund_unknown')",
    )
    .bind(rows::integer(amount_minor))
    .bind(i64::from(next))
    .bind(Refund::stripe_key_of(id, next))
    .bind(at.ms())
    .bind(id.to_string())
    .bind(i64::from(approvals))
    .execute(connection)
    .await
    .map_err(unavailable)?;
    exactly_one(id, &changed)
}
