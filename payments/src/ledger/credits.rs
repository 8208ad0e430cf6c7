//! Postings of credits: issued, held for a call, spent by it or returned.

use super::{Account, LedgerError, Posting, moved};
use crate::{
    agent::Payer,
    ids::PaymentId,
    money::{Amount, Credits, UsdCents},
};

impl Posting {
    /// Credits are taken for a call.
    ///
    /// # Errors
    /// See [`Posting::settled`].
    pub fn credit_held(
        intent: PaymentId,
        payer: &Payer,
        count: Credits,
    ) -> Result<Self, LedgerError> {
        Self::transfer(
            intent,
            "credit_held",
            Account::CreditsHeld,
            Account::CreditsOf(payer.clone()),
            Amount::Credits(count),
        )
    }

    /// The call that credits were taken for is done: they are spent, and the money behind them is
    /// earned.
    ///
    /// # Errors
    /// See [`Posting::settled`].
    pub fn credit_spent(
        intent: PaymentId,
        payer: &Payer,
        count: Credits,
        backing: UsdCents,
    ) -> Result<Self, LedgerError> {
        let mut lines = moved(Account::CreditsSpent, Account::CreditsHeld, Amount::Credits(count))?;
        if backing != UsdCents::ZERO {
            lines.extend(moved(
                Account::Unearned(payer.clone()),
                Account::RevenueLaunch,
                Amount::Usd(backing),
            )?);
        }
        Self::balanced(intent, "earned", lines)
    }

    /// The call that credits were taken for was refused: the payer has them again.
    ///
    /// # Errors
    /// See [`Posting::settled`].
    pub fn credit_returned(
        intent: PaymentId,
        payer: &Payer,
        count: Credits,
    ) -> Result<Self, LedgerError> {
        Self::transfer(
            intent,
            "credit_returned",
            Account::CreditsOf(payer.clone()),
            Account::CreditsHeld,
            Amount::Credits(count),
        )
    }

    /// New credits for a payer: a pack, or one for a paid launch that was refused.
    ///
    /// # Errors
    /// See [`Posting::settled`].
    pub fn credits_issued(
        intent: PaymentId,
        payer: &Payer,
        credits: Credits,
    ) -> Result<Self, LedgerError> {
        let amount = Amount::Credits(credits);
        Self::transfer(
            intent,
            "credits_issued",
            Account::CreditsOf(payer.clone()),
            Account::CreditsIssued,
            amount,
        )
    }
}
