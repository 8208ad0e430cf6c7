//! What waits for a signer, as one process reaches it.

use async_trait::async_trait;

use super::{books::SimBooks, locked};
use payments::{
    intent::Intent,
    ports::{Books, BooksError, PreparationError, QueuedPayment, SettlementQueue, SigningRound},
    time::UnixMs,
};

#[async_trait]
impl SettlementQueue for SimBooks {
    async fn take_queued(
        &self,
        now: UnixMs,
        lease_until: UnixMs,
        limit: u32,
    ) -> Result<Vec<QueuedPayment>, BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.take_queued(now, lease_until, limit).await;
        for queued in done.iter().flatten() {
            if !locked(&self.claimed).contains(&queued.intent.id) {
                self.sim.books.unattended(queued.intent.id);
            }
        }
        self.sim.books.flush().await?;
        self.back(done).await
    }

    async fn sign_queued(
        &self,
        round: SigningRound<'_>,
    ) -> Result<Result<Vec<Intent>, PreparationError>, BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.sign_queued(round).await;
        if let Ok(Ok(signed)) = &done {
            let count = signed.len() as u64;
            self.sim.count(|counts| counts.signed_later += count);
        }
        self.back(done).await
    }
}
