//! The durable truth about card accounts: credits, agent tokens, refunds, and what the processor
//! told us.

mod blocks;
mod credits;

pub use blocks::{AccountBlock, BlockLift, LiftRefusal};
pub use credits::{AdjustmentError, AdjustmentKind, CreditAccount, CreditAdjustment, CreditEntry};

use async_trait::async_trait;

use crate::{
    agent::Payer,
    charge::Refund,
    ids::PaymentId,
    money::Credits,
    ports::{
        BooksError, ChargeFacts, HolderBooks, ObligationRow, PaidBack, RefundApproval, RefundNote,
        RefundRefusal, UsdcOwed,
    },
    settlement::ChainHash,
    time::UnixMs,
};

/// A dispute as the processor told it last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeNote {
    /// The processor's name of it.
    pub id: String,
    /// The payment.
    pub payment: String,
    /// Who paid.
    pub payer: String,
    /// The disputed amount in cents.
    pub amount_cents: u64,
    /// `inquiry`, `open`, `won`, `lost`, `unrecognised`.
    pub state: String,
    /// The processor's word for it.
    pub status: String,
    /// The processor's word for why.
    pub reason: String,
    /// Until when evidence is taken.
    pub due_by: Option<UnixMs>,
    /// When the books first heard of it.
    pub opened_at: UnixMs,
}

/// What became of a look at a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactsBooked {
    /// The books say what the look said.
    Booked,
    /// Another look was booked since this one began. Nothing changed.
    Overtaken,
}

/// One event of the processor, as the inbox keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventNote {
    /// The processor's name of it, `evt_...`.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// When it first arrived.
    pub at: UnixMs,
}

/// Card accounts. One transaction per method.
#[async_trait]
pub trait CardBooks: HolderBooks + Send + Sync {
    /// A payer's credits; nothing at all for one that the books never met.
    ///
    /// # Errors
    /// [`BooksError`]; so for every method here that names no other error.
    async fn credit_account(&self, payer: &Payer) -> Result<CreditAccount, BooksError>;

    /// A page of a payer's entries, newest first.
    async fn credit_entries(
        &self,
        payer: &Payer,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<CreditEntry>, BooksError>;

    /// An operator's change. One that was made before under its name is not made again.
    ///
    /// # Errors
    /// [`AdjustmentError`].
    async fn adjust_credits(
        &self,
        change: CreditAdjustment,
    ) -> Result<CreditAccount, AdjustmentError>;

    /// Keeps the mark of a key that must never change, if there is none by this name yet; says
    /// whether the kept one is this.
    async fn same_key(&self, name: &str, mark: &str) -> Result<bool, BooksError>;

    /// The name of these books, for what is made at a processor that others use too: `fresh` where
    /// they have none yet.
    async fn books_name(&self, fresh: &str) -> Result<String, BooksError>;

    /// The intent that a payment at the processor settled.
    async fn intent_of_charge(&self, payment_intent: &str)
    -> Result<Option<PaymentId>, BooksError>;

    /// Lets the recovery loop take a charge at once that waits for the processor: its driver looks
    /// again at the latest then. Says whether there is such an intent.
    async fn wake(&self, intent: PaymentId) -> Result<bool, BooksError>;

    /// Notes that an event arrived; false when it was carried out before.
    async fn event_arrived(&self, event: &EventNote) -> Result<bool, BooksError>;

    /// Notes that an event was carried out.
    async fn event_done(&self, id: &str, at: UnixMs) -> Result<(), BooksError>;

    /// Books what the processor says now of a settled charge: refunds that are not ours, disputes
    /// opened and closed. Credits that a disputed or refunded pack bought are clawed back, down to
    /// zero, and the rest is a debt; a dispute that is won gives them back. A single launch that
    /// was delivered is worth a credit to whoever disputes it; a refund of one that was made
    /// elsewhere is goodwill, takes no credit and is a loss. Each fact is booked once, however
    /// often it is told. `looks_before` is what [`CardBooks::looks_at`] said before the processor
    /// was asked: where another look was booked meanwhile, this one may be older, and nothing of it
    /// is.
    async fn book_facts(
        &self,
        intent: PaymentId,
        facts: &ChargeFacts,
        looks_before: u64,
        at: UnixMs,
    ) -> Result<FactsBooked, BooksError>;

    /// How many looks at a settled charge were booked.
    async fn looks_at(&self, intent: PaymentId) -> Result<u64, BooksError>;

    /// Why an account may not buy now, the newest reason first; nothing for one that may.
    async fn blocks_of(&self, payer: &Payer) -> Result<Vec<AccountBlock>, BooksError>;

    /// Accounts that may not buy now, the newest first.
    async fn blocks(&self, limit: u32) -> Result<Vec<AccountBlock>, BooksError>;

    /// Lifts every block of an account. Says how many.
    ///
    /// # Errors
    /// [`LiftRefusal`].
    async fn lift_block(&self, lift: BlockLift) -> Result<u64, LiftRefusal>;

    /// Disputes: those that are not decided, the one whose evidence is due first before the others,
    /// or all, newest first.
    async fn disputes(
        &self,
        waiting_only: bool,
        limit: u32,
    ) -> Result<Vec<DisputeNote>, BooksError>;

    /// What is owed or was given back, newest first; strictly before this intent.
    async fn obligations(
        &self,
        before: Option<PaymentId>,
        limit: u32,
    ) -> Result<Vec<ObligationRow>, BooksError>;

    /// Saves a refund before it is asked for. A credit that was given for the payment is taken back
    /// with it.
    ///
    /// # Errors
    /// [`RefundRefusal`].
    async fn approve_refund(&self, approval: RefundApproval) -> Result<Refund, RefundRefusal>;

    /// Gives a credit in the place of a refund that failed: the debt ends with it, as it did when
    /// the launch was refused.
    ///
    /// # Errors
    /// [`RefundRefusal`].
    async fn credit_instead(&self, approval: RefundApproval) -> Result<Credits, RefundRefusal>;

    /// What is owed in USDC under this name: a payment's debt that is due, or money that came
    /// without being asked for.
    ///
    /// # Errors
    /// [`RefundRefusal`] where nothing is due there.
    async fn usdc_owed(&self, id: PaymentId) -> Result<UsdcOwed, RefundRefusal>;

    /// Which of these logs paid a debt already.
    async fn paid_back_by(&self, chain_id: u64, tx_hash: ChainHash)
    -> Result<Vec<u64>, BooksError>;

    /// Books a debt in USDC as paid by a transfer that was checked. Each transfer pays one debt.
    ///
    /// # Errors
    /// [`RefundRefusal`].
    async fn note_paid_back(&self, paid: &PaidBack) -> Result<(), RefundRefusal>;

    /// Takes the refund whose next look is due longest, until `lease_until`; none where no look is
    /// due.
    async fn take_refund(
        &self,
        now: UnixMs,
        lease_until: UnixMs,
    ) -> Result<Option<Refund>, BooksError>;

    /// Notes what a look at a refund said, and books it: given back, or come back after it was
    /// given. False when the refund was approved anew or moved meanwhile: nothing is noted then.
    async fn note_refund(&self, seen: &Refund, note: RefundNote) -> Result<bool, BooksError>;

    /// Has the refund of this payment at the processor looked at now, if there is one that can
    /// still change.
    async fn wake_refund(&self, payment_intent: &str, at: UnixMs) -> Result<(), BooksError>;
}
