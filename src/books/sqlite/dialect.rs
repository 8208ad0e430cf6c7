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

/// How long a change whose commit failed is looked for: nobody else can have written, so that what
/// the disk takes again decides.
pub(super) const DOUBT: std::time::Duration = std::time::Duration::from_secs(3);

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

/// How long readiness waits for its turn to write.
const READY: std::time::Duration = std::time::Duration::from_secs(3);

/// Whether the file is where it was opened, takes a write, and has this program's tables.
pub(super) async fn ready(books: &SqliteBooks) -> Result<(), BooksError> {
    books.is_in_its_place()?;
    let written = async {
        let mut connection = books.writer.acquire().await.map_err(unavailable)?;
        sqlx::query("SELECT 1 FROM intents LIMIT 1")
            .fetch_optional(&mut *connection)
            .await
            .map_err(unavailable)?;
        super::pulse::write(&mut connection).await
    };
    let locked = || {
        BooksError::Unavailable(
            "locked: another process holds the books, or their disk is slow".into(),
        )
    };
    tokio::time::timeout(READY, written).await.unwrap_or_else(|_| Err(locked()))
}
