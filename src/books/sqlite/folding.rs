//! Which postings are there for good: with one writer, all of them.

use payments::ports::BooksError;

use super::dialect::{Connection, DbRow, Pool};
use super::{SqliteBooks, rows, unavailable};

/// Postings that are folded in one turn at the file: payments wait for the writer meanwhile, so
/// they are few.
pub(super) const AT_ONCE: i64 = 500;

/// The last posting that nothing comes before any more.
pub(super) async fn there_for_good(
    connection: &mut Connection,
    _name: &str,
    _mark: &DbRow,
) -> Result<i64, BooksError> {
    let row = sqlx::query("SELECT coalesce(max(rowid), 0) AS last FROM journal_headers")
        .fetch_one(connection)
        .await;
    rows::int(&row.map_err(unavailable)?, "last")
}

impl SqliteBooks {
    /// Where work behind the payments is written: in its turn at the file.
    pub(super) fn back(&self) -> &Pool {
        &self.writer
    }
}
