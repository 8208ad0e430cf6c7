//! Our balance at the card processor, and what the books keep of it.

use async_trait::async_trait;
use serde::Serialize;

use crate::{
    clearing::{BalanceEntry, CentsMoved, Payout, PayoutStanding},
    ids::PaymentId,
    ports::{BooksError, CardError, Window},
    time::UnixMs,
};

/// What the processor says of its balance with us.
#[async_trait]
pub trait CardBalance: Send + Sync {
    /// Every entry that was made in this time, ours or not.
    ///
    /// # Errors
    /// [`CardError`]; so for every method here. A list that cannot be read to its end is an error.
    async fn entries(&self, made: Window) -> Result<Vec<BalanceEntry>, CardError>;

    /// The entries about one charge, refund or dispute.
    async fn entries_of(&self, source: &str) -> Result<Vec<BalanceEntry>, CardError>;

    /// The entries in a payout of the schedule.
    async fn entries_in(&self, payout: &str) -> Result<Vec<BalanceEntry>, CardError>;

    /// The newest entry; none where there never was one.
    async fn newest_entry(&self) -> Result<Option<BalanceEntry>, CardError>;

    /// Payouts that were made in this time.
    async fn payouts(&self, made: Window) -> Result<Vec<Payout>, CardError>;

    /// One payout as it is now.
    async fn payout(&self, id: &str) -> Result<Payout, CardError>;

    /// What the account holds in US dollars, available or not yet.
    async fn held(&self) -> Result<CentsMoved, CardError>;
}

/// Whose an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryOwner {
    /// A payment of these books.
    Ours,
    /// Another program's on the same account, or the account's own.
    Foreign,
    /// A payout's: no owner.
    Payout,
}

/// A payout as the books have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PayoutRow {
    /// The processor's name of it, `po_...`.
    pub payout: String,
    /// Its name in the journal.
    pub id: String,
    /// How much was sent to the bank, ours or not, in the currency's minor unit.
    pub amount_minor: i64,
    /// The currency, in lower case.
    pub currency: String,
    /// Made by the schedule.
    pub automatic: bool,
    /// `on_its_way`, `paid`, `failed`, `unrecognised`.
    pub state: String,
    /// `seen`, `booked`, `assigned`, `taken_back`.
    pub standing: String,
    /// Of it ours, in cents, as it is booked now.
    pub ours_cents: i64,
    /// When the processor made it, RFC 3339.
    pub created_at: String,
}

/// An operator says how much of a payout is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignPayout {
    /// `po_...`.
    pub payout: String,
    /// Of it ours: from nothing to all of it.
    pub ours: CentsMoved,
    /// Why; kept with the action.
    pub reason: String,
    /// `page`, `api` or `cli`.
    pub via: &'static str,
    /// Now.
    pub at: UnixMs,
    /// Only says what would come of it; nothing changes.
    pub dry_run: bool,
}

/// Why a payout was not assigned. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum AssignRefusal {
    /// No comparison has seen it.
    #[error("no comparison has seen such a payout")]
    Unknown,
    /// It names its entries, so that the books know what of it is ours.
    #[error("the payout is of the schedule and names what is in it")]
    NamesItsEntries,
    /// It is not in US dollars.
    #[error("the payout is not in US dollars")]
    OtherCurrency,
    /// It is not with the bank.
    #[error("the payout is not paid")]
    NotPaid,
    /// It was assigned before.
    #[error("the payout is assigned already")]
    Already,
    /// More than it holds, or less than nothing.
    #[error("the payout holds {0} US dollars")]
    NotInIt(CentsMoved),
    /// The books failed.
    #[error(transparent)]
    Books(#[from] BooksError),
}

/// What the books and the processor's entries say that it holds for us, in one reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clearing {
    /// The journal's balance of the clearing account.
    pub booked: CentsMoved,
    /// Our entries that were not paid out, less what was assigned of payouts by hand.
    pub unpaid: CentsMoved,
    /// By how much the two differ for payments on their way alone: a refund that is not decided, a
    /// charge whose entry is not told yet.
    pub moving: CentsMoved,
}

/// What the books keep of the processor's balance. One transaction per method; a write names the
/// fence of its run and is refused once that is over.
#[async_trait]
pub trait ClearingBooks: Send + Sync {
    /// Notes entries, each once, and books the fees of ours. Says of each whose it is, in their
    /// order. What is nobody's of ours is kept only where the account is ours alone, and was so
    /// when it was made.
    ///
    /// # Errors
    /// [`BooksError`]; so for every method here that names no other error.
    async fn note_entries(
        &self,
        fence: i64,
        entries: &[BalanceEntry],
        foreign_since: Option<UnixMs>,
        at: UnixMs,
    ) -> Result<Vec<EntryOwner>, BooksError>;

    /// Charges that were settled since then and have no entry, by name; the newest first.
    async fn charges_without_entry(
        &self,
        since: UnixMs,
        limit: u32,
    ) -> Result<Vec<String>, BooksError>;

    /// Notes a payout as it is now, under this id if it is new. Says where it stands in the books.
    async fn note_payout(
        &self,
        fence: i64,
        id: PaymentId,
        payout: &Payout,
        at: UnixMs,
    ) -> Result<PayoutStanding, BooksError>;

    /// Books our entries in a payout as money in the bank. Says how much that is.
    async fn book_payout(
        &self,
        fence: i64,
        payout: &Payout,
        entries: &[BalanceEntry],
        at: UnixMs,
    ) -> Result<CentsMoved, BooksError>;

    /// Takes back what was booked of a payout that failed.
    async fn take_back_payout(
        &self,
        fence: i64,
        payout: &str,
        at: UnixMs,
    ) -> Result<(), BooksError>;

    /// Books how much of a payout by hand is ours, as an operator says.
    ///
    /// # Errors
    /// [`AssignRefusal`].
    async fn assign_payout(&self, assign: &AssignPayout) -> Result<PayoutRow, AssignRefusal>;

    /// Payouts that the processor has not decided, by name.
    async fn open_payouts(&self, limit: u32) -> Result<Vec<String>, BooksError>;

    /// Payouts, newest first; those that wait for an operator, or all.
    async fn payouts(&self, waiting_only: bool, limit: u32) -> Result<Vec<PayoutRow>, BooksError>;

    /// What is compared. Refunds and disputes that changed since `read_since` may not be in the
    /// entries yet, nor the entry of a charge that was settled since `settled_since`.
    async fn clearing(
        &self,
        read_since: UnixMs,
        settled_since: UnixMs,
    ) -> Result<Clearing, BooksError>;

    /// What the account should hold by the entries and payouts that are kept, ours or not.
    async fn account_held(&self) -> Result<CentsMoved, BooksError>;

    /// Whether an entry is kept.
    async fn has_entry(&self, id: &str) -> Result<bool, BooksError>;

    /// Whether an entry is of a payment of these books.
    async fn is_ours(&self, entry: &str) -> Result<bool, BooksError>;
}
