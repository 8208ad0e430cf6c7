//! The lease of what is driven: kept, and given back.

use std::time::Duration;

use payments::ids::PaymentId;

use super::{Drives, LOOK_EVERY, RENEWALS, chain};

impl Drives {
    /// Lets go of what is not done, so that the next process takes it up at once.
    pub async fn let_go(&self) {
        let left: Vec<_> = self.lock().drain().collect();
        for (id, running) in left {
            running.task.abort();
            if let Err(error) = self.world.books.release_lease(id, running.fence).await {
                tracing::warn!(payment_id = %id, error = %error, "lease.not_released");
            }
        }
    }

    /// Lets go of what nothing can be done for now. It takes no place among the driven ones, and
    /// holds up no end of the process.
    pub(super) async fn park(&self, id: PaymentId, fence: i64, ms: u64) {
        let until = self.world.clock.now().plus_ms(i64::try_from(ms).unwrap_or(i64::MAX));
        match self.world.books.park(id, fence, until).await {
            Ok(_) => tracing::info!(payment_id = %id, until = until.rfc3339(), "payment.parked"),
            Err(error) => {
                tracing::warn!(payment_id = %id, error = %chain(&error), "payment.not_parked")
            }
        }
    }

    /// Lets go of the lease as soon as the books take that, so that the recovery loop need not wait
    /// for its end.
    pub(super) async fn give_up(&self, id: PaymentId, fence: i64) {
        let until = self.world.clock.now().plus_ms(self.world.settings.lease_ms);
        while self.world.clock.now() < until
            && self.world.books.release_lease(id, fence).await.is_err()
        {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Ends when the lease is lost: from then on somebody else drives.
    pub(super) async fn keep_lease(&self, id: PaymentId, fence: i64) {
        let every = Duration::from_millis(
            u64::try_from(self.world.settings.lease_ms).unwrap_or_default() / RENEWALS,
        );
        loop {
            tokio::time::sleep(every).await;
            let until = self.world.clock.now().plus_ms(self.world.settings.lease_ms);
            match self.world.books.renew_lease(id, fence, until).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(payment_id = %id, error = %error, "lease.not_renewed")
                }
            }
        }
    }
}
