//! Work that waits for something else than its driver.

use async_trait::async_trait;

use crate::{
    ids::PaymentId,
    intent::{Guard, Intent},
    ports::BooksError,
    time::UnixMs,
};

/// Intents that are set aside for a while, and taken up one at a time.
#[async_trait]
pub trait Parking: Send + Sync {
    /// Lets go of a lease, and keeps the recovery loop from the intent until this moment: nothing
    /// can be done for it before. False when another driver has the lease.
    ///
    /// # Errors
    /// [`BooksError`]; so for every method here.
    async fn park(&self, id: PaymentId, fence: i64, until: UnixMs) -> Result<bool, BooksError>;

    /// Takes one intent in a transient state as
    /// [`Books::take_stuck`](crate::ports::Books::take_stuck) does, parked or not; nothing while
    /// somebody drives it.
    async fn take(
        &self,
        id: PaymentId,
        now: UnixMs,
        lease_until: UnixMs,
    ) -> Result<Option<Intent>, BooksError>;

    /// Notes that the upstream is known to have done nothing each time the intent was sent; or,
    /// before it is sent again, that this is not known any more. The note outlives one change of
    /// the lease: whoever takes the intent renews it.
    ///
    /// # Errors
    /// [`BooksError::Stale`] when the guard does not hold; nothing changed then.
    async fn note_not_done(
        &self,
        id: PaymentId,
        guard: Guard,
        not_done: bool,
    ) -> Result<Intent, BooksError>;
}
