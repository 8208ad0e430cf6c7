//! Double-entry postings. A posting is built here, balanced, or not at all: every one has its
//! constructor in this module, and no other composes lines. The database checks the same sum again.
//!
//! Debits are positive, credits negative, in the currency's minor unit. A correction is a new
//! posting.

mod accounts;
mod chart;
mod costs;
mod credits;
mod given_back;
mod reorg;

pub use accounts::{ChargeEvent, ChargeMoves};
pub use chart::Account;
pub use costs::{DISPUTE_FEE, PROCESSING_FEE};
pub use given_back::{PaidFrom, ReceiptStanding, WalletMove};

use crate::{
    agent::Payer,
    ids::PaymentId,
    money::{Amount, UsdCents},
};

/// One line of a posting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The account that the amount is booked on.
    pub account: Account,
    /// `USDC`, `USD`, `CREDIT`, or `ETH` in gwei.
    pub currency: &'static str,
    /// Minor units of the currency; a debit is positive.
    pub amount_minor: i64,
}

/// A balanced set of lines with its own id, so that the same fact can be booked once only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    txn_id: String,
    kind: &'static str,
    intent: PaymentId,
    lines: Vec<Line>,
}

/// Lines that do not balance, or an amount that no book can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Debits and credits of one currency differ.
    #[error("the lines of {txn_id} do not sum to zero")]
    Unbalanced {
        /// The posting that was refused.
        txn_id: String,
    },
    /// The amount does not fit the books' 64-bit minor units.
    #[error("an amount does not fit the books")]
    TooLarge,
}

// === impl Posting ===

impl Posting {
    /// The payment arrived, on the chain or at the card processor: money in, nothing delivered yet.
    ///
    /// # Errors
    /// [`LedgerError::TooLarge`] for an amount that the books cannot hold; so for every constructor
    /// here.
    pub fn settled(intent: PaymentId, payer: &Payer, amount: Amount) -> Result<Self, LedgerError> {
        let asset = match amount {
            Amount::Usd(_) => Account::StripeClearing,
            Amount::Usdc(_) | Amount::Credits(_) => Account::UsdcHot,
        };
        Self::transfer(intent, "settled", asset, Account::Unearned(payer.clone()), amount)
    }

    /// The launch exists: what was unearned is earned.
    ///
    /// # Errors
    /// See [`Posting::settled`].
    pub fn earned(intent: PaymentId, payer: &Payer, amount: Amount) -> Result<Self, LedgerError> {
        Self::transfer(
            intent,
            "earned",
            Account::Unearned(payer.clone()),
            Account::RevenueLaunch,
            amount,
        )
    }

    /// The upstream finally refused: what was unearned is owed back.
    ///
    /// # Errors
    /// See [`Posting::settled`].
    pub fn owed(intent: PaymentId, payer: &Payer, amount: Amount) -> Result<Self, LedgerError> {
        Self::transfer(
            intent,
            "owed",
            Account::Unearned(payer.clone()),
            Account::RefundDue(payer.clone()),
            amount,
        )
    }

    /// An entitlement pays for another creation: what was owed back is unearned again.
    ///
    /// # Errors
    /// See [`Posting::settled`].
    pub fn entitled(intent: PaymentId, payer: &Payer, amount: Amount) -> Result<Self, LedgerError> {
        Self::transfer(
            intent,
            "entitled",
            Account::RefundDue(payer.clone()),
            Account::Unearned(payer.clone()),
            amount,
        )
    }

    /// The card processor took something that nobody asked for: all of it is owed back.
    ///
    /// # Errors
    /// See [`Posting::settled`].
    pub fn mischarged(
        intent: PaymentId,
        payer: &Payer,
        taken: UsdCents,
    ) -> Result<Self, LedgerError> {
        Self::transfer(
            intent,
            "mischarged",
            Account::StripeClearing,
            Account::RefundDue(payer.clone()),
            Amount::Usd(taken),
        )
    }

    /// A fact that is told by its own lines. `name` makes it unique beside others of its intent.
    ///
    /// # Errors
    /// [`LedgerError::Unbalanced`] when they do not sum to zero in each currency.
    fn of_lines(
        intent: PaymentId,
        kind: &'static str,
        name: &str,
        lines: Vec<Line>,
    ) -> Result<Self, LedgerError> {
        let mut posting = Self::balanced(intent, kind, lines)?;
        posting.txn_id = format!("{intent}:{kind}:{name}");
        Ok(posting)
    }

    /// The id that makes the fact unique: `<payment id>:<kind>`.
    pub fn txn_id(&self) -> &str {
        &self.txn_id
    }

    /// What happened, in one word.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The intent that it belongs to.
    pub fn intent(&self) -> PaymentId {
        self.intent
    }

    /// The balanced lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    fn transfer(
        intent: PaymentId,
        kind: &'static str,
        debit: Account,
        credit: Account,
        amount: Amount,
    ) -> Result<Self, LedgerError> {
        Self::balanced(intent, kind, moved(debit, credit, amount)?)
    }

    fn balanced(
        intent: PaymentId,
        kind: &'static str,
        lines: Vec<Line>,
    ) -> Result<Self, LedgerError> {
        let txn_id = format!("{intent}:{kind}");
        for line in &lines {
            let sum = lines
                .iter()
                .filter(|other| other.currency == line.currency)
                .try_fold(0_i64, |sum, other| sum.checked_add(other.amount_minor))
                .ok_or(LedgerError::TooLarge)?;
            if sum != 0 {
                return Err(LedgerError::Unbalanced { txn_id });
            }
        }
        Ok(Self { txn_id, kind, intent, lines })
    }
}

/// The two lines of an amount that goes from one account to another.
///
/// # Errors
/// [`LedgerError::TooLarge`].
fn moved(debit: Account, credit: Account, amount: Amount) -> Result<Vec<Line>, LedgerError> {
    let minor = amount.minor().map_err(|_| LedgerError::TooLarge)?;
    let currency = amount.currency();
    let credited = minor.checked_neg().ok_or(LedgerError::TooLarge)?;
    Ok(vec![
        Line { account: debit, currency, amount_minor: minor },
        Line { account: credit, currency, amount_minor: credited },
    ])
}

#[cfg(test)]
mod tests;
