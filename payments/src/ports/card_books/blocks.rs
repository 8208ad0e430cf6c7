//! Card accounts that are blocked, and how a block is lifted.

use crate::{agent::Payer, ports::BooksError, time::UnixMs};

/// Why an account is refused what costs money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBlock {
    /// Whose account.
    pub payer: Payer,
    /// `chargeback` or `fraud_warning`.
    pub cause: String,
    /// The dispute or the warning, `du_...` or `issfr_...`.
    pub reference: String,
    /// The payment that it is about.
    pub payment: String,
    /// The processor's word for why.
    pub detail: String,
    /// Since when.
    pub since: UnixMs,
}

/// An operator lets a blocked account buy again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockLift {
    /// Whose account.
    pub payer: Payer,
    /// Why; kept with the action.
    pub reason: String,
    /// `page`, `api` or `cli`.
    pub via: &'static str,
    /// Now.
    pub at: UnixMs,
    /// Only says what would come of it; nothing changes.
    pub dry_run: bool,
}

/// Why a block was not lifted. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum LiftRefusal {
    /// There is none.
    #[error("the account is not blocked")]
    NotBlocked,
    /// The books failed.
    #[error(transparent)]
    Books(#[from] BooksError),
}
