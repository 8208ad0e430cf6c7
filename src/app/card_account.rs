//! Books belong to one account of the card processor and one mode: test credits are never spent for
//! real.

use std::{sync::Arc, time::Duration};

use payments::ports::{CardBooks, CardError, CardRail};

use super::error::AppError;
use crate::{clock::random_bytes, rails::stripe::StripeRail};

/// What the books keep of the mode, so that what was bought in a test is never spent for real
/// money.
const MODE_MARK: &str = "stripe.mode";
/// How long a start waits to hear whose key it is.
const ACCOUNT_WITHIN: Duration = Duration::from_secs(5);
const ANOTHER_MODE: &str = "credits that were bought with test money would be spent for real. Begin new books for the other mode";

/// Refuses books of the other mode, and marks new ones.
///
/// # Errors
/// [`AppError`].
pub(super) async fn check_mode(books: &dyn CardBooks, livemode: bool) -> Result<(), AppError> {
    let mode = if livemode { "live" } else { "test" };
    if books.same_key(MODE_MARK, mode).await? {
        Ok(())
    } else {
        Err(AppError::Setting(format!(
            "these books are of another mode than stripe.mode = {mode}: {ANOTHER_MODE}"
        )))
    }
}

/// The rail of these books, under their name at a processor that other gateways use too.
///
/// # Errors
/// [`AppError`].
pub(super) async fn of_books(
    rail: StripeRail,
    books: &Arc<dyn CardBooks>,
) -> Result<StripeRail, AppError> {
    let name = books.books_name(&hex::encode(random_bytes::<16>()?)).await?;
    Ok(rail.of_books(Arc::clone(books), name))
}

/// Refuses another account than the one that the books were begun with. One that is not known yet
/// is waited for while serving: readiness says so, and cards are refused until then.
///
/// # Errors
/// [`AppError::Setting`] with both.
pub(super) async fn open_gate(rail: &StripeRail) -> Result<(), AppError> {
    match tokio::time::timeout(ACCOUNT_WITHIN, rail.account_known()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(CardError::Misconfigured(why))) => Err(AppError::Setting(why)),
        Ok(Err(error)) => {
            tracing::warn!(%error, "cards.account_unknown");
            Ok(())
        }
        Err(_) => {
            tracing::warn!(error = "no answer", "cards.account_unknown");
            Ok(())
        }
    }
}
