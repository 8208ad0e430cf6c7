//! Whether the way to the upstream is open, as all processes on the same books share it.

use async_trait::async_trait;

use crate::{
    ids::PaymentId,
    ports::{BooksError, desk::NewAction},
    time::UnixMs,
};

/// What may be sent upstream now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamWay {
    /// Everything.
    Open,
    /// Nothing before this moment.
    Until(UnixMs),
    /// The upstream refuses us: what is under way goes on, and what it is known not to have done
    /// waits.
    Closed,
}

/// Why no new call is charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedWay {
    /// What the upstream answered.
    pub detail: String,
    /// Since when.
    pub since: UnixMs,
}

/// The way, as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WayRow {
    /// Grows with every change.
    pub number: i64,
    /// The upstream refuses us.
    pub closed: Option<ClosedWay>,
    /// Nothing may be sent before this moment.
    pub pause_until: Option<UnixMs>,
    /// That is because of us, and not of the upstream's own load.
    pub pause_refused: bool,
}

/// Keeps the way. One transaction per method.
#[async_trait]
pub trait WayBooks: Send + Sync {
    /// How it is kept.
    ///
    /// # Errors
    /// [`BooksError`]; so for every method here.
    async fn way(&self) -> Result<WayRow, BooksError>;

    /// Keeps this in the place of what has its number. The new number; none where somebody else was
    /// first.
    async fn save_way(&self, row: &WayRow) -> Result<Option<i64>, BooksError>;

    /// An operator opens it, whatever closed it. What was closed; none where it was open, and then
    /// nothing is noted.
    async fn open_way(
        &self,
        action: &NewAction,
        dry_run: bool,
    ) -> Result<Option<WayRow>, BooksError>;

    /// The payment to send again to see whether the way is open: the oldest that the upstream is
    /// known not to have done, for one process, and not again before `next`.
    async fn take_probe(&self, now: UnixMs, next: UnixMs) -> Result<Option<PaymentId>, BooksError>;

    /// Whatever the upstream is known not to have done may be sent again at once.
    async fn unpark_not_done(&self) -> Result<(), BooksError>;
}
