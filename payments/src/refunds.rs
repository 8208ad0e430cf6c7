//! Money on its way back to cards, and what the card processor says later of a charge: each asked for until it is known.

use crate::{
    charge::{Refund, RefundState},
    ids::PaymentId,
    ports::{BooksError, CardBooks, CardError, CardRail, Clock, RefundOutcome},
};

/// How many refunds one round takes.
const ROUND_LIMIT: u32 = 64;

/// Asks the processor for every refund whose outcome is not known, under the key that was saved with it. Says how many stay open.
///
/// # Errors
/// [`BooksError`] when the books do not answer. A processor that does not answer ends the round; its refunds stay open for the next one.
pub async fn refund_round(rail: &dyn CardRail, books: &dyn CardBooks, clock: &dyn Clock) -> Result<usize, BooksError> {
    let open = books.open_refunds(ROUND_LIMIT).await?;
    let mut left = open.len();
    for refund in open {
        match rail.refund(&refund, clock.now()).await {
            Ok(RefundOutcome::Refunded) => {
                books.move_refund(refund.intent, RefundState::Refunded, clock.now()).await?;
                left -= 1;
            }
            Ok(RefundOutcome::Failed) => {
                books.move_refund(refund.intent, RefundState::Failed, clock.now()).await?;
                left -= 1;
            }
            Ok(RefundOutcome::Pending) => {}
            Err(CardError::Busy { .. }) => return Ok(left),
            Err(_) => {
                mark_unknown(books, &refund, clock).await?;
                return Ok(left);
            }
        }
    }
    Ok(left)
}

/// An unanswered question leaves the refund unknown: it may have happened.
async fn mark_unknown(books: &dyn CardBooks, refund: &Refund, clock: &dyn Clock) -> Result<(), BooksError> {
    match refund.state {
        RefundState::Sent => books.move_refund(refund.intent, RefundState::Unknown, clock.now()).await,
        _ => Ok(()),
    }
}

/// Why a look at a charge said nothing.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The processor did not say.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The books failed.
    #[error(transparent)]
    Books(#[from] BooksError),
}

/// Books what is true now of a settled charge: an event says that something changed, and only the processor's current word says what.
///
/// # Errors
/// [`LookError`]: nothing was booked, and the same look may be taken again.
pub async fn look_at_charge(
    rail: &dyn CardRail,
    books: &dyn CardBooks,
    clock: &dyn Clock,
    intent: PaymentId,
    payment_intent: &str,
) -> Result<(), LookError> {
    // Two looks may end in the other order: what was asked first must not be believed last.
    let asked_at = clock.now();
    let facts = rail.facts(payment_intent).await?;
    books.book_facts(intent, &facts, asked_at).await?;
    Ok(())
}
