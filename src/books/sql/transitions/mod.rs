//! One guarded update of one row, with everything that is saved in the same commit.

pub(super) mod answer;
mod obligations;
mod settlement;

use answer::store_answer;
use obligations::{give_back, insert_obligation, move_obligation};
use payments::{
    ids::PaymentId,
    intent::{Change, EndedBy, Guard, Intent, State, Transition},
    ledger::Posting,
    obligation::ObligationStep,
    ports::BooksError,
    settlement::{Attempt, PaymentFailure, Settlement},
    time::UnixMs,
};
use settlement::insert_settlement;

use super::{
    charges, credits,
    dialect::{Connection, Done, Query, for_update, no_bytes},
    journal, rows, unavailable,
};

/// The guard is asked first, so that a late driver hears that it is late and not which key its
/// details met. The details come before the row, whose checks want them there; a guard that does
/// not hold undoes all of it.
pub(super) async fn apply(
    connection: &mut Connection,
    transition: Transition,
) -> Result<Intent, BooksError> {
    let id = transition.intent();
    check_guard(connection, &transition).await?;
    let mut granted_balance = None;
    match transition.change() {
        Change::Mark => {}
        Change::Funded { settlement, posting } | Change::Charged { settlement, posting } => {
            settle(connection, id, settlement, transition.at()).await?;
            journal::post(connection, posting, transition.at()).await?;
        }
        Change::PayFailed { failure } => fail(connection, id, failure).await?,
        Change::Mischarged { mischarge, posting } => {
            fail(connection, id, &PaymentFailure::Mischarged).await?;
            charges::mischarged(connection, id, mischarge, transition.at()).await?;
            post_all(connection, posting.as_ref(), transition.at()).await?;
        }
        Change::Granted { credits, backing, posting } => {
            journal::post(connection, posting, transition.at()).await?;
            let payer = loaded(connection, id).await?.payer;
            let balance =
                credits::grant(connection, &payer, id, *credits, *backing, transition.at()).await?;
            granted_balance = Some(rows::integer(balance.get()));
            wipe(connection, id).await?;
        }
        Change::Created { answer, launch_id, posting, used_entitlement } => {
            store_answer(connection, id, answer, Some(launch_id), None).await?;
            post_all(connection, posting.as_ref(), transition.at()).await?;
            if let Some(source) = used_entitlement {
                move_obligation(connection, *source, id, ObligationStep::USE, transition.at())
                    .await?;
            }
            wipe(connection, id).await?;
        }
        Change::Rejected { answer, posting, entitled_until } => {
            store_answer(connection, id, answer, None, Some(*entitled_until)).await?;
            journal::post(connection, posting, transition.at()).await?;
            insert_obligation(connection, id, None, *entitled_until, transition.at()).await?;
            wipe(connection, id).await?;
        }
        Change::Compensated { answer, backing, posting } => {
            store_answer(connection, id, answer, None, None).await?;
            journal::post(connection, posting, transition.at()).await?;
            let payer = loaded(connection, id).await?.payer;
            credits::compensate(connection, &payer, id, *backing, transition.at()).await?;
            insert_obligation(connection, id, Some(id), transition.at(), transition.at()).await?;
            wipe(connection, id).await?;
        }
        Change::Released { answer, posting, reopened_entitlement, returned_credits } => {
            store_answer(connection, id, answer, None, None).await?;
            post_all(connection, posting.as_ref(), transition.at()).await?;
            match returned_credits {
                Some(returned) => {
                    let payer = loaded(connection, id).await?.payer;
                    credits::give_back(connection, &payer, id, *returned, transition.at()).await?;
                }
                None => give_back(connection, id, *reopened_entitlement, transition.at()).await?,
            }
        }
    }
    leave_queue(connection, &transition).await?;
    move_row(connection, &transition, granted_balance).await?;
    loaded(connection, id).await
}

/// Saves what proves the payment.
async fn settle(
    connection: &mut Connection,
    id: PaymentId,
    settlement: &Settlement,
    at: UnixMs,
) -> Result<(), BooksError> {
    match settlement {
        Settlement::Transfer(proof) => insert_settlement(connection, id, proof, at).await,
        Settlement::Charge(proof) => charges::settle(connection, id, proof, at).await,
    }
}

pub(super) async fn save_attempt(
    connection: &mut Connection,
    id: PaymentId,
    guard: Guard,
    attempt: &Attempt,
) -> Result<Intent, BooksError> {
    touch(connection, id, guard, attempt.saved_at).await?;
    rows::insert_attempt(connection, id, attempt).await?;
    loaded(connection, id).await
}

/// Takes the guard to its next version, before something is saved beside the row.
pub(super) async fn touch(
    connection: &mut Connection,
    id: PaymentId,
    guard: Guard,
    at: UnixMs,
) -> Result<(), BooksError> {
    let query = sqlx::query("UPDATE intents SET version = version + 1, updated_at_ms = $1 WHERE id = $2 AND version = $3 AND fence = $4")
        .bind(at.ms())
        .bind(id.to_string())
        .bind(guard.version)
        .bind(guard.fence);
    exactly_one(id, &query.execute(connection).await.map_err(unavailable)?)
}

async fn check_guard(
    connection: &mut Connection,
    transition: &Transition,
) -> Result<(), BooksError> {
    let (id, guard) = (transition.intent(), transition.guard());
    let held = sqlx::query(concat!(
        "SELECT 1 FROM intents WHERE id = $1 AND state = $2 AND version = $3 AND fence = $4",
        for_update!()
    ))
    .bind(id.to_string())
    .bind(transition.from().word())
    .bind(guard.version)
    .bind(guard.fence)
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?;
    held.map(drop).ok_or(BooksError::Stale(id))
}

/// What waited for a signer waits no longer: what it takes to sign it goes.
async fn leave_queue(
    connection: &mut Connection,
    transition: &Transition,
) -> Result<(), BooksError> {
    if transition.from() != State::Queued {
        return Ok(());
    }
    sqlx::query("DELETE FROM settlement_queue WHERE intent_id = $1")
        .bind(transition.intent().to_string())
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}

async fn move_row(
    connection: &mut Connection,
    transition: &Transition,
    granted_balance: Option<i64>,
) -> Result<(), BooksError> {
    let (id, guard) = (transition.intent(), transition.guard());
    let forwarding_since = (transition.to() == State::Forwarding).then_some(transition.at().ms());
    let moved = sqlx::query(
        "UPDATE intents SET state = $1, version = version + 1, updated_at_ms = $2, forwarding_since_ms = coalesce($3, forwarding_since_ms),
            granted_balance = $4, ended_by = $9
         WHERE id = $5 AND state = $6 AND version = $7 AND fence = $8",
    )
    .bind(transition.to().word())
    .bind(transition.at().ms())
    .bind(forwarding_since)
    .bind(granted_balance)
    .bind(id.to_string())
    .bind(transition.from().word())
    .bind(guard.version)
    .bind(guard.fence)
    .bind(transition.ended_by().map(EndedBy::word))
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    exactly_one(id, &moved)?;
    rows::event(
        connection,
        &id.to_string(),
        guard.version.saturating_add(1),
        transition.to(),
        transition.at(),
    )
    .await
}

/// Of a row of `attempts`: its intent is settled by one of ours, and a reorganisation may still
/// make it necessary to send it again.
macro_rules! kept_for_settlement {
    () => {
        "EXISTS (SELECT 1 FROM settlements s JOIN attempts b ON b.intent_id = s.intent_id AND b.tx_hash = s.tx_hash
                 WHERE s.intent_id = attempts.intent_id AND s.final_at_ms IS NULL)"
    };
}
pub(super) use kept_for_settlement;

/// Sealed bytes hold a signature that can move money; a terminal intent needs them no more once its
/// settlement is final.
async fn wipe(connection: &mut Connection, id: PaymentId) -> Result<(), BooksError> {
    sqlx::query(concat!(
        "UPDATE attempts SET sealed_tx = ",
        no_bytes!(),
        " WHERE intent_id = $1 AND NOT ",
        kept_for_settlement!()
    ))
    .bind(id.to_string())
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    charges::wipe(connection, id).await
}

async fn post_all(
    connection: &mut Connection,
    posting: Option<&Posting>,
    at: UnixMs,
) -> Result<(), BooksError> {
    match posting {
        Some(posting) => journal::post(connection, posting, at).await,
        None => Ok(()),
    }
}

async fn fail(
    connection: &mut Connection,
    id: PaymentId,
    failure: &PaymentFailure,
) -> Result<(), BooksError> {
    update(
        connection,
        id,
        sqlx::query("UPDATE intents SET failure = $1 WHERE id = $2").bind(failure.word()),
    )
    .await?;
    wipe(connection, id).await
}

async fn update(
    connection: &mut Connection,
    id: PaymentId,
    query: Query<'_>,
) -> Result<(), BooksError> {
    exactly_one(id, &query.bind(id.to_string()).execute(connection).await.map_err(unavailable)?)
}

pub(super) fn exactly_one(id: PaymentId, result: &Done) -> Result<(), BooksError> {
    if result.rows_affected() == 1 { Ok(()) } else { Err(BooksError::Stale(id)) }
}

async fn loaded(connection: &mut Connection, id: PaymentId) -> Result<Intent, BooksError> {
    rows::intent(connection, id).await?.ok_or(BooksError::Stale(id))
}
