//! What the books hear and say of money that goes back.

use crate::{
    agent::Wallet,
    charge::RefundState,
    ids::PaymentId,
    money::UsdcUnits,
    ports::{BooksError, LogPlace, PreparationError, TokenTransfer},
    time::UnixMs,
};

/// Why a refund was not approved. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum RefundRefusal {
    /// No such debt.
    #[error("nothing is owed for this payment")]
    NotOwed,
    /// It was paid on the chain: that goes back by hand, and is a liability until then.
    #[error("a payment in USDC is refunded by hand")]
    NotByCard,
    /// It was paid by card: no transfer of USDC pays it back.
    #[error("a payment by card is not refunded in USDC")]
    NotInUsdc,
    /// The transfer paid another debt.
    #[error("the transfer paid another debt already")]
    TransferUsed,
    /// It stands otherwise than a refund needs.
    #[error("the debt is {0}")]
    Standing(String),
    /// It was taken for no launch that a credit would stand for.
    #[error("no credit stands for this payment")]
    NoCreditForIt,
    /// The credit that was given for it is spent.
    #[error("the credit that was given for it is spent")]
    CreditSpent,
    /// Its settlement is not on the chain: there is nothing to give back.
    #[error("the payment's settlement is not on the chain; see its finding `settlement_lost`")]
    SettlementLost,
    /// More than may be approved on one day.
    #[error("only {left} USDC of refunds.usdc_per_day are left today")]
    DayCap {
        /// What is left of it.
        left: UsdcUnits,
    },
    /// The refund wallet cannot pay it.
    #[error(
        "the refund wallet holds {held} USDC, and {needed} are needed, with what is on its way"
    )]
    WalletTooPoor {
        /// What it holds.
        held: UsdcUnits,
        /// What it needs.
        needed: UsdcUnits,
    },
    /// The token would refuse the transfer.
    #[error("the token refuses the transfer: {0}")]
    TokenRefuses(String),
    /// The refund could not be signed.
    #[error("the refund cannot be signed by the refund wallet: {0}")]
    NotSigned(PreparationError),
    /// The books failed.
    #[error(transparent)]
    Books(#[from] BooksError),
}

/// A refund that an operator approves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundApproval {
    /// The payment that is given back.
    pub intent: PaymentId,
    /// Why; kept with the refund.
    pub reason: String,
    /// `page`, `api` or `cli`.
    pub via: &'static str,
    /// Now.
    pub at: UnixMs,
    /// Only says what would come of it; nothing changes.
    pub dry_run: bool,
}

/// What is owed in USDC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsdcOwed {
    /// The payment's name, or the receipt's.
    pub id: PaymentId,
    /// To whom.
    pub wallet: Wallet,
    /// How much.
    pub amount: UsdcUnits,
    /// The block in which the money came: what was sent back went later.
    pub since_block: u64,
}

/// A debt in USDC that a transfer paid, found on the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidBack {
    /// The debt.
    pub owed: UsdcOwed,
    /// The chain.
    pub chain_id: u64,
    /// The transfer.
    pub transfer: TokenTransfer,
    /// It left our receiving address.
    pub from_pay_to: bool,
    /// Why; kept with it.
    pub reason: String,
    /// `page`, `api` or `cli`.
    pub via: &'static str,
    /// Now.
    pub at: UnixMs,
    /// Only says what would come of it; nothing changes.
    pub dry_run: bool,
}

/// A transfer that is booked as having paid a debt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidBackTransfer {
    /// The debt.
    pub owed: PaymentId,
    /// The chain.
    pub chain_id: u64,
    /// Its log.
    pub place: LogPlace,
    /// Its block.
    pub block_number: u64,
}

/// What a look at a refund said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundNote {
    /// Where it stands from now on.
    pub state: RefundState,
    /// The processor's name of it, where it was learned.
    pub refund_id: Option<String>,
    /// Looks since something last changed.
    pub looks: u32,
    /// When it is looked at next; none: it cannot change any more.
    pub next_look_at: Option<UnixMs>,
    /// It should have ended by now: opens a finding that says so.
    pub is_stuck: bool,
    /// Now.
    pub at: UnixMs,
}
