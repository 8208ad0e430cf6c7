//! USDC on its way back to payers, from a wallet of its own: what the rail and the books hear and
//! say of it.

mod record;

pub use record::{UsdcRefund, UsdcRefundFailure, UsdcRefundOutcome, UsdcRefundState};

use async_trait::async_trait;

use crate::{
    agent::Wallet,
    ids::PaymentId,
    money::UsdcUnits,
    ports::{
        BooksError, LogPlace, RailError, RefundApproval, RefundRefusal, UsdcOwed, rail::Preparer,
    },
    settlement::{Attempt, ChainHash, SettlementProof},
    time::UnixMs,
};

/// What it takes to sign a refund, from one look at the node.
pub struct UsdcRefundView {
    /// Our wallet that pays.
    pub from: Wallet,
    /// Signs the transfer.
    pub preparer: Box<dyn Preparer>,
    /// The wallet's next nonce as the node sees it.
    pub chain_next_nonce: u64,
    /// What the wallet holds of the token.
    pub held: UsdcUnits,
    /// The newest block.
    pub block_number: u64,
    /// The node's words, if the token would refuse the transfer on the newest block.
    pub would_revert: Option<String>,
}

/// A refund to be signed and saved in one commit.
pub struct UsdcRefundOrder<'a> {
    /// What the operator said.
    pub approval: &'a RefundApproval,
    /// What is owed, as it was read before.
    pub owed: UsdcOwed,
    /// The chain.
    pub chain_id: u64,
    /// Who signs.
    pub view: &'a UsdcRefundView,
    /// The most that may be approved on one day in UTC.
    pub per_day: UsdcUnits,
}

/// What a look at a refund changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsdcRefundChange {
    /// Nothing.
    Same,
    /// It is proven paid, or stands in another block than before.
    Paid(SettlementProof),
    /// It was paid, and a reorganisation took that back.
    Lost,
    /// It is paid for good.
    Final,
    /// It will not be paid: due again.
    Failed(UsdcRefundFailure),
}

/// A look at a refund, to be saved if its row is still what was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsdcRefundNote {
    /// What changes.
    pub change: UsdcRefundChange,
    /// What its mined transactions cost, in wei.
    pub fees_wei: Vec<(ChainHash, u128)>,
    /// When it is looked at next; none: it cannot change any more.
    pub next_look_at: Option<UnixMs>,
    /// It should have ended by now: opens a finding that says so.
    pub is_stuck: bool,
    /// Now.
    pub at: UnixMs,
}

/// A transfer between our receiving address and the refund wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveNote {
    /// A name for it, if it has none yet.
    pub id: PaymentId,
    /// The chain.
    pub chain_id: u64,
    /// Its log.
    pub place: LogPlace,
    /// Its block.
    pub block_number: u64,
    /// The refund wallet.
    pub wallet: Wallet,
    /// To the refund wallet, or back from it.
    pub to_wallet: bool,
    /// How much.
    pub value: UsdcUnits,
    /// False: it is not there any more, and what was booked is taken back.
    pub stands: bool,
}

/// The wallet that refunds are paid from.
#[async_trait]
pub trait RefundRail: Send + Sync {
    /// Its address; none where no key of one is configured.
    fn refund_wallet(&self) -> Option<Wallet>;

    /// One look before a refund is signed, for at most this much gas in wei.
    ///
    /// # Errors
    /// [`RailError`]: nothing may be approved then.
    async fn refund_view(
        &self,
        to: Wallet,
        amount: UsdcUnits,
        gas_wei: u128,
    ) -> Result<UsdcRefundView, RailError>;

    /// What became of a refund: by the receipts of what we signed, then by the wallet's nonce and
    /// the token's logs.
    ///
    /// # Errors
    /// [`RailError`]: the outcome stays unknown.
    async fn refund_outcome(&self, refund: &UsdcRefund) -> Result<UsdcRefundOutcome, RailError>;
}

/// The books' side of refunds in USDC.
#[async_trait]
pub trait UsdcRefundBooks: Send + Sync {
    /// The debt becomes one that is sent, with the signed transaction and its nonce, in one commit.
    /// One approval of a debt at a time.
    ///
    /// # Errors
    /// [`RefundRefusal`]: nothing was signed.
    async fn approve_usdc_refund(
        &self,
        order: &UsdcRefundOrder<'_>,
    ) -> Result<UsdcRefund, RefundRefusal>;

    /// Notes that the token would refuse the transfer of a debt: a finding, and the debt stays due.
    ///
    /// # Errors
    /// [`BooksError`]; so for every method here that names no other error.
    async fn note_usdc_refund_refused(
        &self,
        owed: PaymentId,
        why: &str,
        at: UnixMs,
    ) -> Result<(), BooksError>;

    /// Takes the refund whose look is due longest, until `lease_until`; none where no look is due.
    async fn take_usdc_refund(
        &self,
        chain_id: u64,
        now: UnixMs,
        lease_until: UnixMs,
    ) -> Result<Option<UsdcRefund>, BooksError>;

    /// Saves another transaction under the refund's nonce before it is sent; false when the refund
    /// moved meanwhile.
    async fn save_usdc_refund_attempt(
        &self,
        refund: &UsdcRefund,
        attempt: &Attempt,
    ) -> Result<bool, BooksError>;

    /// Saves what a look said, and books it; false when the refund moved meanwhile: nothing is
    /// saved then.
    async fn note_usdc_refund(
        &self,
        seen: &UsdcRefund,
        note: &UsdcRefundNote,
    ) -> Result<bool, BooksError>;
}

// === impl MoveNote ===

impl MoveNote {
    /// What it changes of what our receiving address holds.
    pub fn change_minor(&self) -> i128 {
        let value = i128::from(self.value.get());
        if self.to_wallet { -value } else { value }
    }
}
