//! Proofs that were refused because the free calls of all wallets were used up for the day: the
//! note that their wallets were told.

use payments::{ports::BooksError, time::UnixMs};

use super::dialect::Pool;
use super::{rows, unavailable};

pub(super) async fn drop_past(writer: &Pool, now: UnixMs) -> Result<u64, BooksError> {
    let dropped = sqlx::query("DELETE FROM refused_proofs WHERE keep_until_ms <= $1")
        .bind(now.ms())
        .execute(writer)
        .await;
    Ok(dropped.map_err(unavailable)?.rows_affected())
}

pub(super) async fn free_calls_on(readers: &Pool, day: &str) -> Result<u32, BooksError> {
    let row = sqlx::query("SELECT count(*) AS used FROM free_slots WHERE day = $1")
        .bind(day)
        .fetch_one(readers)
        .await;
    rows::count(&row.map_err(unavailable)?, "used")
}
