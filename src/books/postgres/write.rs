//! A change of several statements.

use payments::ports::BooksError;
use sqlx::Transaction;

use super::{
    PostgresBooks,
    batch::{SILENT, silent},
    dialect::{BEGIN, Database},
    faults, marks, unavailable,
};

/// One write transaction.
pub(super) struct Write {
    pub(super) transaction: Transaction<'static, Database>,
}

impl PostgresBooks {
    /// A write transaction. What it decides by it must have locked first.
    pub(super) async fn write(&self, _at_ms: Option<i64>) -> Result<Write, BooksError> {
        Ok(Write { transaction: self.writer.begin_with(BEGIN).await.map_err(unavailable)? })
    }

    pub(super) async fn commit(&self, write: Write) -> Result<(), BooksError> {
        commit(write.transaction).await.map_err(BooksError::from)
    }

    pub(super) async fn roll_back(&self, write: Write) {
        if let Err(error) = write.transaction.rollback().await {
            tracing::warn!(%error, "books.rollback_failed");
        }
    }

    pub(super) async fn flush_marks(&self) -> Result<(), BooksError> {
        let mut connection = self.writer.acquire().await.map_err(unavailable)?;
        marks::write(&mut connection, &self.marks).await
    }
}

/// Commits, and waits for a server that says nothing no longer than for any other answer.
pub(super) async fn commit(
    transaction: Transaction<'static, Database>,
) -> Result<(), faults::Unwritten> {
    tokio::time::timeout(SILENT, transaction.commit())
        .await
        .unwrap_or_else(|_| Err(silent()))
        .map_err(faults::of_write)
}
