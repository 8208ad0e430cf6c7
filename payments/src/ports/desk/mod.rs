//! What operators read: the same rows for the page, the API, the exports and the command line.

mod dossier;
mod filter;
mod money;
mod overview;
mod read;
mod rows;

use async_trait::async_trait;

pub use dossier::{ActionRow, AttemptRow, DisputeRow, Dossier, NewAction, RefundRow, RequestRow};
pub use filter::{FilterError, Page, PaymentFilter, Standing, TextSearch};
pub use money::{Figure, MoneyFlow};
pub use overview::{DayTotals, Overview, PostedSum};
pub use rows::{
    CreditAccountRow, CreditTotals, FreeSlotRow, OwedRow, PaymentRow, PaymentSums, PostingRow,
    RunRow, SettledSum, StatementLine,
};

use crate::{
    agent::{Payer, Wallet},
    ids::PaymentId,
    ports::{BooksError, Finding},
    time::UnixMs,
};

/// Reads for operators, none of which a payment waits for. Lists go by key, newest first, so that
/// page 100,000 costs what page 1 does.
#[async_trait]
pub trait DeskBooks: Send + Sync {
    /// A page of the payments that a filter shows.
    ///
    /// # Errors
    /// [`BooksError`]; so for every method here.
    async fn payments(
        &self,
        filter: &PaymentFilter,
        page: &Page<PaymentId>,
    ) -> Result<Vec<PaymentRow>, BooksError>;

    /// What all payments that a filter shows come to.
    async fn payment_sums(&self, filter: &PaymentFilter) -> Result<PaymentSums, BooksError>;

    /// Whether a filter shows more payments than these: their sums take as long as there are
    /// payments.
    async fn shows_more_than(
        &self,
        filter: &PaymentFilter,
        payments: u32,
    ) -> Result<bool, BooksError>;

    /// What the books hold about a payment beside its [`Evidence`](crate::ports::Evidence): every
    /// transaction, charge, refund and dispute, the requests that spoke of it, and what operators
    /// did about it.
    async fn dossier(&self, id: PaymentId) -> Result<Option<Dossier>, BooksError>;

    /// Answered requests, newest first; of one payer, or of all.
    async fn requests(
        &self,
        payer: Option<&Payer>,
        page: &Page<i64>,
    ) -> Result<Vec<RequestRow>, BooksError>;

    /// What is owed and was not given back, oldest first, or with what was settled already: newest
    /// first.
    async fn owed(
        &self,
        all: bool,
        payer: Option<&Payer>,
        page: &Page<String>,
    ) -> Result<Vec<OwedRow>, BooksError>;

    /// Card accounts by name.
    async fn credit_accounts(
        &self,
        page: &Page<String>,
    ) -> Result<Vec<CreditAccountRow>, BooksError>;

    /// What all card accounts come to.
    async fn credit_totals(&self) -> Result<CreditTotals, BooksError>;

    /// The free launches of a wallet, newest month first.
    async fn free_slots(&self, wallet: Wallet, limit: u32) -> Result<Vec<FreeSlotRow>, BooksError>;

    /// A payer's account: every charge, launch, credit and refund in a time, oldest first, with the
    /// balance after each.
    async fn statement(
        &self,
        payer: &Payer,
        since: UnixMs,
        until: UnixMs,
        page: &Page<i64>,
    ) -> Result<Vec<StatementLine>, BooksError>;

    /// Postings with their lines, newest first; of one account family or account, or of all.
    async fn postings(
        &self,
        account: Option<&str>,
        page: &Page<i64>,
    ) -> Result<Vec<PostingRow>, BooksError>;

    /// What comparisons found, newest first.
    async fn all_findings(&self, open_only: bool, limit: u32) -> Result<Vec<Finding>, BooksError>;

    /// Comparisons with the world, newest first.
    async fn runs(&self, limit: u32) -> Result<Vec<RunRow>, BooksError>;

    /// What operators did, newest first.
    async fn actions(&self, page: &Page<i64>) -> Result<Vec<ActionRow>, BooksError>;

    /// Notes what an operator did where no other row keeps it.
    async fn note_action(&self, action: &NewAction) -> Result<(), BooksError>;

    /// The figures of the first page.
    async fn overview(&self, now: UnixMs) -> Result<Overview, BooksError>;

    /// What these payers had on each day of the overview, without challenges.
    async fn days_of(&self, payers: &[Payer], now: UnixMs) -> Result<Vec<DayTotals>, BooksError>;

    /// Adds challenges (402 answers) of a route to their day.
    async fn note_challenges(&self, at: UnixMs, counts: &[(String, u64)])
    -> Result<(), BooksError>;

    /// Folds postings that are there for good into the totals of their day, some thousand at most;
    /// says how many. The totals are derived: they never lead, and `fold` from nothing makes the
    /// same ones.
    async fn fold(&self, now: UnixMs) -> Result<u64, BooksError>;
}
