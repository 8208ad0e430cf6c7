//! The chart of accounts.

use std::fmt;

use crate::agent::Payer;

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
    /// Gas paid for our transactions, in the chain's own coin.
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
