//! Postings of settlements that a reorganisation took or brought back.

use super::{Account, LedgerError, Posting, moved};
use crate::{ids::PaymentId, money::Amount};

impl Posting {
    /// A reorganisation took a settlement that was counted: the money is gone, whatever was given
    /// for it. `times` is how often by then.
    ///
    /// # Errors
    /// See [`Posting::settled`].
    pub fn settlement_lost(
        intent: PaymentId,
        amount: Amount,
        times: u32,
    ) -> Result<Self, LedgerError> {
        Self::of_lines(
            intent,
            "settlement_lost",
            &times.to_string(),
            moved(Account::Loss, Account::UsdcHot, amount)?,
        )
    }

    /// It is on the chain again: the loss is no loss.
    ///
    /// # Errors
    /// See [`Posting::settled`].
    pub fn settlement_back(
        intent: PaymentId,
        amount: Amount,
        times: u32,
    ) -> Result<Self, LedgerError> {
        Self::of_lines(
            intent,
            "settlement_back",
            &times.to_string(),
            moved(Account::UsdcHot, Account::Loss, amount)?,
        )
    }
}
