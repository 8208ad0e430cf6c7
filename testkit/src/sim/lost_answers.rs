//! A claim whose answer was lost.

use super::books::SimBooks;
use payments::{
    ids::PaymentId,
    intent::Guard,
    ports::{Books, BooksError, Claimed},
    time::UnixMs,
};

/// Between two looks for it.
const LOOK_EVERY_MS: u64 = 200;
/// The guard of an intent that nothing but its claim has touched.
const FIRST: Guard = Guard { version: 1, fence: 1 };

impl SimBooks {
    pub(super) fn note_claim(&self, claimed: &Claimed, at: UnixMs) {
        match claimed {
            Claimed::New(intent) => {
                self.sim.check_new(intent, at);
                self.sim.count(|counts| counts.made(&intent.funding));
            }
            Claimed::Joined(_) => self.sim.count(|counts| counts.joined += 1),
            Claimed::Known(_) | Claimed::Refused(_) => {}
        }
    }

    /// A claim whose answer was lost: its intent is looked for by its id until the lease would end,
    /// and counts as unattended.
    pub(super) async fn looked_for(
        &self,
        id: PaymentId,
        until: UnixMs,
    ) -> Result<Claimed, BooksError> {
        self.sim.count(|counts| counts.lost_claims += 1);
        while self.sim.scheduler.now() < until {
            self.unattended(id);
            self.sim.pause(LOOK_EVERY_MS).await;
            if self.reach().await.is_ok()
                && let Some(intent) = self.sim.books.intent(id).await?
            {
                return Ok(if intent.guard == FIRST {
                    Claimed::New(intent)
                } else {
                    Claimed::Joined(intent)
                });
            }
        }
        Err(not_known())
    }
}

/// It was done, and its caller does not know.
pub(super) fn not_known() -> BooksError {
    BooksError::NotKnown("it was done".into())
}
