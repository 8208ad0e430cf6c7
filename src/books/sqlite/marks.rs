//! Notes about clients that need no commit of their own: they travel with the next one.

use std::sync::{Mutex, PoisonError};

use payments::{ids::PaymentId, ports::BooksError};
use sqlx::SqliteConnection;

use super::unavailable;

/// One note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// The answer was handed to the client's connection.
    Delivered(PaymentId),
    /// No client waits for the answer.
    Unattended(PaymentId),
}

/// The notes that wait for a commit, in order.
#[derive(Default)]
pub(super) struct Marks(Mutex<Vec<Mark>>);

impl Marks {
    pub(super) fn push(&self, mark: Mark) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(mark);
    }

    pub(super) fn take(&self) -> Vec<Mark> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// After a commit that did not happen the notes wait again, before the newer ones.
    pub(super) fn give_back(&self, mut marks: Vec<Mark>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        marks.append(&mut waiting);
        *waiting = marks;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// Writes the notes; without a moment of its own the database's clock names it.
pub(super) async fn write(connection: &mut SqliteConnection, marks: &[Mark], at_ms: Option<i64>) -> Result<(), BooksError> {
    for mark in marks {
        match mark {
            Mark::Delivered(id) => sqlx::query(
                "UPDATE intents SET delivered_at_ms = coalesce(delivered_at_ms, ?, unixepoch() * 1000), attended_until_ms = 0 WHERE id = ?",
            )
            .bind(at_ms)
            .bind(id.to_string()),
            Mark::Unattended(id) => sqlx::query("UPDATE intents SET attended_until_ms = 0 WHERE id = ?").bind(id.to_string()),
        }
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    }
    Ok(())
}
