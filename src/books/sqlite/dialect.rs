//! What SQLite says otherwise than other databases.

use payments::ports::BooksError;

use super::{SqliteBooks, unavailable};

/// The database.
pub(super) type Database = sqlx::Sqlite;
pub(super) type Connection = sqlx::SqliteConnection;
pub(super) type Pool = sqlx::SqlitePool;
pub(super) type DbRow = sqlx::sqlite::SqliteRow;
pub(super) type Done = sqlx::sqlite::SqliteQueryResult;
pub(super) type Query<'q> = sqlx::query::Query<'q, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

/// A transaction that holds the file from its first statement.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";

/// A transaction that reads, as of one moment.
pub(super) const BEGIN_READ: &str = "BEGIN";

/// No bytes.
macro_rules! no_bytes {
    () => {
        "x''"
    };
}
/// The database's own clock, in milliseconds since 1970.
macro_rules! now_ms {
    () => {
        "unixepoch() * 1000"
    };
}
/// There is one writer: no row needs a lock.
macro_rules! for_update {
    () => {
        ""
    };
}
pub(super) use {for_update, no_bytes, now_ms};

/// Whether a change can lose against another one: there is one writer.
pub(super) fn is_conflict(_: &BooksError) -> bool {
    false
}

/// Whether the file answers, and has this program's tables.
pub(super) async fn ready(books: &SqliteBooks) -> Result<(), BooksError> {
    sqlx::query("SELECT 1 FROM intents LIMIT 1").fetch_optional(&books.readers).await.map(drop).map_err(unavailable)
}
