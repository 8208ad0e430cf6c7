//! The claim: the one transaction that takes a proof for a request and decides what funds it.

use crate::{
    agent::Payer,
    fingerprint::Fingerprint,
    free_tier::FreeTierOffer,
    funding::{FundingRefusal, PayTerms},
    ids::PaymentId,
    intent::{Intent, KeptRequest},
    money::Amount,
    ports::rail::{PreparationError, Preparer},
    proof::PaymentKey,
    settlement::TransferTerms,
    time::UnixMs,
    x402::X402Version,
};

/// What a request is known by, in the order in which it is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimKey {
    /// The proof itself.
    pub proof: PaymentKey,
    /// The client's `Idempotency-Key`, unique per payer.
    pub idempotency: Option<(Payer, String)>,
}

/// What the books know of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The request that the key was taken for.
    pub fingerprint: Fingerprint,
    /// The work that answers it; none when the proof only identified somebody.
    pub intent: Option<Intent>,
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
    /// Version that the proof spoke.
    pub proof_version: X402Version,
    /// The free tier, where the route has one.
    pub free_tier: Option<FreeTierOffer>,
    /// What stands between the payer and a payment.
    pub pay_terms: PayTerms,
    /// How to pay, if it comes to that.
    pub payment: Payment<'a>,
    /// Equal requests of this payer since this moment whose answer is open or was never delivered are joined.
    pub join_since: UnixMs,
    /// Now.
    pub at: UnixMs,
    /// Until when the claimer alone drives the intent.
    pub lease_until: UnixMs,
}

/// The payment that the claim may decide for.
pub struct Payment<'a> {
    /// The terms of the authorization.
    pub transfer: TransferTerms,
    /// The next nonce of the signer as the chain sees it; the books never give out a lower one.
    pub chain_next_nonce: u64,
    /// Signs and seals, inside the transaction.
    pub preparer: &'a dyn Preparer,
}

/// How a claim ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The intent is ours to drive. Committed.
    New(Intent),
    /// An equal request of this payer is unfinished, or was never delivered: the proof is claimed as identity and gets that answer. Committed.
    Joined(Intent),
    /// Somebody took the key first. Nothing changed.
    Known(Known),
    /// Nothing changed.
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
