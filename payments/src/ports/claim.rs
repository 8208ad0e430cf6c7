//! The claim: the one transaction that takes a proof for a request and decides what funds it.

use crate::{
    agent::Payer,
    charge::Charge,
    fingerprint::Fingerprint,
    free_quota::FreeOffer,
    funding::{Funding, FundingRefusal, PayTerms},
    ids::PaymentId,
    intent::{Guard, Intent, KeptRequest, Protocol, State},
    money::Amount,
    ports::{
        rail::{PreparationError, Preparer},
        signing::SigningAccount,
    },
    proof::{PaymentKey, ProofKey},
    settlement::{Attempt, TransferTerms},
    time::UnixMs,
};

/// What a request is known by, in the order in which it is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimKey {
    /// The proof itself; none where an agent token says who asks.
    pub proof: Option<ProofKey>,
    /// The client's `Idempotency-Key`, unique per payer.
    pub idempotency: Option<(Payer, String)>,
}

/// What the books know of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The request that the key was taken for.
    pub fingerprint: Fingerprint,
    /// The work that answers it; none when the proof only identified a caller.
    pub intent: Option<Intent>,
    /// The challenge was answered with another payment token, or the token answered another
    /// challenge: whoever asks now holds one half of the credential only, and gets no answer that
    /// is not his.
    pub half_known: Option<HalfKnown>,
}

/// Which half of a card's credential was used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HalfKnown {
    /// The challenge, with another token.
    Challenge,
    /// The token, with another challenge.
    Token,
}

/// Everything that the claiming transaction needs.
pub struct NewClaim<'a> {
    /// The new intent's id.
    pub id: PaymentId,
    /// Who asks.
    pub payer: Payer,
    /// The keys to take.
    pub key: ClaimKey,
    /// What is asked for.
    pub fingerprint: Fingerprint,
    /// The request as it will be sent upstream.
    pub request: KeptRequest,
    /// The price now.
    pub price: Amount,
    /// The protocol that the request spoke.
    pub protocol: Protocol,
    /// The route's free calls, where it has some.
    pub free: Option<FreeOffer>,
    /// What stands between the payer and a payment.
    pub pay_terms: PayTerms,
    /// How to pay, if it comes to that.
    pub payment: Payment<'a>,
    /// Equal requests of this payer since this moment whose answer is open or was never delivered
    /// are joined.
    pub join_since: UnixMs,
    /// Now.
    pub at: UnixMs,
    /// Until when the claimer alone drives the intent.
    pub lease_until: UnixMs,
}

/// The payment that the claim may decide for.
pub enum Payment<'a> {
    /// A transfer on the chain.
    Transfer(TransferPayment<'a>),
    /// A charge, built and sealed.
    Charge(Box<Charge>),
    /// None: only what the payer already has may fund the request.
    Nothing,
}

/// A transfer on the chain that the claim may decide for.
pub struct TransferPayment<'a> {
    /// The terms of the authorization.
    pub transfer: TransferTerms,
    /// The next nonce of the signer as the chain sees it; the books never give out a lower one.
    pub chain_next_nonce: u64,
    /// Signs and seals, inside the transaction.
    pub preparer: &'a dyn Preparer,
    /// How it waits where it cannot be signed at once.
    pub queueing: Queueing,
}

/// What becomes of a transfer whose signer is busy, or that others wait before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queueing {
    /// What it takes to sign it later, from [`Settler::keep`](crate::ports::Settler::keep).
    pub sealed_authorization: Vec<u8>,
    /// So many payments may wait; beyond them the claim is refused.
    pub max: u32,
    /// It waits although the signer is free, because another process has to sign it.
    pub always: bool,
}

/// A proof that was refused because the day's free calls were used up: the note that its wallet was
/// told so on that day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedProof {
    /// The proof.
    pub key: PaymentKey,
    /// The UTC day, `YYYY-MM-DD`.
    pub day: String,
    /// Until when the note is kept: the day's end, or the proof's own where that is later.
    pub keep_until: UnixMs,
}

/// How a claim ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The intent is ours to drive. Committed.
    New(Intent),
    /// An equal request of this payer is unfinished, or was never delivered: the proof is claimed
    /// as identity and gets that answer. Committed.
    Joined(Intent),
    /// Another claim took the key first. Nothing changed.
    Known(Known),
    /// Nothing changed, but for the note of a proof that was refused because the day's free calls
    /// are used up. Committed.
    Refused(ClaimRefusal),
}

/// Why no claim was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimRefusal {
    /// Nothing may fund it.
    #[error(transparent)]
    Funding(#[from] FundingRefusal),
    /// The settling transaction could not be prepared.
    #[error(transparent)]
    Preparation(#[from] PreparationError),
    /// As many payments wait for a signer as may.
    #[error("too many payments wait for a signer")]
    QueueFull,
}

/// A proof that only says who asks. It is used up by being claimed, and never settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityClaim {
    /// The proof.
    pub key: PaymentKey,
    /// The request that it was used for.
    pub fingerprint: Fingerprint,
    /// Now.
    pub at: UnixMs,
}

// === impl Known ===

impl Known {
    /// A key that is known as a whole.
    pub const fn of(fingerprint: Fingerprint, intent: Option<Intent>) -> Self {
        Self { fingerprint, intent, half_known: None }
    }
}

// === impl NewClaim ===

impl NewClaim<'_> {
    /// The proof that a 402 about the day's cap refuses, as the books keep it; none where no wallet
    /// asks.
    pub fn refused_by_day_cap(&self) -> Option<RefusedProof> {
        let (Some(offer), Some(payment)) = (&self.free, self.payment.transfer()) else {
            return None;
        };
        let key = self.key.proof.as_ref().and_then(ProofKey::authorization)?;
        let valid_before = i64::try_from(payment.transfer.valid_before_unix_s).unwrap_or(i64::MAX);
        let keep_until = self.at.day_end().max(UnixMs::from_s(valid_before));
        Some(RefusedProof { key: *key, day: offer.day.clone(), keep_until })
    }

    /// The intent that this claim makes, as it is loaded back.
    pub fn intent(&self, funding: Funding, price: Amount, attempt: Option<Attempt>) -> Intent {
        let state = funding.claimed_state(attempt.as_ref());
        let charged = matches!(funding, Funding::MppCharge { .. } | Funding::MppPack { .. });
        Intent {
            id: self.id,
            payer: self.payer.clone(),
            fingerprint: self.fingerprint,
            funding,
            price,
            request: self.request.clone(),
            protocol: self.protocol,
            state,
            guard: Guard { version: 1, fence: 1 },
            transfer: self.payment.transfer().map(|payment| payment.transfer.worth(price)),
            attempts: attempt.into_iter().collect(),
            charge: self.payment.charge().filter(|_| charged).cloned(),
            settlement: None,
            failure: None,
            answer: None,
            launch_id: None,
            granted_balance: None,
            entitled_until: None,
            forwarding_since: (state == State::Forwarding).then_some(self.at),
            not_done: false,
            ended_by: None,
            delivered: false,
            created_at: self.at,
            updated_at: self.at,
        }
    }
}

// === impl ClaimKey ===

impl ClaimKey {
    /// The authorization that it names, if it is one of x402.
    pub fn authorization(&self) -> Option<&PaymentKey> {
        self.proof.as_ref().and_then(ProofKey::authorization)
    }
}

// === impl Payment ===

impl TransferPayment<'_> {
    /// The account whose next nonce it takes.
    pub fn account(&self) -> SigningAccount {
        self.transfer.signed_by(self.preparer.signer())
    }
}

impl<'a> Payment<'a> {
    /// The transfer, if it is one.
    pub const fn transfer(&self) -> Option<&TransferPayment<'a>> {
        match self {
            Self::Transfer(transfer) => Some(transfer),
            Self::Charge(_) | Self::Nothing => None,
        }
    }

    /// The charge, if it is one.
    pub fn charge(&self) -> Option<&Charge> {
        match self {
            Self::Charge(charge) => Some(charge),
            Self::Transfer(_) | Self::Nothing => None,
        }
    }
}
