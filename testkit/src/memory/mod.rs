//! Books in memory: what the rules' own tests write to. They pass the suite, so that what the rules
//! are seen to do with them is what they do with the real ones.

mod apply;
mod audit;
mod books;
mod claim;
mod credits;
mod finality;
mod parking;
mod queue;
mod reads;
mod tables;

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

pub use audit::{Audit, Owed, minor};

use payments::{
    ids::PaymentId,
    ports::{BooksError, RequestNote},
    settlement::Attempt,
    time::UnixMs,
};
use tables::Tables;

/// The books, as maps behind one lock.
#[derive(Default)]
pub struct MemoryBooks {
    tables: Mutex<Tables>,
    marks: Mutex<Vec<Mark>>,
    waiting: Mutex<Vec<RequestNote>>,
    is_signer_busy: AtomicBool,
    requests: Mutex<Vec<RequestNote>>,
}

#[derive(Clone, Copy)]
enum Mark {
    Delivered(PaymentId),
    Unattended(PaymentId),
}

impl MemoryBooks {
    /// Whether exactly this transaction is saved.
    pub fn has_attempt(&self, attempt: &Attempt) -> bool {
        let tables = self.tables();
        let fills = || tables.fills.iter().any(|(_, fill)| fill == attempt);
        tables.intents.values().any(|row| row.intent.attempts.contains(attempt)) || fills()
    }

    /// From here on claims find their signer busy, so that they wait for a settler; or no longer.
    pub fn signer_is_busy(&self, is_busy: bool) {
        self.is_signer_busy.store(is_busy, Ordering::Relaxed);
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of a change and the waiting marks, or nothing.
    fn write<T>(
        &self,
        change: impl FnOnce(&mut Tables) -> Result<T, BooksError>,
    ) -> Result<T, BooksError> {
        let mut tables = self.tables();
        let mut draft = tables.clone();
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        for mark in marks.iter() {
            // A claim that is in doubt may be noted, and not be there.
            match mark {
                Mark::Delivered(id) => draft.row(*id)?.deliver(),
                Mark::Unattended(id) => {
                    if let Ok(row) = draft.row(*id) {
                        row.attended_until = UnixMs::new(0);
                    }
                }
            }
        }
        let changed = change(&mut draft)?;
        *tables = draft;
        marks.clear();
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryBooks;
    use crate::run::block_on;

    async fn make() -> (MemoryBooks, ()) {
        (MemoryBooks::default(), ())
    }

    crate::books_suite!(block_on, make);
}
