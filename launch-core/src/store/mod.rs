//! The core's SQLite file: one writer, a few readers, every commit on disk before it is answered.

pub(super) mod creations;
pub(super) mod launches;
pub(super) mod media;
pub(super) mod posts;

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Sqlite, SqlitePool, Transaction};

use super::CoreError;

const SCHEMA_VERSION: i64 = 1;
const READERS: u32 = 4;
/// How long a statement waits for a second process on the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct Store {
    /// One connection: writers queue here instead of failing on SQLite's lock.
    write: SqlitePool,
    pub(super) read: SqlitePool,
}

impl Store {
    pub(super) async fn open(path: &Path) -> Result<Self, CoreError> {
        Self::connect(path).await.map_err(|error| match error {
            CoreError::Database(source) => CoreError::Open { path: path.to_owned(), source },
            other => other,
        })
    }

    async fn connect(path: &Path) -> Result<Self, CoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let write = careful(1).connect_with(options.clone()).await?;
        let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&write).await?;
        if found > SCHEMA_VERSION {
            return Err(CoreError::NewerSchema { found, known: SCHEMA_VERSION });
        }
        let mut tx = write.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::raw_sql(include_str!("../schema.sql")).execute(&mut *tx).await?;
        tx.commit().await?;
        let read = careful(READERS).connect_with(options.read_only(true)).await?;
        Ok(Self { write, read })
    }

    /// The only way to write: locks at once, so that what was read cannot change before the commit.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, CoreError> {
        Ok(self.write.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// A consistent view of several reads.
    pub(super) async fn snapshot(&self) -> Result<Transaction<'static, Sqlite>, CoreError> {
        Ok(self.read.begin().await?)
    }

    #[cfg(test)]
    pub(super) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

/// Connections that come back are in no transaction. SQLite undoes one by itself after some errors
/// (a full disk, an I/O error, an interrupt, no memory), and what sqlx then believes of the
/// connection is no longer so: it is closed, and the next caller gets another one.
fn careful(connections: u32) -> SqlitePoolOptions {
    let pool =
        SqlitePoolOptions::new().max_connections(connections).idle_timeout(None).max_lifetime(None);
    pool.after_release(|connection, _| {
        Box::pin(async move {
            // A rollback that was begun when its transaction was dropped is over behind this.
            connection.ping().await?;
            Ok(!connection.is_in_transaction())
        })
    })
}

/// A UUID column.
fn uuid(text: &str, table: &'static str, column: &'static str) -> Result<uuid::Uuid, CoreError> {
    uuid::Uuid::try_parse(text).map_err(|_| CoreError::Corrupt {
        table,
        column,
        id: text.to_owned(),
    })
}
