//! Settlements that a reorganisation took: booked as lost, and booked back once they are on the
//! chain again.

use payments::{
    ids::PaymentId,
    ledger::{LedgerError, Posting},
    money::{Amount, UsdcUnits},
    ports::BooksError,
    time::UnixMs,
};

use super::dialect::{Connection, DbRow};
use super::{journal, rows, unavailable};

/// The payment of a payer, named so in the statement, whose finding says that it is lost. An
/// operator who closes the finding lifts this, whether or not the money came back.
macro_rules! lost_of {
    ($payer:literal) => {
        concat!(
            "SELECT l.intent_id FROM lost_settlements l JOIN findings f ON f.kind = 'settlement_lost' AND f.key = l.intent_id
             WHERE f.closed_at_ms IS NULL AND l.payer = ",
            $payer,
            " ORDER BY l.intent_id LIMIT 1"
        )
    };
}
pub(super) use lost_of;

/// Books the loss, once as long as it lasts. Says how often the settlement was lost by now, if that
/// is new.
pub(super) async fn lose(
    connection: &mut Connection,
    id: &str,
    at: UnixMs,
) -> Result<Option<i64>, BooksError> {
    let lost = sqlx::query(
        "INSERT INTO lost_settlements (intent_id, times, payer, lost_at_ms)
         SELECT i.id, 1 + (SELECT count(*) FROM lost_settlements l WHERE l.intent_id = i.id), i.payer, $2 FROM intents i WHERE i.id = $1
            AND NOT EXISTS (SELECT 1 FROM lost_settlements l WHERE l.intent_id = i.id AND l.back_at_ms IS NULL)
         RETURNING times",
    )
    .bind(id)
    .bind(at.ms())
    .fetch_optional(&mut *connection)
    .await
    .map_err(unavailable)?;
    let Some(lost) = lost else { return Ok(None) };
    book(connection, id, &lost, Posting::settlement_lost, at).await?;
    rows::int(&lost, "times").map(Some)
}

/// Books it back, if it was booked as lost.
pub(super) async fn come_back(
    connection: &mut Connection,
    id: &str,
    at: UnixMs,
) -> Result<(), BooksError> {
    let back = sqlx::query("UPDATE lost_settlements SET back_at_ms = $2 WHERE intent_id = $1 AND back_at_ms IS NULL RETURNING times")
        .bind(id)
        .bind(at.ms())
        .fetch_optional(&mut *connection)
        .await
        .map_err(unavailable)?;
    match back {
        Some(back) => book(connection, id, &back, Posting::settlement_back, at).await,
        None => Ok(()),
    }
}

type Fact = fn(PaymentId, Amount, u32) -> Result<Posting, LedgerError>;

async fn book(
    connection: &mut Connection,
    id: &str,
    lost: &DbRow,
    fact: Fact,
    at: UnixMs,
) -> Result<(), BooksError> {
    let corrupt =
        |column| BooksError::Corrupt { table: "lost_settlements", column, key: id.to_owned() };
    let row = sqlx::query("SELECT intent_id, amount_minor FROM settlements WHERE intent_id = $1")
        .bind(id)
        .fetch_one(&mut *connection)
        .await
        .map_err(unavailable)?;
    let amount =
        UsdcUnits::new(rows::unsigned(&row, "settlements", "amount_minor", || id.to_owned())?);
    let times = u32::try_from(rows::int(lost, "times")?).map_err(|_| corrupt("times"))?;
    let posting = fact(rows::id(&row, "settlements", "intent_id")?, Amount::Usdc(amount), times)
        .map_err(|_| corrupt("amount_minor"))?;
    journal::post(connection, &posting, at).await
}
