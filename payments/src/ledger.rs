//! Double-entry postings. A posting is built here, balanced, or not at all: every one has its
//! constructor in this module, and no other composes lines. The database checks the same sum again.
//!
//! Debits are positive, credits negative, in the currency's minor unit. A correction is a new
//! posting.

mod accounts;
mod costs;
mod given_back;

use std::fmt;

pub use accounts::{ChargeEvent, ChargeMoves};
pub use costs::{DISPUTE_FEE, PROCESSING_FEE};
pub use given_back::{PaidFrom, ReceiptStanding, WalletMove};

use crate::{
    agent::Payer,
    ids::PaymentId,
    money::{Amount, Credits, UsdCents},
};

/// An account of the books. The text form is the contract of `audit_journal`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Account {
    /// USDC that arrived at our receiving address.
    UsdcHot,
    /// USDC in other wallets of ours than the receiving address: what was moved there from it, less
    /// what they sent back to payers. Negative by what their operator advanced.
    UsdcRefund,
    /// What a payer has paid and not yet got anything for.
    Unearned(Payer),
    /// What we owe back to a payer: an entitlement, or a refund that is due.
    RefundDue(Payer),
    /// Earned by a created launch.
    RevenueLaunch,
    /// USDC that arrived and belongs to nothing that we know.
    SuspenseUnmatched,
    /// US dollars that the card processor holds for us.
    StripeClearing,
    /// Taken from us while a charge is disputed.
    DisputeReceivable,
    /// Lost to disputes, to refunds of what was delivered, and to settlements that a reorganisation
    /// took.
    Loss,
    /// What the card processor keeps for payments.
    Processing,
    /// What it keeps for disputes.
    DisputeFees,
    /// What transactions of ours cost on the chain, in its own coin.
    Gas,
    /// The chain's own coin in our signers' wallets, less what was put there: nothing books that.
    GasCoin,
    /// US dollars that the processor sent to the bank.
    Bank,
    /// Credits that came into being; negative by as many as exist or were used.
    CreditsIssued,
    /// Credits that a payer can spend.
    CreditsOf(Payer),
    /// Credits taken for launches that do not exist yet.
    CreditsHeld,
    /// Credits that bought launches.
    CreditsSpent,
}

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

// === impl Account ===

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UsdcHot => f.write_str("asset:usdc_hot"),
            Self::UsdcRefund => f.write_str("asset:usdc_refund"),
            Self::Unearned(payer) => write!(f, "liab:unearned:{payer}"),
            Self::RefundDue(payer) => write!(f, "liab:refund_due:{payer}"),
            Self::RevenueLaunch => f.write_str("rev:launch"),
            Self::SuspenseUnmatched => f.write_str("suspense:unmatched"),
            Self::StripeClearing => f.write_str("asset:stripe_clearing"),
            Self::DisputeReceivable => f.write_str("recv:dispute"),
            Self::Loss => f.write_str("exp:loss"),
            Self::Processing => f.write_str("exp:processing"),
            Self::DisputeFees => f.write_str("exp:dispute"),
            Self::Gas => f.write_str("exp:gas"),
            Self::GasCoin => f.write_str("asset:gas_coin"),
            Self::Bank => f.write_str("asset:bank"),
            Self::CreditsIssued => f.write_str("sys:issued"),
            Self::CreditsOf(payer) => write!(f, "payer:{payer}"),
            Self::CreditsHeld => f.write_str("sys:held"),
            Self::CreditsSpent => f.write_str("sys:spent"),
        }
    }
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
