//! Accounts that are refused what costs money, because a charge was taken back or is probably a
//! fraud: until an operator lifts it, or the dispute is won after all.

use payments::{
    agent::Payer,
    ports::{AccountBlock, BlockLift, BooksError, LiftRefusal, desk::NewAction},
    time::UnixMs,
};

use super::super::dialect::{Connection, DbRow, Pool};
use super::super::{desk::actions, rows, unavailable};
use super::facts::Settled;

/// Why an account is blocked.
#[derive(Clone, Copy)]
pub(super) enum Cause {
    /// A dispute was lost.
    Chargeback,
    /// The card network warned of fraud.
    FraudWarning,
}

impl Cause {
    const fn word(self) -> &'static str {
        match self {
            Self::Chargeback => "chargeback",
            Self::FraudWarning => "fraud_warning",
        }
    }
}

/// Blocks the account of a charge; again, where a lost dispute that was won is lost once more. Says
/// whether it is new.
pub(super) async fn begin(
    connection: &mut Connection,
    settled: &Settled,
    cause: Cause,
    reference: &str,
    detail: &str,
    at: UnixMs,
) -> Result<bool, BooksError> {
    let begun = sqlx::query(match cause {
        Cause::Chargeback => {
            "INSERT INTO payer_blocks (payer, cause, reference, intent_id, detail, since_ms) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (payer, cause, reference) DO UPDATE SET ended_at_ms = NULL, since_ms = excluded.since_ms"
        }
        // What an operator lifted stays lifted, however often the warning is told.
        Cause::FraudWarning => {
            "INSERT INTO payer_blocks (payer, cause, reference, intent_id, detail, since_ms) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (payer, cause, reference) DO NOTHING"
        }
    });
    let begun = begun
        .bind(settled.payer.to_string())
        .bind(cause.word())
        .bind(reference)
        .bind(settled.id.to_string())
        .bind(detail)
        .bind(at.ms())
        .execute(connection)
        .await
        .map_err(unavailable)?;
    Ok(begun.rows_affected() == 1)
}

/// The reason is gone.
pub(super) async fn end(
    connection: &mut Connection,
    settled: &Settled,
    cause: Cause,
    reference: &str,
    at: UnixMs,
) -> Result<(), BooksError> {
    sqlx::query("UPDATE payer_blocks SET ended_at_ms = $1 WHERE payer = $2 AND cause = $3 AND reference = $4 AND ended_at_ms IS NULL")
        .bind(at.ms())
        .bind(settled.payer.to_string())
        .bind(cause.word())
        .bind(reference)
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}

/// Why an account is blocked now, the newest reason first.
pub(super) async fn of(readers: &Pool, payer: &Payer) -> Result<Vec<AccountBlock>, BooksError> {
    let list = sqlx::query("SELECT * FROM payer_blocks WHERE payer = $1 AND ended_at_ms IS NULL ORDER BY since_ms DESC, reference")
        .bind(payer.to_string())
        .fetch_all(readers)
        .await
        .map_err(unavailable)?;
    list.iter().map(block).collect()
}

/// Every account that is blocked now, the newest first.
pub(super) async fn open(readers: &Pool, limit: u32) -> Result<Vec<AccountBlock>, BooksError> {
    let list = sqlx::query("SELECT * FROM payer_blocks WHERE ended_at_ms IS NULL ORDER BY since_ms DESC, payer, reference LIMIT $1")
        .bind(i64::from(limit))
        .fetch_all(readers)
        .await
        .map_err(unavailable)?;
    list.iter().map(block).collect()
}

/// An operator lets the account buy again; the reason is kept with the action.
pub(super) async fn lift(
    connection: &mut Connection,
    lift: &BlockLift,
) -> Result<u64, LiftRefusal> {
    let lifted = sqlx::query(
        "UPDATE payer_blocks SET ended_at_ms = $1 WHERE payer = $2 AND ended_at_ms IS NULL",
    )
    .bind(lift.at.ms())
    .bind(lift.payer.to_string())
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?
    .rows_affected();
    if lifted == 0 {
        return Err(LiftRefusal::NotBlocked);
    }
    let (subject, reason) = (lift.payer.to_string(), lift.reason.clone());
    actions::note(
        connection,
        &NewAction { at: lift.at, action: "account.lift", subject, reason, via: lift.via },
    )
    .await?;
    Ok(lifted)
}

fn block(row: &DbRow) -> Result<AccountBlock, BooksError> {
    let (payer, reference) = (rows::text(row, "payer")?, rows::text(row, "reference")?);
    Ok(AccountBlock {
        payer: payer.parse().map_err(|_| BooksError::Corrupt {
            table: "payer_blocks",
            column: "payer",
            key: reference.clone(),
        })?,
        cause: rows::text(row, "cause")?,
        reference,
        payment: rows::text(row, "intent_id")?,
        detail: rows::text(row, "detail")?,
        since: UnixMs::new(rows::int(row, "since_ms")?),
    })
}
