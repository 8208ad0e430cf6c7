//! What payments cost us, and what reaches the bank.

use super::{Account, LedgerError, Line, Posting};
use crate::{
    clearing::{CentsMoved, FeeKind},
    gas::Gwei,
    ids::PaymentId,
};

impl Posting {
    /// The card processor kept a fee of one entry of its balance, or gave one back where it is
    /// below zero. Nothing for no fee.
    ///
    /// # Errors
    /// [`LedgerError::TooLarge`] for an amount that the books cannot hold; so for every constructor
    /// here.
    pub fn fee(
        intent: PaymentId,
        entry: &str,
        kind: FeeKind,
        fee: CentsMoved,
    ) -> Result<Option<Self>, LedgerError> {
        let (word, account) = match kind {
            FeeKind::Processing => (PROCESSING_FEE, Account::Processing),
            FeeKind::Dispute => (DISPUTE_FEE, Account::DisputeFees),
        };
        Self::unless_nothing(
            intent,
            word,
            entry,
            signed(account, Account::StripeClearing, "USD", fee.get())?,
        )
    }

    /// Ours of a payout reached the bank; below zero where the bank was asked for it. `number`
    /// counts the postings of the payout.
    ///
    /// # Errors
    /// See [`Posting::fee`].
    pub fn paid_out(
        payout: PaymentId,
        number: u64,
        ours: CentsMoved,
    ) -> Result<Option<Self>, LedgerError> {
        let lines = signed(Account::Bank, Account::StripeClearing, "USD", ours.get())?;
        Self::unless_nothing(payout, "paid_out", &number.to_string(), lines)
    }

    /// A payout failed that was booked: its money is with the processor again.
    ///
    /// # Errors
    /// See [`Posting::fee`].
    pub fn payout_failed(
        payout: PaymentId,
        number: u64,
        ours: CentsMoved,
    ) -> Result<Option<Self>, LedgerError> {
        let lines = signed(Account::StripeClearing, Account::Bank, "USD", ours.get())?;
        Self::unless_nothing(payout, "payout_failed", &number.to_string(), lines)
    }

    /// Our transactions cost so much more than was booked before, or less where a reorganisation
    /// took some.
    ///
    /// # Errors
    /// See [`Posting::fee`].
    pub fn gas(id: PaymentId, spent: Gwei) -> Result<Option<Self>, LedgerError> {
        Self::unless_nothing(
            id,
            "gas",
            "spent",
            signed(Account::Gas, Account::GasCoin, Gwei::CURRENCY, spent.get())?,
        )
    }

    fn unless_nothing(
        intent: PaymentId,
        kind: &'static str,
        name: &str,
        lines: Vec<Line>,
    ) -> Result<Option<Self>, LedgerError> {
        if lines.iter().all(|line| line.amount_minor == 0) {
            return Ok(None);
        }
        Self::of_lines(intent, kind, name, lines).map(Some)
    }
}

/// The kinds of fees in the journal.
pub const PROCESSING_FEE: &str = "processing_fee";
/// See [`PROCESSING_FEE`].
pub const DISPUTE_FEE: &str = "dispute_fee";

fn signed(
    debit: Account,
    credit: Account,
    currency: &'static str,
    minor: i64,
) -> Result<Vec<Line>, LedgerError> {
    let credited = minor.checked_neg().ok_or(LedgerError::TooLarge)?;
    Ok(vec![
        Line { account: debit, currency, amount_minor: minor },
        Line { account: credit, currency, amount_minor: credited },
    ])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn costs_leave_the_account_that_paid_them_and_nothing_is_no_posting() {
        let id = PaymentId::new(uuid::Uuid::from_u128(1));
        let fee =
            Posting::fee(id, "txn_1", FeeKind::Dispute, CentsMoved::new(1_500)).unwrap().unwrap();
        let lines: Vec<_> =
            fee.lines().iter().map(|line| (line.account.to_string(), line.amount_minor)).collect();
        assert_eq!(
            lines,
            [(String::from("exp:dispute"), 1_500), (String::from("asset:stripe_clearing"), -1_500)]
        );
        assert_eq!(fee.txn_id(), format!("{id}:dispute_fee:txn_1"));
        let back = Posting::paid_out(id, 1, CentsMoved::new(-7)).unwrap().unwrap();
        assert_eq!(
            (back.lines()[0].account.to_string().as_str(), back.lines()[0].amount_minor),
            ("asset:bank", -7)
        );
        assert_eq!(Posting::gas(id, Gwei::ZERO), Ok(None));
        assert_eq!(
            Posting::payout_failed(id, 2, CentsMoved::new(i64::MIN)),
            Err(LedgerError::TooLarge)
        );
    }
}
