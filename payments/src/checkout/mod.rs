//! The story of a launch, from a verified proof to a stored answer.
//!
//! [`claim`] takes the proof and decides who pays, in one transaction. [`drive`] then moves the
//! intent one saved step at a time; a live request and the recovery loop call the same function, so
//! that whatever a crash leaves behind is finished by the code that would have finished it.

mod admission;
mod card;
mod charge;
mod claim;
mod create;
mod drive;
mod fence;
mod pay;
mod queue;
mod resolve;
mod unclaimed;

use std::sync::Arc;

pub use admission::{
    Admission, ForwardRequest, Identified, identify, identify_by_credential, identify_by_token,
    identify_quickly,
};
pub use card::{CardRequest, PresentedCard, claim_card};
pub use claim::{ClaimError, PricedRequest, claim};
pub use drive::{DriveError, Progress, Step, drive, run};
pub use pay::may_pay_again;
pub use queue::{QueueRound, settle_queued};
pub use resolve::{
    Resolution, ResolveRefusal, ResolveRules, ResolvedAs, ResultName, may_end, resolve,
};
pub use unclaimed::settled_before;

use crate::{
    agent::Payer,
    funding::RevertBounds,
    gas::GasBound,
    ports::{
        AgentTokens, BalanceCache, Books, CardRail, ChainRail, Clock, Ids, ProofMemory, Upstream,
    },
    sequence::SequenceWatch,
};

/// Everything that the story needs, as ports.
#[derive(Clone)]
pub struct World {
    /// The durable truth.
    pub books: Arc<dyn Books>,
    /// The fast memory of used proofs.
    pub proofs: Arc<dyn ProofMemory>,
    /// Balances as they are shown; what changes one forgets it.
    pub balances: Arc<dyn BalanceCache>,
    /// The chain.
    pub rail: Arc<dyn ChainRail>,
    /// The card processor, where cards are taken.
    pub cards: Option<Cards>,
    /// The API behind us.
    pub upstream: Arc<dyn Upstream>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
    /// What this process sees of its signers' nonces.
    pub signers: Arc<SequenceWatch>,
    /// The rules' numbers.
    pub settings: Settings,
}

/// What is needed to charge cards.
#[derive(Clone)]
pub struct Cards {
    /// The card processor.
    pub rail: Arc<dyn CardRail>,
    /// Makes agent tokens.
    pub tokens: Arc<dyn AgentTokens>,
}

/// The numbers of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Free calls per UTC day over all wallets and quotas together.
    pub free_per_day_total: u32,
    /// A free creation too needs a wallet that holds the price.
    pub require_balance_for_free: bool,
    /// How long a refused payment funds the next creation before it is a refund due.
    pub entitlement_ms: i64,
    /// Refused-after-pay per payer and day before no further payment is taken.
    pub refused_after_pay_per_day: u32,
    /// What one payment may cost in gas.
    pub gas: GasBound,
    /// What reverted payments may cost us.
    pub reverts: RevertBounds,
    /// So many payments may wait for a signer; beyond them a claim is refused.
    pub queue_max: u32,
    /// How long an unknown creation is tried again before it is looked up by key.
    pub core_deadline_ms: i64,
    /// How long a copy of a creation may be under way after it was sent: until then "there is none"
    /// is not believed.
    pub core_late_copy_ms: i64,
    /// How long an outcome may stay unknown before what was paid is owed; none for ever.
    pub unknown_after_ms: Option<i64>,
    /// How long one driver holds an intent without renewing its lease.
    pub lease_ms: i64,
    /// How far back an undelivered answer is joined by an equal request.
    pub join_window_ms: i64,
}

impl World {
    /// Forgets the balance that is shown of a card account, after whatever may have changed it:
    /// said once too often costs a read.
    async fn forget_balance(&self, payer: &Payer) {
        if matches!(payer, Payer::Card(_)) {
            self.balances.forget(payer).await;
        }
    }
}
