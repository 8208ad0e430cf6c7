//! A change whose answer was lost. It was named before it was first made; under that name it is
//! looked for, or made again, until it is known to be written or not.

use std::{pin::Pin, time::Duration};

use payments::ports::{AdjustmentError, AssignRefusal, BooksError, CloseRefusal, RefundRefusal};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One try of a change.
pub(super) type Attempt<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// Why a change was not made, which may be a fault of the books.
pub(super) trait OfBooks {
    /// The fault of the books, if it is one.
    fn of_books(&self) -> Option<&BooksError>;
}

impl OfBooks for BooksError {
    fn of_books(&self) -> Option<&BooksError> {
        Some(self)
    }
}

impl OfBooks for AdjustmentError {
    fn of_books(&self) -> Option<&BooksError> {
        match self {
            Self::Books(error) => Some(error),
            Self::TooFew(_) | Self::NameTaken => None,
        }
    }
}

impl OfBooks for RefundRefusal {
    fn of_books(&self) -> Option<&BooksError> {
        match self {
            Self::Books(error) => Some(error),
            Self::NotOwed
            | Self::NotByCard
            | Self::NotInUsdc
            | Self::TransferUsed
            | Self::Standing(_)
            | Self::NoCreditForIt
            | Self::CreditSpent
            | Self::SettlementLost
            | Self::DayCap { .. }
            | Self::WalletTooPoor { .. }
            | Self::TokenRefuses(_)
            | Self::NotSigned(_) => None,
        }
    }
}

impl OfBooks for AssignRefusal {
    fn of_books(&self) -> Option<&BooksError> {
        match self {
            Self::Books(error) => Some(error),
            Self::Unknown
            | Self::NamesItsEntries
            | Self::OtherCurrency
            | Self::NotPaid
            | Self::Already
            | Self::NotInIt(_) => None,
        }
    }
}

impl OfBooks for CloseRefusal {
    fn of_books(&self) -> Option<&BooksError> {
        match self {
            Self::Books(error) => Some(error),
            Self::Unknown | Self::Closed | Self::ByItselfOnly => None,
        }
    }
}

/// Makes a change. Where its answer is lost, it is tried again for at most `limit`: `attempt` is
/// told that an earlier try may have been written, and looks for it by its name before anything
/// else.
///
/// # Errors
/// Those of the change; [`BooksError::NotKnown`] when it is still in doubt after that time.
pub(super) async fn until_known<'a, T, E: OfBooks>(
    limit: Duration,
    mut attempt: impl FnMut(bool) -> Attempt<'a, T, E>,
) -> Result<T, E> {
    let lost = match attempt(false).await {
        Err(error) if matches!(error.of_books(), Some(BooksError::NotKnown(_))) => error,
        known => return known,
    };
    let again = async {
        loop {
            match attempt(true).await {
                // What was not written now may have been written before.
                Err(error) if is_still_in_doubt(&error) => tokio::time::sleep(LOOK_EVERY).await,
                known => return known,
            }
        }
    };
    tokio::time::timeout(limit, again).await.unwrap_or(Err(lost))
}

fn is_still_in_doubt(error: &impl OfBooks) -> bool {
    match error.of_books() {
        Some(BooksError::Unavailable(_) | BooksError::NotKnown(_)) => true,
        Some(BooksError::Stale(_) | BooksError::Corrupt { .. }) | None => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LIMIT: Duration = Duration::from_millis(900);

    fn not_known() -> BooksError {
        BooksError::NotKnown("the answer was lost".into())
    }

    fn unavailable() -> BooksError {
        BooksError::Unavailable("nothing was sent".into())
    }

    /// What a change comes to whose tries end like this, and which of them were told that they may
    /// be second ones.
    async fn ends(tries: Vec<Result<u8, BooksError>>) -> (Result<u8, BooksError>, Vec<bool>) {
        let (mut tries, mut told) = (tries.into_iter(), Vec::new());
        let outcome = until_known(LIMIT, |in_doubt| {
            told.push(in_doubt);
            let outcome = tries.next().unwrap_or_else(|| Err(unavailable()));
            Box::pin(async { outcome })
        });
        (outcome.await, told)
    }

    #[tokio::test]
    async fn what_was_not_written_is_said_at_once() {
        let (outcome, told) = ends(vec![Err(unavailable()), Ok(1)]).await;
        assert!(matches!(outcome, Err(BooksError::Unavailable(_))), "{outcome:?}");
        assert_eq!(told, [false]);
    }

    #[tokio::test]
    async fn a_lost_answer_is_looked_for_until_it_is_found() {
        let (outcome, told) =
            ends(vec![Err(not_known()), Err(unavailable()), Err(not_known()), Ok(7)]).await;
        assert_eq!((outcome.unwrap(), told), (7, vec![false, true, true, true]));
    }

    #[tokio::test]
    async fn a_doubt_that_stays_is_no_refusal() {
        let (outcome, told) = ends(vec![Err(not_known())]).await;
        assert!(matches!(outcome, Err(BooksError::NotKnown(_))), "{outcome:?}");
        assert!(told.len() > 2, "{}", told.len());
    }

    #[tokio::test]
    async fn a_silent_look_ends_with_its_time() {
        let outcome = until_known(LIMIT, |in_doubt| {
            Box::pin(async move {
                if in_doubt {
                    std::future::pending::<()>().await;
                }
                Err::<u8, BooksError>(not_known())
            })
        });
        assert!(matches!(outcome.await, Err(BooksError::NotKnown(_))));
    }
}
