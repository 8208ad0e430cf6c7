//! A change of several statements.

use payments::ports::BooksError;
use sqlx::Transaction;

use super::{PostgresBooks, dialect::Database, marks, unavailable};

/// One write transaction.
pub(super) struct Write {
    pub(super) transaction: Transaction<'static, Database>,
}

impl PostgresBooks {
    /// A write transaction. What it decides by it must have locked first.
    pub(super) async fn write(&self, _at_ms: Option<i64>) -> Result<Write, BooksError> {
        Ok(Write { transaction: self.writer.begin().await.map_err(unavailable)? })
    }

    pub(super) async fn commit(&self, write: Write) -> Result<(), BooksError> {
        write.transaction.commit().await.map_err(unavailable)
    }

    pub(super) async fn roll_back(&self, write: Write) {
        if let Err(error) = write.transaction.rollback().await {
            tracing::warn!(%error, "a rollback failed; the connection is dropped");
        }
    }

    pub(super) async fn flush_marks(&self) -> Result<(), BooksError> {
        let mut connection = self.writer.acquire().await.map_err(unavailable)?;
        marks::write(&mut connection, &self.marks).await
    }
}
