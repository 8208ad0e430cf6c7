//! The queue of refunds to cards: whose look is due, and what a look said.

use payments::{
    agent::Payer,
    charge::{Refund, RefundState},
    ledger::Posting,
    money::{Amount, UsdCents},
    obligation::ObligationState,
    ports::{BooksError, RefundNote},
    time::UnixMs,
};
use sqlx::Row;

use super::super::dialect::{Connection, DbRow, Pool, for_update};
use super::super::{journal, rows, transitions::exactly_one, unavailable};
use super::{
    facts, findings,
    refunds::{obligation_state, step, too_large},
};

/// The one whose look is due longest; whoever comes at the same time gets another one, or none.
pub(super) async fn take(
    connection: &mut Connection,
    now: UnixMs,
    lease_until: UnixMs,
) -> Result<Option<Refund>, BooksError> {
    let due = sqlx::query(concat!(
        "SELECT * FROM refunds WHERE next_look_at_ms <= $1 AND state <> 'refund_failed' ORDER BY next_look_at_ms, intent_id LIMIT 1",
        for_update!()
    ));
    let Some(row) =
        due.bind(now.ms()).fetch_optional(&mut *connection).await.map_err(unavailable)?
    else {
        return Ok(None);
    };
    let refund = refund(&row)?;
    let taken = sqlx::query(
        "UPDATE refunds SET next_look_at_ms = $1 WHERE intent_id = $2 AND stripe_key = $3 AND next_look_at_ms <= $4",
    );
    let taken = taken
        .bind(lease_until.ms())
        .bind(refund.intent.to_string())
        .bind(&refund.stripe_key)
        .bind(now.ms());
    let taken = taken.execute(connection).await.map_err(unavailable)?;
    exactly_one(refund.intent, &taken)?;
    Ok(Some(refund))
}

/// One guarded step of the refund and of the debt behind it; false when another look, or another
/// approval, was faster.
pub(super) async fn note(
    connection: &mut Connection,
    seen: &Refund,
    note: &RefundNote,
) -> Result<bool, BooksError> {
    super::facts::hold(connection, seen.intent).await?;
    let moved = sqlx::query(
        "UPDATE refunds SET state = $1, refund_id = coalesce($2, refund_id), looks = $3,
            -- Woken while it was looked at: the look may be older than what woke it.
            next_look_at_ms = CASE WHEN next_look_at_ms <= $5 THEN next_look_at_ms ELSE $4 END,
            updated_at_ms = CASE WHEN state = $1 THEN updated_at_ms ELSE $5 END
         WHERE intent_id = $6 AND stripe_key = $7 AND state = $8",
    )
    .bind(note.state.word())
    .bind(&note.refund_id)
    .bind(i64::from(note.looks))
    .bind(note.next_look_at.map(UnixMs::ms))
    .bind(note.at.ms())
    .bind(seen.intent.to_string())
    .bind(&seen.stripe_key)
    .bind(seen.state.word())
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    if moved.rows_affected() == 0 {
        return Ok(false);
    }
    match (seen.state, note.state) {
        (RefundState::Sent | RefundState::Unknown, RefundState::Refunded) => {
            give_back(connection, seen, note.at).await?
        }
        (RefundState::Sent | RefundState::Unknown, RefundState::Failed) => {
            move_debt(connection, seen, ObligationState::RefundDue, note.at).await?;
            findings::refund_failed(connection, seen, "the processor refuses it", note.at).await?;
            facts::pay_from_loss(connection, seen.intent, &seen.stripe_key, note.at).await?;
        }
        (RefundState::Refunded, RefundState::Failed) => {
            take_back(connection, seen, note.at).await?
        }
        (before, after) if before == after => {}
        (RefundState::Sent | RefundState::Unknown, RefundState::Sent | RefundState::Unknown) => {
            move_debt(connection, seen, standing(note.state), note.at).await?;
        }
        (RefundState::Refunded, _) | (RefundState::Failed, _) => {
            return Err(BooksError::Stale(seen.intent));
        }
    }
    if note.is_stuck {
        findings::refund_stuck(connection, seen, note.at).await?;
    }
    Ok(true)
}

/// The money went to the card. What is owed beyond it stays due.
async fn give_back(
    connection: &mut Connection,
    refund: &Refund,
    at: UnixMs,
) -> Result<(), BooksError> {
    let debt = debt(connection, refund).await?;
    match debt.amount_minor.checked_sub(refund.amount_minor).filter(|rest| *rest > 0) {
        None => move_debt(connection, refund, ObligationState::Refunded, at).await?,
        Some(rest) => {
            move_debt(connection, refund, ObligationState::RefundDue, at).await?;
            set_debt(connection, refund, rest).await?;
        }
    }
    post(connection, refund, &debt, Direction::ToCard, at).await?;
    findings::close_refunds_of(connection, refund.intent, at).await
}

/// The money came back to us: what was booked is booked back, and it is due again.
async fn take_back(
    connection: &mut Connection,
    refund: &Refund,
    at: UnixMs,
) -> Result<(), BooksError> {
    let debt = debt(connection, refund).await?;
    match debt.state {
        // More of it is due already.
        ObligationState::RefundDue => {
            set_debt(connection, refund, debt.amount_minor.saturating_add(refund.amount_minor))
                .await?
        }
        _ => {
            move_debt(connection, refund, ObligationState::RefundDue, at).await?;
            set_debt(connection, refund, refund.amount_minor).await?;
        }
    }
    post(connection, refund, &debt, Direction::FromCard, at).await?;
    findings::refund_failed(
        connection,
        refund,
        "it failed after it had succeeded, and the money came back",
        at,
    )
    .await?;
    facts::pay_from_loss(connection, refund.intent, &refund.stripe_key, at).await
}

/// Has a refund looked at at once.
pub(super) async fn wake(
    writer: &Pool,
    payment_intent: &str,
    at: UnixMs,
) -> Result<(), BooksError> {
    sqlx::query(
        "UPDATE refunds SET next_look_at_ms = $1, looks = 0
         WHERE payment_intent = $2 AND state <> 'refund_failed' AND (next_look_at_ms IS NULL OR next_look_at_ms > $1)",
    )
    .bind(at.ms())
    .bind(payment_intent)
    .execute(writer)
    .await
    .map(drop)
    .map_err(unavailable)
}

#[derive(Clone, Copy)]
enum Direction {
    ToCard,
    FromCard,
}

/// What stands behind a refund.
struct Debt {
    payer: Payer,
    amount_minor: u64,
    currency: String,
    state: ObligationState,
}

async fn debt(connection: &mut Connection, refund: &Refund) -> Result<Debt, BooksError> {
    let id = refund.intent;
    let row = sqlx::query(
        "SELECT payer, amount_minor, currency, state FROM obligations WHERE intent_id = $1",
    )
    .bind(id.to_string());
    let row =
        row.fetch_optional(connection).await.map_err(unavailable)?.ok_or(BooksError::Stale(id))?;
    let payer = rows::text(&row, "payer")?.parse();
    Ok(Debt {
        payer: payer.map_err(|_| BooksError::Corrupt {
            table: "obligations",
            column: "payer",
            key: id.to_string(),
        })?,
        amount_minor: rows::unsigned(&row, "obligations", "amount_minor", || id.to_string())?,
        currency: rows::text(&row, "currency")?,
        state: obligation_state(&row, id)?,
    })
}

async fn post(
    connection: &mut Connection,
    refund: &Refund,
    debt: &Debt,
    direction: Direction,
    at: UnixMs,
) -> Result<(), BooksError> {
    // What was taken in another currency than ours is in no account.
    if debt.currency != "USD" {
        return Ok(());
    }
    let (id, amount) = (refund.intent, Amount::Usd(UsdCents::new(refund.amount_minor)));
    let posting = match direction {
        Direction::ToCard => Posting::refunded(id, &refund.stripe_key, &debt.payer, amount),
        Direction::FromCard => {
            Posting::refund_reversed(id, &refund.stripe_key, &debt.payer, amount)
        }
    };
    journal::post(connection, &posting.map_err(|_| too_large(id))?, at).await
}

async fn move_debt(
    connection: &mut Connection,
    refund: &Refund,
    to: ObligationState,
    at: UnixMs,
) -> Result<(), BooksError> {
    let step = step(refund.intent, standing(refund.state), to)?;
    super::refunds::move_debt(connection, refund.intent, step, at).await
}

/// Where what is owed stands while its refund stands so.
const fn standing(refund: RefundState) -> ObligationState {
    match refund {
        RefundState::Sent => ObligationState::RefundSent,
        RefundState::Unknown => ObligationState::RefundUnknown,
        RefundState::Refunded => ObligationState::Refunded,
        RefundState::Failed => ObligationState::RefundDue,
    }
}

async fn set_debt(
    connection: &mut Connection,
    refund: &Refund,
    amount_minor: u64,
) -> Result<(), BooksError> {
    let set =
        sqlx::query("UPDATE obligations SET amount_minor = $1 WHERE intent_id = $2 AND state = $3");
    let set = set
        .bind(rows::integer(amount_minor))
        .bind(refund.intent.to_string())
        .bind(ObligationState::RefundDue.word())
        .execute(connection)
        .await
        .map_err(unavailable)?;
    exactly_one(refund.intent, &set)
}

pub(super) fn refund(row: &DbRow) -> Result<Refund, BooksError> {
    let id = rows::id(row, "refunds", "intent_id")?;
    let corrupt = |column| BooksError::Corrupt { table: "refunds", column, key: id.to_string() };
    let small = |column: &'static str| {
        rows::int(row, column).and_then(|number| u32::try_from(number).map_err(|_| corrupt(column)))
    };
    Ok(Refund {
        intent: id,
        payment_intent: rows::text(row, "payment_intent")?,
        amount_minor: rows::unsigned(row, "refunds", "amount_minor", || id.to_string())?,
        approvals: small("approvals")?,
        stripe_key: rows::text(row, "stripe_key")?,
        state: RefundState::from_word(&rows::text(row, "state")?)
            .ok_or_else(|| corrupt("state"))?,
        approved_at: UnixMs::new(row.try_get("approved_at_ms").map_err(unavailable)?),
        refund_id: rows::text_or_none(row, "refund_id")?,
        looks: small("looks")?,
    })
}
