//! Books that break off while a payment is driven.

use std::time::Duration;

use payments::{
    checkout::{DriveError, Progress},
    ids::PaymentId,
    intent::Intent,
    ports::BooksError,
    time::UnixMs,
};

use super::{
    drives::{Drives, Ended, LOOK_EVERY, chain},
    journey::Journey,
};

/// The longest wait before the next try: as long as the recovery loop would take.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

impl Drives {
    /// A step that the books did not take ends nothing while the lease lasts: the payment is read
    /// again, whatever was written of the step, and goes on from there as one that was taken up
    /// does. Books that break off again and again leave no other driver more time. While they take
    /// nothing at all, each try waits longer: a step may ask the far side again.
    pub(super) async fn through_outages(
        &self,
        mut intent: Intent,
        mut progress: Progress,
        journey: &mut Journey,
    ) -> Result<Ended, DriveError> {
        let (id, fence) = (intent.id, intent.guard.fence);
        let (mut wait, mut version) = (LOOK_EVERY, intent.guard.version);
        loop {
            let error = match self.to_its_end(intent, progress, journey).await {
                Err(DriveError::Books(
                    error @ (BooksError::Unavailable(_) | BooksError::NotKnown(_)),
                )) => error,
                ended => return ended,
            };
            tracing::warn!(payment_id = %id, error = %chain(&error), "payment.books_broke_off");
            intent = self.read_again(id, fence, wait, error).await?;
            progress = Progress::recovered();
            wait = if intent.guard.version == version {
                wait.saturating_mul(2).min(LONGEST_WAIT)
            } else {
                LOOK_EVERY
            };
            version = intent.guard.version;
        }
    }

    /// The payment as the books have it, once they take a write: nobody far away is asked again for
    /// a step that could not be saved.
    async fn read_again(
        &self,
        id: PaymentId,
        fence: i64,
        wait: Duration,
        broke_off: BooksError,
    ) -> Result<Intent, BooksError> {
        let lease_ms = self.world.settings.lease_ms;
        let until = self.world.clock.now().plus_ms(lease_ms);
        tokio::time::sleep(wait).await;
        while self.world.clock.now() < until {
            match self.held(id, fence, self.world.clock.now().plus_ms(lease_ms)).await {
                Err(BooksError::Unavailable(_) | BooksError::NotKnown(_)) => {
                    tokio::time::sleep(LOOK_EVERY).await
                }
                held => return held,
            }
        }
        Err(broke_off)
    }

    async fn held(&self, id: PaymentId, fence: i64, until: UnixMs) -> Result<Intent, BooksError> {
        if !self.world.books.renew_lease(id, fence, until).await? {
            return Err(BooksError::Stale(id));
        }
        self.world
            .books
            .intent(id)
            .await?
            .filter(|intent| intent.guard.fence == fence)
            .ok_or(BooksError::Stale(id))
    }
}
