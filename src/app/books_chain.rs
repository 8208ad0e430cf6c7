//! Books are of one chain and one token: their nonces, authorizations and settlements mean
//! something else on another one.

use payments::ports::CardBooks;

use super::error::AppError;
use crate::{
    books::{Inspect, TOKEN_MARK},
    config::Config,
};

/// The configured chain and token, as books keep them.
pub(super) fn configured(config: &Config) -> Option<String> {
    let asset = config.x402.asset.0?;
    Some(format!(
        "eip155:{}/{}",
        config.x402.chain_id,
        payments::agent::Wallet::new(asset.into_array())
    ))
}

/// What is wrong with using these books; `None` when they are of the configured chain and token, or
/// of none yet.
///
/// # Errors
/// [`AppError`] when the books cannot be read.
pub(super) async fn mismatch(
    config: &Config,
    inspect: &dyn Inspect,
) -> Result<Option<String>, AppError> {
    let (Some(configured), Some(books)) = (configured(config), inspect.token().await?) else {
        return Ok(None);
    };
    Ok((configured != books).then(|| {
        format!(
            "these books are of {books}, and x402.chain_id with x402.asset name {configured}: their nonces and settlements are of that chain and \
             token. Give those back, or begin new books for the others"
        )
    }))
}

/// Refuses books of another chain or token, and marks new ones.
///
/// # Errors
/// [`AppError::Setting`] with both; [`AppError`] when the books do not answer.
pub(super) async fn check(
    config: &Config,
    inspect: &dyn Inspect,
    marks: &dyn CardBooks,
) -> Result<(), AppError> {
    if let Some(mismatch) = mismatch(config, inspect).await? {
        return Err(AppError::Setting(mismatch));
    }
    let Some(configured) = configured(config) else { return Ok(()) };
    if marks.same_key(TOKEN_MARK, &configured).await? {
        Ok(())
    } else {
        // Another process was faster, with another configuration.
        Err(AppError::Setting(format!(
            "these books are begun by another process with another chain or token than {configured}"
        )))
    }
}
