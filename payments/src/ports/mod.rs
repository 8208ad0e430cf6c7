//! What the rules need from the world. Backends implement these traits, import this crate and
//! nothing else of ours, and pass the suites of the crate `testkit`.

mod action_name;
mod balances;
mod books;
mod card_books;
mod card_events;
mod cards;
mod claim;
mod clearing;
pub mod desk;
mod finality;
mod finding;
mod history;
mod holder_books;
mod limiter;
mod obligation;
mod parking;
mod proofs;
mod queue;
mod rail;
mod reconcile;
mod refund;
mod request;
mod seal;
mod signing;
mod unclaimed;
mod upstream;
mod usdc_refund;
mod way;

use async_trait::async_trait;

pub use action_name::ActionName;
pub use balances::{BalanceCache, ShownBalance};
pub use books::{Books, BooksError, Evidence, IntentSummary, JournalLine, LedgerPage, Usage};
pub use card_books::{
    AccountBlock, AdjustmentError, AdjustmentKind, BlockLift, CardBooks, CreditAccount,
    CreditAdjustment, CreditEntry, DisputeNote, EventNote, FactsBooked, LiftRefusal,
};
pub use card_events::{CardEvent, CardEvents, EventRefusal, EventSubject};
pub use cards::{
    CardError, CardOutcome, CardRail, ChargeFacts, Dispute, DisputeState, FraudWarning, NewCharge,
    RefundAnswer, RefundOutcome, StablePayer, TokenView, UnrecognisedState,
};
pub use claim::{
    ClaimKey, ClaimRefusal, Claimed, HalfKnown, IdentityClaim, Known, NewClaim, Payment, Queueing,
    RefusedProof, TransferPayment,
};
pub use clearing::{
    AssignPayout, AssignRefusal, CardBalance, Clearing, ClearingBooks, EntryOwner, PayoutRow,
};
pub use finality::{FOREIGN_TRANSACTION, Finding, SETTLEMENT_LOST, Seen, Sighting, Standing};
pub use finding::{
    CloseFinding, CloseRefusal, FindingKind, Found, OpenFinding, Source, SourceReport,
};
pub use history::{
    CardHistory, CardPayment, ChainHistory, Creation, Creations, Heads, LogPlace, RangeError,
    Received, TokenTransfer, Window,
};
pub use holder_books::{HolderAction, HolderBooks, HolderChange, HolderRefusal, HolderRow};
pub use limiter::{AgentLimiter, Rate, Taken};
pub use obligation::ObligationRow;
pub use parking::Parking;
pub use proofs::{ProofMemory, ProofUse, WrittenBy};
pub use queue::{QueuedPayment, SettlementQueue, SigningRound, ToSign};
pub use rail::{
    ChainRail, ChainReader, ChainView, FeeQuote, Outcome, PreparationError, Preparer, RailError,
    Raised, Sent, Settler,
};
pub use reconcile::{
    BookedCharge, BookedLaunch, BookedTransfer, ClaimedAuthorization, Holdings, InTransit,
    KnownCharge, NewRun, ReceiptKind, ReceiptNote, Receiver, ReconcileBooks, RunEnd,
};
pub use refund::{PaidBack, PaidBackTransfer, RefundApproval, RefundNote, RefundRefusal, UsdcOwed};
pub use request::{MAX_WAITING_NOTES, REQUESTS_KEPT_MS, RequestNote};
pub use seal::{SealError, SealedRow, Sealer};
pub use signing::{
    ChainNonces, KnownNonce, OpenNonce, Renewal, Resigning, Sequence, SigningAccount,
};
pub use unclaimed::{Arrival, Earlier, UnclaimedBooked, UnclaimedReceipt};
pub use upstream::{LookUp, Upstream, UpstreamAnswer, UpstreamError};
pub use usdc_refund::{
    MoveNote, RefundRail, UsdcRefund, UsdcRefundBooks, UsdcRefundChange, UsdcRefundFailure,
    UsdcRefundNote, UsdcRefundOrder, UsdcRefundOutcome, UsdcRefundState, UsdcRefundView,
};
pub use way::{ClosedWay, UpstreamWay, WayBooks, WayRow};

use sha2::{Digest, Sha256};

use crate::{agent::Payer, ids::PaymentId, time::UnixMs};

/// Time and waiting.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The moment.
    fn now(&self) -> UnixMs;

    /// Waits at least this long.
    async fn sleep_ms(&self, ms: u64);
}

/// Agent tokens: made again from their account and payment, and kept as hashes only.
pub trait AgentTokens: Send + Sync {
    /// The token that a settled charge is answered with.
    fn token_of(&self, payer: &Payer, intent: PaymentId) -> String;

    /// What is kept of it.
    fn sha256_of(&self, payer: &Payer, intent: PaymentId) -> [u8; 32] {
        Sha256::digest(self.token_of(payer, intent).as_bytes()).into()
    }

    /// The token of that payment that has this hash, whichever key made it; none when its key is
    /// gone.
    fn token_with_sha256(
        &self,
        payer: &Payer,
        intent: PaymentId,
        sha256: &[u8; 32],
    ) -> Option<String>;

    /// The token of a holder after so many rotations.
    fn token_at(&self, payer: &Payer, holder: PaymentId, rotation: u32) -> String;

    /// The same that has this hash, whichever key made it; none when its key is gone.
    fn token_at_with_sha256(
        &self,
        payer: &Payer,
        holder: PaymentId,
        rotation: u32,
        sha256: &[u8; 32],
    ) -> Option<String>;
}

/// Fresh ids.
pub trait Ids: Send + Sync {
    /// An id that no intent has, sorting after the ids made before it.
    fn payment_id(&self) -> PaymentId;
}
