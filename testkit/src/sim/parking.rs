//! What is set aside, as one process reaches it.

use async_trait::async_trait;

use super::books::SimBooks;
use payments::{
    ids::PaymentId,
    intent::{Guard, Intent},
    ports::{BooksError, Parking},
    time::UnixMs,
};

#[async_trait]
impl Parking for SimBooks {
    async fn park(&self, id: PaymentId, fence: i64, until: UnixMs) -> Result<bool, BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.park(id, fence, until).await;
        self.back(done).await
    }

    async fn take(
        &self,
        id: PaymentId,
        now: UnixMs,
        lease_until: UnixMs,
    ) -> Result<Option<Intent>, BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.take(id, now, lease_until).await;
        self.back(done).await
    }

    async fn note_not_done(
        &self,
        id: PaymentId,
        guard: Guard,
        not_done: bool,
    ) -> Result<Intent, BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.note_not_done(id, guard, not_done).await;
        self.back(done).await
    }
}
