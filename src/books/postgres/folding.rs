//! Which postings are there for good. Their numbers are given out in order and become visible in
//! another: one that is missing now may be a transaction's that has not ended. So the last number
//! is noted, and stands for good once every transaction that ran then has ended.

use payments::ports::BooksError;

use super::dialect::{Connection, DbRow, Pool, now_ms};
use super::{PostgresBooks, rows, unavailable};

/// Postings that are folded in one transaction.
pub(super) const AT_ONCE: i64 = 20_000;

/// How long a note waits at least. A number is given out an instant before its transaction is one;
/// no statement of ours takes this long.
const WAITS_MS: i64 = 60_000;

/// The last posting that nothing comes before any more, and a new note where the last one is done
/// with. The caller holds the mark.
pub(super) async fn there_for_good(
    connection: &mut Connection,
    name: &str,
    mark: &DbRow,
) -> Result<i64, BooksError> {
    let (folded, seen) = (rows::int(mark, "folded")?, rows::int(mark, "seen")?);
    if seen > folded {
        let row = sqlx::query(concat!(
            "SELECT CASE WHEN seen_at_ms + $1 <= ",
            now_ms!(),
            " AND CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) >= seen_xid THEN seen ELSE folded END AS until
             FROM fold_mark WHERE name = $2"
        ));
        let row = row
            .bind(WAITS_MS)
            .bind(name)
            .persistent(false)
            .fetch_one(&mut *connection)
            .await
            .map_err(unavailable)?;
        return rows::int(&row, "until");
    }
    sqlx::query(concat!(
        "UPDATE fold_mark SET seen = (SELECT coalesce(max(rowid), 0) FROM journal_headers), seen_at_ms = ",
        now_ms!(),
        ", seen_xid = CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT) WHERE name = $1"
    ))
    .bind(name)
    .persistent(false)
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(folded)
}

impl PostgresBooks {
    /// Where work behind the payments is written: on connections of its own.
    pub(super) fn back(&self) -> &Pool {
        &self.desk
    }
}
