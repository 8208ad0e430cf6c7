//! What the rules need from the world. Backends implement these traits, import this crate and nothing else of ours, and pass the suites of
//! `payments::testing` (feature `testing`).

mod books;
mod claim;
mod finality;
mod proofs;
mod rail;
mod request;
mod seal;
mod upstream;

use async_trait::async_trait;

pub use books::{Books, BooksError, Evidence, IntentSummary, JournalLine, LedgerPage, ObligationRow, Usage};
pub use claim::{ClaimKey, ClaimRefusal, Claimed, IdentityClaim, Known, NewClaim, Payment};
pub use finality::{Finding, SETTLEMENT_LOST, Seen, Sighting, Standing};
pub use proofs::{ProofMemory, ProofUse, WrittenBy};
pub use rail::{ChainRail, ChainView, FeeQuote, Outcome, PreparationError, Preparer, RailError, Sent};
pub use request::{MAX_WAITING_NOTES, REQUESTS_KEPT_MS, RequestNote};
pub use seal::{SealError, Sealer};
pub use upstream::{LookUp, Upstream, UpstreamAnswer, UpstreamError};

use crate::{ids::PaymentId, time::UnixMs};

/// Time and waiting.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The moment.
    fn now(&self) -> UnixMs;

    /// Waits at least this long.
    async fn sleep_ms(&self, ms: u64);
}

/// Fresh ids.
pub trait Ids: Send + Sync {
    /// An id that no intent has, sorting after the ids made before it.
    fn payment_id(&self) -> PaymentId;
}
