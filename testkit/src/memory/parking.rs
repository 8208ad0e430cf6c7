//! What is set aside, in memory.

use async_trait::async_trait;

use super::MemoryBooks;
use payments::{
    ids::PaymentId,
    intent::{Guard, Intent},
    ports::{BooksError, Parking},
    time::UnixMs,
};

#[async_trait]
impl Parking for MemoryBooks {
    async fn park(&self, id: PaymentId, fence: i64, until: UnixMs) -> Result<bool, BooksError> {
        self.write(|tables| Ok(tables.park(id, fence, until)))
    }

    async fn take(
        &self,
        id: PaymentId,
        now: UnixMs,
        lease_until: UnixMs,
    ) -> Result<Option<Intent>, BooksError> {
        self.write(|tables| Ok(tables.take(id, now, lease_until)))
    }

    async fn note_not_done(
        &self,
        id: PaymentId,
        guard: Guard,
        not_done: bool,
    ) -> Result<Intent, BooksError> {
        self.write(|tables| tables.note_not_done(id, guard, not_done))
    }
}
