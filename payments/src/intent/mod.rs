//! The intent: one durable row per paid piece of work, and the only place that changes its state.
//!
//! ```text
//! CLAIMED -> FORWARDING                                    (slot | credit | entitlement; one commit with the claim)
//! CLAIMED -> SIGNED -> SUBMITTED -> FORWARDING             (x402 or a charge; the claim and SIGNED are one commit)
//! CLAIMED -> QUEUED -> SIGNED | FORWARDING | PAY_FAILED    (x402, where the signer is busy: a commit of its own)
//! SIGNED | SUBMITTED -> SUBMIT_UNKNOWN -> FORWARDING | PAY_FAILED
//! FORWARDING -> CORE_UNKNOWN -> CREATED | REJECTED | RELEASED
//! CLAIMED -> SIGNED -> SUBMITTED -> CHARGED -> GRANTED     (a pack of credits: nothing goes upstream)
//! ```
//! FUNDED is the first half of the commit that makes FORWARDING. REJECTED took money: a wallet is
//! owed it back, a card got a credit for it; RELEASED gave back a slot, a credit or an entitlement
//! and owes nothing. Every change is a [`Transition`], which the books apply as one guarded update
//! of exactly one row.

mod after;
mod change;
mod ended;
mod state;
mod transition;

pub use after::Written;
pub use change::{Change, ReturnedCredits};
pub use ended::EndedBy;
pub use state::State;
pub use transition::{Transition, TransitionError};

use bytes::Bytes;

use crate::{
    agent::Payer,
    charge::Charge,
    fingerprint::Fingerprint,
    funding::Funding,
    ids::PaymentId,
    money::{Amount, Credits},
    settlement::{Attempt, PaymentFailure, Settlement, SettlementProof, TransferTerms},
    time::UnixMs,
    x402::X402Version,
};

/// The protocol that a request spoke, which says where money and receipts go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// USDC on the chain.
    X402(X402Version),
    /// A card.
    Mpp,
}

/// One request to a priced route, as it is kept for sending upstream again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRequest {
    /// The route's key in the table, e.g. `POST /launches`.
    pub route: String,
    /// Path without `/v1`, and the raw query behind `?` if there is one.
    pub path_and_query: String,
    /// The body's exact bytes.
    pub body: Bytes,
    /// The client's content type.
    pub content_type: String,
}

/// An answer of the upstream, kept for replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// HTTP status.
    pub status: u16,
    /// The headers that pass to the client, lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body's exact bytes.
    pub body: Bytes,
}

/// The right to write to an intent: every write names the fence of the lease that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// Grows with every write of the row.
    pub version: i64,
    /// Grows with every change of the lease's owner.
    pub fence: i64,
}

/// One paid piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Its name everywhere.
    pub id: PaymentId,
    /// Who pays and owns the result.
    pub payer: Payer,
    /// What was asked for; equal for equal requests.
    pub fingerprint: Fingerprint,
    /// What pays for it.
    pub funding: Funding,
    /// The price at the moment of the claim. What is taken, if anything is.
    pub price: Amount,
    /// What is sent upstream.
    pub request: KeptRequest,
    /// The protocol that the request spoke.
    pub protocol: Protocol,
    /// Where it stands.
    pub state: State,
    /// What a write must name.
    pub guard: Guard,
    /// The terms of the authorization, if it is to be settled.
    pub transfer: Option<TransferTerms>,
    /// Our transactions for it, oldest first.
    pub attempts: Vec<Attempt>,
    /// Our charge for it, if it is one by card.
    pub charge: Option<Charge>,
    /// The proof that it was paid.
    pub settlement: Option<Settlement>,
    /// Why it was not.
    pub failure: Option<PaymentFailure>,
    /// What the upstream answered, once that is final.
    pub answer: Option<StoredAnswer>,
    /// The launch that exists for it.
    pub launch_id: Option<String>,
    /// The account's balance right after the pack's credits came.
    pub granted_balance: Option<Credits>,
    /// Until when the payer may use the entitlement that this intent left.
    pub entitled_until: Option<UnixMs>,
    /// When it was first allowed to go upstream: the upstream's deadline counts from here.
    pub forwarding_since: Option<UnixMs>,
    /// Each time it was sent, the upstream is known to have done nothing. Only where its outcome is
    /// open.
    pub not_done: bool,
    /// What ended it, where that was no answer of the upstream.
    pub ended_by: Option<EndedBy>,
    /// The answer was handed to the connection of a client.
    pub delivered: bool,
    /// When the proof was claimed.
    pub created_at: UnixMs,
    /// When the state last changed.
    pub updated_at: UnixMs,
}

// === impl KeptRequest ===

impl KeptRequest {
    /// The HTTP method: the first word of the route's key.
    pub fn method(&self) -> &str {
        self.route.split(' ').next().unwrap_or_default()
    }
}

// === impl Protocol ===

impl Protocol {
    /// The word of `audit_intents.rail`.
    pub const fn rail(self) -> &'static str {
        match self {
            Self::X402(_) => "x402",
            Self::Mpp => "mpp",
        }
    }

    /// The number in tables: the x402 version, or 0.
    pub fn number(self) -> u8 {
        match self {
            Self::X402(version) => version.into(),
            Self::Mpp => 0,
        }
    }

    /// The protocol that a stored rail and number name.
    pub fn from_stored(rail: &str, number: u8) -> Option<Self> {
        match (rail, number) {
            ("x402", _) => X402Version::try_from(number).ok().map(Self::X402),
            ("mpp", 0) => Some(Self::Mpp),
            _ => None,
        }
    }
}

// === impl Intent ===

impl Intent {
    /// `path_and_query`, body and key belong together: the upstream sees the intent's id as its
    /// idempotency key.
    pub fn core_key(&self) -> String {
        self.id.to_string()
    }

    /// The chain's proof that it was paid.
    pub fn transfer_proof(&self) -> Option<&SettlementProof> {
        self.settlement.as_ref().and_then(Settlement::transfer)
    }

    /// Our transaction that settled it; none where a stranger's did.
    pub fn own_settlement(&self) -> Option<&Attempt> {
        let settlement = self.transfer_proof()?;
        self.attempts.iter().find(|attempt| attempt.tx_hash == settlement.tx_hash)
    }

    /// When no copy of its creation can be under way any more: it is sent until its deadline, and
    /// once more where nobody drove it for long.
    pub fn silent_since(&self, core_deadline_ms: i64, core_late_copy_ms: i64) -> UnixMs {
        let deadline = self.forwarding_since.unwrap_or(self.created_at).plus_ms(core_deadline_ms);
        deadline.max(self.updated_at).plus_ms(core_late_copy_ms)
    }

    /// Whether money was taken for it, by its own settlement or by an earlier one.
    pub fn is_paid(&self) -> bool {
        matches!(
            self.funding,
            Funding::X402
                | Funding::MppCharge { .. }
                | Funding::MppPack { .. }
                | Funding::Entitlement { .. }
        )
    }
}
