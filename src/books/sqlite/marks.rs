//! Notes about clients that need no commit of their own: they travel with the next one.

use std::sync::{Arc, Mutex, PoisonError};

use payments::{ids::PaymentId, ports::BooksError};

use super::dialect::{Connection, now_ms};
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
#[derive(Default, Clone)]
pub(super) struct Marks(Arc<Mutex<Vec<Mark>>>);

/// Notes on their way into a commit. However a write ends without one, by an error or because its
/// caller went away in the middle, they wait again, before the newer ones.
pub(super) struct Taken {
    marks: Vec<Mark>,
    waiting: Marks,
}

impl Marks {
    pub(super) fn push(&self, mark: Mark) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(mark);
    }

    pub(super) fn take(&self) -> Taken {
        let marks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        Taken { marks, waiting: self.clone() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl Taken {
    /// They are durable.
    pub(super) fn written(mut self) {
        self.marks.clear();
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut waiting = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.marks.append(&mut waiting);
        std::mem::swap(&mut *waiting, &mut self.marks);
    }
}

/// Writes the notes; without a moment of its own the database's clock names it.
pub(super) async fn write(
    connection: &mut Connection,
    taken: &Taken,
    at_ms: Option<i64>,
) -> Result<(), BooksError> {
    for mark in &taken.marks {
        match mark {
            Mark::Delivered(id) => sqlx::query(concat!(
                "UPDATE intents SET delivered_at_ms = coalesce(delivered_at_ms, $1, ",
                now_ms!(),
                "), attended_until_ms = 0 WHERE id = $2"
            ))
            .bind(at_ms)
            .bind(id.to_string()),
            Mark::Unattended(id) => {
                sqlx::query("UPDATE intents SET attended_until_ms = 0 WHERE id = $1")
                    .bind(id.to_string())
            }
        }
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    }
    Ok(())
}
