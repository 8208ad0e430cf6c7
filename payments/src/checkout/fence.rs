//! Whose a payment is, asked again right before something leaves for it. A process that was stopped
//! between a commit and its send goes on as if nothing had happened, while another one has taken
//! its work over.

use crate::{
    checkout::{DriveError, World},
    intent::Intent,
    ports::BooksError,
};

/// A driver that moved the payment within half a lease has it still. Any other asks the books, and
/// keeps the lease with the answer.
///
/// # Errors
/// [`BooksError::Stale`] when another driver has the lease: nothing may be sent.
pub(super) async fn still_ours(world: &World, intent: &Intent) -> Result<(), DriveError> {
    let now = world.clock.now();
    if now < intent.updated_at.plus_ms(world.settings.lease_ms / 2) {
        return Ok(());
    }
    let until = now.plus_ms(world.settings.lease_ms);
    if world.books.renew_lease(intent.id, intent.guard.fence, until).await? {
        Ok(())
    } else {
        Err(BooksError::Stale(intent.id).into())
    }
}
