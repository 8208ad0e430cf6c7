//! Authorizations of queued payments, kept as they are: tests have no secrets.

use payments::{
    ports::RailError,
    x402::verify::{LiveTransfer, SignedAuthorization, VerifiedTransfer},
};

use crate::wallet::test_token;

/// What it takes to sign this transfer later.
pub fn kept(transfer: &LiveTransfer) -> Vec<u8> {
    serde_json::to_vec(&transfer.to_saved()).unwrap_or_default()
}

/// The transfer that was kept, its signature verified anew.
///
/// # Errors
/// [`RailError::NotReady`] for other bytes.
pub fn reopened(sealed: &[u8]) -> Result<VerifiedTransfer, RailError> {
    let unreadable = || RailError::NotReady(String::from("the kept authorization does not open"));
    let saved: SignedAuthorization = serde_json::from_slice(sealed).map_err(|_| unreadable())?;
    VerifiedTransfer::from_saved(saved, &test_token()).map_err(|_| unreadable())
}
