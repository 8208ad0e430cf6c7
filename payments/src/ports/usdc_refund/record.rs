//! One refund in USDC as the books keep it: its state, its record and how it ended.

use crate::{
    agent::Wallet,
    ids::PaymentId,
    money::UsdcUnits,
    settlement::{Attempt, SettlementProof},
    time::UnixMs,
};

/// Where a refund in USDC stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsdcRefundState {
    /// Signed and saved; its outcome is not proven.
    Sent,
    /// The chain shows the transfer to the payer.
    Refunded,
    /// Nothing that was signed for it can move money any more: it is due again.
    Failed,
}

/// A refund in USDC that was approved: one nonce of the refund wallet, and every transaction that
/// was signed under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsdcRefund {
    /// The debt: a payment's name, or a receipt's.
    pub owed: PaymentId,
    /// How many times the debt was approved, this one included.
    pub approval: u32,
    /// The chain.
    pub chain_id: u64,
    /// Our wallet that pays.
    pub from: Wallet,
    /// Who is paid.
    pub to: Wallet,
    /// Exactly this much.
    pub amount: UsdcUnits,
    /// The newest block when it was signed: no log of it is older.
    pub signed_at_block: u64,
    /// Where it stands.
    pub state: UsdcRefundState,
    /// When it was approved.
    pub approved_at: UnixMs,
    /// What was signed for it, oldest first.
    pub attempts: Vec<Attempt>,
    /// The transfer, where the chain showed it.
    pub proof: Option<SettlementProof>,
    /// Looks since something last changed.
    pub looks: u32,
    /// Its row's version.
    pub version: i64,
}

/// What the chain says of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsdcRefundOutcome {
    /// Our transaction moved exactly the amount from our wallet to the payer.
    Paid(SettlementProof),
    /// Nothing that was signed under its nonce can be mined any more, and no reorganisation changes
    /// that.
    Failed(UsdcRefundFailure),
    /// Its nonce is used in a block that a reorganisation may still take back.
    Used,
    /// Its nonce is unused: the same bytes may be sent again.
    Unused,
}

/// Why a refund ended without paying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsdcRefundFailure {
    /// The token refused it in its block: the payer or the wallet is barred, or the wallet holds
    /// too little.
    Reverted,
    /// An empty transaction took its nonce, because it was not mined in time.
    Cancelled,
    /// A transaction that is not ours used its nonce.
    Foreign,
}

// === impl UsdcRefundState ===

impl UsdcRefundState {
    /// The word in the table; that of the debt beside it, but for a failed refund, whose debt is
    /// due again.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sent => "refund_sent",
            Self::Refunded => "refunded",
            Self::Failed => "refund_failed",
        }
    }

    /// The state that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Sent, Self::Refunded, Self::Failed].into_iter().find(|state| state.word() == word)
    }
}

// === impl UsdcRefund ===

impl UsdcRefund {
    /// The name under which it is kept, and findings about it stand.
    pub fn key(&self) -> String {
        Self::key_of(self.owed, self.approval)
    }

    /// The name of this approval of a debt.
    pub fn key_of(owed: PaymentId, approval: u32) -> String {
        format!("refund_{owed}_{approval}")
    }
}

// === impl UsdcRefundFailure ===

impl UsdcRefundFailure {
    /// Why, for operators.
    pub const fn says(self) -> &'static str {
        match self {
            Self::Reverted => {
                "the token refused it: see whether the payer or the refund wallet is barred, and what the wallet holds"
            }
            Self::Cancelled => "it was not mined in time, and an empty transaction took its place",
            Self::Foreign => {
                "a transaction that is not ours used its nonce: another program has the wallet's key"
            }
        }
    }
}
