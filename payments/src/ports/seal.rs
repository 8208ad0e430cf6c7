//! Keeping secrets in the books: a saved transaction or authorization is money to whoever reads it.

/// Seals bytes under the service's seal key with authenticated encryption (`[store] seal_key`).
///
/// `aad` names what is sealed and is not stored: bytes that were moved to another row do not open
/// there.
pub trait Sealer: Send + Sync {
    /// The sealed form, which differs each time.
    fn seal(&self, aad: &[u8], plain: &[u8]) -> Vec<u8>;

    /// What was sealed.
    ///
    /// # Errors
    /// [`SealError`] when the bytes were wiped, changed, sealed for another `aad` or under another
    /// key.
    fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError>;
}

/// The sealed bytes do not open. Says nothing more: the reason is no business of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed bytes do not open under this key and name")]
pub struct SealError;

/// Bytes that are kept sealed. Not to be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedRow {
    /// The name that they open under: see [`seal_name`](crate::settlement::seal_name) for
    /// transactions; the payment id for charges.
    pub name: String,
    /// As [`Sealer::seal`] made them.
    pub bytes: Vec<u8>,
}
