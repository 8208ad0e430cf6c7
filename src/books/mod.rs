//! The durable truth. Each backend implements [`payments::ports::Books`] and knows nothing of the
//! others. What both say in the same words is written once, in `sql/`: those files are compiled
//! into each backend, against its own `dialect`.

mod doubt;
pub mod errors;
pub mod postgres;
pub mod sqlite;

use async_trait::async_trait;
use payments::{ports::BooksError, time::UnixMs};

/// How often a change of several statements begins again that lost against another one.
const AGAIN: u32 = 4;

/// The mark of the chain and token that books are of.
pub const TOKEN_MARK: &str = "x402.token";

/// One thing that must hold, with what does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// A stable word.
    pub check: &'static str,
    /// What must hold, in one sentence.
    pub holds: &'static str,
    /// What does not, at most 20 of them; empty when it holds.
    pub differences: Vec<String>,
}

/// What a database of books looks like from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Migrations that this program knows and the database does not have.
    pub missing_migrations: Vec<i64>,
    /// Migrations in the database that this program does not know, or knows otherwise.
    pub foreign_migrations: Vec<i64>,
    /// What the database itself finds broken; empty when it is whole.
    pub broken: Vec<String>,
}

/// A settlement as the books have it, to be found on the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedSettlement {
    /// The intent that it pays for.
    pub intent_id: String,
    /// The transaction, `0x...`.
    pub tx_hash: String,
}

/// What operators watch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pulse {
    /// Payments of which nobody knows what became.
    pub unknown: u64,
    /// When the oldest of them was claimed.
    pub oldest_unknown_at: Option<UnixMs>,
    /// Claimed payments that wait for a signer.
    pub queued: u64,
    /// The money behind credits that can be spent, in cents.
    pub credit_liability_cents: i64,
    /// Open findings.
    pub open_findings: u64,
    /// Disputes that are not decided.
    pub disputes_open: u64,
    /// Until when evidence for the first of them is taken.
    pub dispute_due_at: Option<UnixMs>,
    /// The end of the last comparison that could compare every source.
    pub reconciled_at: Option<UnixMs>,
    /// Intents that ended in the time asked for: settled, and neither served nor owed.
    pub paid_not_served: u64,
    /// Intents that ended in the time asked for: created without what funds them.
    pub served_not_paid: u64,
}

/// What operators' commands ask of the books as a whole. Reads only.
#[async_trait]
pub trait Inspect: Send + Sync {
    /// Whether the database is whole and of this program's version.
    ///
    /// # Errors
    /// It cannot be read at all; so for every method here.
    async fn health(&self) -> Result<Health, BooksError>;

    /// Everything that the books must say of themselves.
    async fn agreements(&self) -> Result<Vec<Agreement>, BooksError>;

    /// What operators watch, now; of what must never be, what ended in this time: since the one
    /// moment, before the other.
    async fn pulse(&self, since: UnixMs, until: UnixMs) -> Result<Pulse, BooksError>;

    /// The chain and token that they are of, as `eip155:<chain>/<token>`; none for books without
    /// any payment by transfer.
    async fn token(&self) -> Result<Option<String>, BooksError>;

    /// Every settlement on the chain that the books know.
    async fn settlements(&self) -> Result<Vec<BookedSettlement>, BooksError>;
}
