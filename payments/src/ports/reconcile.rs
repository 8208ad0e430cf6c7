//! The books' side of reconciliation: what they hold of each thing that the world lists, what was
//! found, and whose turn it is.

mod held;

pub use held::{
    BookedCharge, BookedLaunch, BookedTransfer, ClaimedAuthorization, Holdings, InTransit,
    KnownCharge, ReceiptKind, ReceiptNote, Receiver,
};

use async_trait::async_trait;

use crate::{
    gas::Gwei,
    ids::PaymentId,
    money::UsdcUnits,
    ports::{
        BooksError, CloseFinding, CloseRefusal, Finding, Found, LogPlace, MoveNote, OpenFinding,
        PaidBackTransfer, Source, SourceReport, Window,
    },
    proof::PaymentKey,
    time::UnixMs,
};

/// A run that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// Its name.
    pub id: PaymentId,
    /// `recent`, `since`, `full`.
    pub scope: &'static str,
    /// Now.
    pub at: UnixMs,
    /// It is taken for dead after this.
    pub lease_until: UnixMs,
}

/// A run that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// Its name.
    pub id: PaymentId,
    /// Now.
    pub at: UnixMs,
    /// What was compared.
    pub sources: Vec<SourceReport>,
    /// Findings that are new, or open again.
    pub opened: u64,
    /// Findings whose difference is gone.
    pub closed: u64,
}

/// What reconciliation reads and writes. One transaction per method; a write names the fence of its
/// run and is refused once that is over.
#[async_trait]
pub trait ReconcileBooks: Send + Sync {
    /// Takes the turn; the fence, or none while another run has it.
    ///
    /// # Errors
    /// [`BooksError`]; so for every method here that names no other error.
    async fn begin_run(&self, run: &NewRun) -> Result<Option<i64>, BooksError>;

    /// Keeps the turn; false when it was lost.
    async fn keep_run(&self, fence: i64, until: UnixMs) -> Result<bool, BooksError>;

    /// Gives the turn back and keeps what came of it.
    async fn end_run(&self, fence: i64, end: &RunEnd) -> Result<(), BooksError>;

    /// How far a source was compared.
    async fn mark(&self, name: &str) -> Result<Option<String>, BooksError>;

    /// Notes how far.
    async fn set_mark(&self, fence: i64, name: &str, value: &str) -> Result<(), BooksError>;

    /// Findings, the newest first; the open ones, or all.
    async fn findings(&self, all: bool, limit: u32) -> Result<Vec<Finding>, BooksError>;

    /// The open findings of a source.
    async fn open_findings(&self, source: Source) -> Result<Vec<OpenFinding>, BooksError>;

    /// Opens what was found and closes what is gone. A finding that an operator closed stays
    /// closed. Says how many were opened and closed.
    async fn note_findings(
        &self,
        fence: i64,
        found: &[Found],
        gone: &[OpenFinding],
        at: UnixMs,
    ) -> Result<(u64, u64), BooksError>;

    /// An operator's close; the reason is kept.
    ///
    /// # Errors
    /// [`CloseRefusal`].
    async fn close_finding(&self, close: &CloseFinding) -> Result<(), CloseRefusal>;

    /// Notes where the books begin at this address, unless that was noted before.
    async fn note_first_block(&self, to: &Receiver, block: u64) -> Result<(), BooksError>;

    /// The oldest block in which anything that the books know can have been paid.
    async fn oldest_block(&self) -> Result<Option<u64>, BooksError>;

    /// The settlements that these blocks hold.
    async fn transfers_in(
        &self,
        to: &Receiver,
        first: u64,
        last: u64,
    ) -> Result<Vec<BookedTransfer>, BooksError>;

    /// The settlement of a payment.
    async fn transfer_of(&self, intent: PaymentId) -> Result<Option<BookedTransfer>, BooksError>;

    /// What an authorization was claimed for.
    async fn claimed(&self, key: &PaymentKey) -> Result<Option<ClaimedAuthorization>, BooksError>;

    /// Books transfers that settle nothing, each once; a correction where one is booked as
    /// something else. Says how many were changed.
    async fn note_receipts(
        &self,
        fence: i64,
        receipts: &[ReceiptNote],
        at: UnixMs,
    ) -> Result<u64, BooksError>;

    /// The transfers of these blocks that are booked beside settlements.
    async fn receipts_in(
        &self,
        chain_id: u64,
        first: u64,
        last: u64,
    ) -> Result<Vec<ReceiptNote>, BooksError>;

    /// Books transfers between our own addresses, each once; a correction where one is gone. Says
    /// how many were changed.
    async fn note_moves(
        &self,
        fence: i64,
        moves: &[MoveNote],
        at: UnixMs,
    ) -> Result<u64, BooksError>;

    /// The transfers between our own addresses that these blocks hold.
    async fn moves_in(
        &self,
        chain_id: u64,
        first: u64,
        last: u64,
    ) -> Result<Vec<MoveNote>, BooksError>;

    /// Debts that were paid by transfers which a reorganisation may still take away.
    async fn unsettled_paid_back(&self, chain_id: u64)
    -> Result<Vec<PaidBackTransfer>, BooksError>;

    /// Notes that such a transfer is there for good, or that it is gone: the debt is due again
    /// then.
    async fn note_paid_back_fate(
        &self,
        transfer: &PaidBackTransfer,
        stands: bool,
        at: UnixMs,
    ) -> Result<(), BooksError>;

    /// What the receiving address should hold at the end of this block, in one reading.
    async fn holdings(
        &self,
        chain_id: u64,
        block: u64,
        transfers: &[(LogPlace, UsdcUnits)],
    ) -> Result<Holdings, BooksError>;

    /// When the oldest charge was saved.
    async fn oldest_charge(&self) -> Result<Option<UnixMs>, BooksError>;

    /// What is known of a payment at the processor, by its name and by the payment that its
    /// metadata names.
    async fn known_charge(
        &self,
        payment_intent: &str,
        named: Option<PaymentId>,
    ) -> Result<KnownCharge, BooksError>;

    /// Charges that were booked in this time.
    async fn charges_in(&self, booked: Window) -> Result<Vec<BookedCharge>, BooksError>;

    /// Payments with a dispute that is not decided: our payment, and the processor's.
    async fn open_disputes(&self) -> Result<Vec<(PaymentId, String)>, BooksError>;

    /// The launch under a key.
    async fn launch_of(&self, core_key: &str) -> Result<Option<BookedLaunch>, BooksError>;

    /// Created launches that changed last at or after this time, by id; a page of them after this
    /// one.
    async fn created_since(
        &self,
        since: UnixMs,
        after: Option<PaymentId>,
        limit: u32,
    ) -> Result<Vec<BookedLaunch>, BooksError>;

    /// Books what our transactions have cost beyond what was booked before, under this id. Says how
    /// much that was.
    async fn book_gas(&self, fence: i64, id: PaymentId, at: UnixMs) -> Result<Gwei, BooksError>;

    /// Intents in a transient state that were claimed before this.
    async fn in_transit(
        &self,
        claimed_before: UnixMs,
        limit: u32,
    ) -> Result<Vec<InTransit>, BooksError>;
}
