//! A write transaction, with the waiting marks written into it.

use payments::ports::BooksError;
use sqlx::Transaction;

use super::{
    SqliteBooks,
    dialect::{BEGIN, Database},
    marks, unavailable,
};
use crate::books::errors;

/// One write transaction and the marks that become durable with it.
pub(super) struct Write {
    pub(super) transaction: Transaction<'static, Database>,
    marks: marks::Taken,
}

impl SqliteBooks {
    /// A write transaction, with the waiting marks written into it.
    pub(super) async fn write(&self, at_ms: Option<i64>) -> Result<Write, BooksError> {
        let mut transaction = self.writer.begin_with(BEGIN).await.map_err(unavailable)?;
        let marks = self.marks.take();
        marks::write(&mut transaction, &marks, at_ms).await?;
        Ok(Write { transaction, marks })
    }

    pub(super) async fn commit(&self, write: Write) -> Result<(), BooksError> {
        let Write { transaction, marks } = write;
        // What a failed commit left in the log is gone with the next one that succeeds, and could
        // come back in a crash before that.
        transaction.commit().await.map_err(|error| BooksError::NotKnown(errors::counted(error)))?;
        marks.written();
        Ok(())
    }

    pub(super) async fn roll_back(&self, write: Write) {
        let Write { transaction, marks: _waiting_again } = write;
        if let Err(error) = transaction.rollback().await {
            tracing::warn!(%error, "books.rollback_failed");
        }
    }

    pub(super) async fn flush_marks(&self) -> Result<(), BooksError> {
        if self.marks.is_empty() {
            return Ok(());
        }
        let write = self.write(None).await?;
        self.commit(write).await
    }
}
