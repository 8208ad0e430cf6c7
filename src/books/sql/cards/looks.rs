//! Looks at a charge are counted, so that one which is overtaken by another books nothing.

use payments::{
    ids::PaymentId,
    ports::{BooksError, ChargeFacts, FactsBooked},
    time::UnixMs,
};

use super::super::dialect::{Connection, Pool};
use super::super::{rows, unavailable};
use super::facts;

/// By the writer's pool: what a look is compared with must not be older than the books.
pub(super) async fn count(writer: &Pool, id: PaymentId) -> Result<u64, BooksError> {
    let row = sqlx::query("SELECT looks FROM charge_looks WHERE intent_id = $1")
        .bind(id.to_string())
        .fetch_optional(writer)
        .await;
    let Some(row) = row.map_err(unavailable)? else { return Ok(0) };
    rows::unsigned(&row, "charge_looks", "looks", || id.to_string())
}

pub(super) async fn book(
    connection: &mut Connection,
    id: PaymentId,
    told: &ChargeFacts,
    looks_before: u64,
    at: UnixMs,
) -> Result<FactsBooked, BooksError> {
    facts::hold(connection, id).await?;
    if !is_next(connection, id, looks_before).await? {
        return Ok(FactsBooked::Overtaken);
    }
    facts::book(connection, id, told, at).await?;
    Ok(FactsBooked::Booked)
}

async fn is_next(
    connection: &mut Connection,
    id: PaymentId,
    looks_before: u64,
) -> Result<bool, BooksError> {
    let counted = match looks_before {
        0 => sqlx::query(
            "INSERT INTO charge_looks (intent_id, looks) VALUES ($1, CAST($2 AS BIGINT) + 1) ON CONFLICT (intent_id) DO NOTHING",
        ),
        _ => sqlx::query(
            "UPDATE charge_looks SET looks = looks + 1 WHERE intent_id = $1 AND looks = $2",
        ),
    };
    let counted = counted
        .bind(id.to_string())
        .bind(rows::integer(looks_before))
        .execute(connection)
        .await
        .map_err(unavailable)?;
    Ok(counted.rows_affected() == 1)
}
