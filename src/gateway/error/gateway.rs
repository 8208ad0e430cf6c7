//! Requests that the gateway refuses for what they ask, whoever brought them.

use payments::{
    checkout::ClaimError,
    error::ProofError,
    funding::FundingRefusal,
    ids::PaymentId,
    money::Amount,
    mpp::error::MppError,
    ports::{ClaimRefusal, PreparationError, RailError, UnclaimedBooked, UpstreamError},
    settlement::PaymentFailure,
};

use super::{
    super::{body_rules::BodyRefusal, rate::RateState},
    card::CardRequestError,
};
use crate::upstream::contract::BodyError;

/// Why the gateway refuses a request.
#[derive(Debug, Clone)]
pub enum GatewayError {
    /// The route asks for a credential, and there is none.
    NoCredential,
    /// The credential is of a rail that the route does not offer.
    RailNotOffered(OfferedRail),
    /// The upstream's API keys do not pass through on this route.
    ApiKeyNotTaken,
    /// An API key identifies no payer.
    ApiKeyNamesNoPayer,
    /// The x402 proof does not hold.
    InvalidProof(ProofError),
    /// The card credential does not hold.
    InvalidCard(MppError),
    /// The proof was used up on a free route.
    UsedForIdentity,
    /// The proof or the client's key belongs to another request.
    UsedForAnother {
        /// The payment of that request.
        payment: PaymentId,
        /// Which of the two is known.
        known_by: KnownBy,
    },
    /// `Idempotency-Key` is malformed or there twice.
    InvalidIdempotencyKey {
        /// Its length in bytes.
        bytes: usize,
    },
    /// Both `Idempotency-Key` and the payment's identifier name the request.
    SeveralIdempotencyKeys,
    /// The proof paid before these books began.
    SettledBefore(UnclaimedBooked),
    /// The token took the proof, and what it paid is not known yet.
    UseNotKnown,
    /// The books refuse to fund the call; nothing was claimed.
    Funding(FundingRefusal),
    /// The settling transaction cannot be made; nothing was claimed.
    Preparation(PreparationError),
    /// As many payments wait for a signer as may.
    QueueFull,
    /// The outcome is not known yet: money may have moved.
    OutcomePending {
        /// The payment to ask about.
        payment: PaymentId,
        /// The receipt that names the transaction, for payments by x402.
        receipt: Option<ReceiptHeader>,
    },
    /// The pack is paid, and its credits are not added yet.
    CreditsPending {
        /// The payment to ask about.
        payment: PaymentId,
        /// What was charged.
        price: Amount,
    },
    /// The transfer is proven not to have happened.
    NotSettled {
        /// The payment that failed.
        payment: PaymentId,
        /// Why; none for a payment of an earlier release.
        failure: Option<PaymentFailure>,
        /// Whether the client may sign another payment now.
        next: NextPayment,
        /// The receipt that says so.
        receipt: Option<ReceiptHeader>,
    },
    /// The card is proven not to have been charged as asked.
    NotCharged {
        /// The payment that failed.
        payment: PaymentId,
        /// Why; none for a payment of an earlier release.
        failure: Option<PaymentFailure>,
    },
    /// The upstream is unavailable; nothing was claimed.
    Upstream(UpstreamError),
    /// The blockchain node is unavailable; nothing was claimed.
    Chain(RailError),
    /// A rate limit is reached.
    RateLimited(RateLimited),
    /// Too many requests or too many bytes at the same time.
    Overloaded,
    /// Too many payments without a final outcome.
    TooManyOpenPayments,
    /// The body breaks the route's schema.
    InvalidBody(Vec<BodyError>),
    /// The body breaks the rules beyond the schema.
    RefusedBody(Box<BodyRefusal>),
    /// The payer has no such payment.
    NoSuchPayment,
    /// There is unknown route.
    NoSuchRoute {
        /// What was asked for.
        asked: String,
    },
    /// A request by card cannot be served.
    Card(CardRequestError),
    /// A fault of the gateway, logged where it was met.
    Internal,
}

/// The rail of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfferedRail {
    /// A transfer by x402.
    X402,
    /// A card.
    Card,
    /// Credits of a card account.
    Credits,
}

/// What of a request was used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBy {
    /// The proof.
    Proof,
    /// The client's own key.
    IdempotencyKey,
}

/// Whether a client may pay again after a failed transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextPayment {
    /// The authorization can no longer be used: another payment is safe.
    Now,
    /// Somebody could still submit it.
    Later,
}

/// A limit that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimited {
    /// Requests a minute.
    pub limit: u32,
    /// Until one more passes, in milliseconds.
    pub wait_ms: u64,
    /// What the agent's bucket holds, where it is an agent's limit.
    pub agent: Option<RateState>,
}

/// A receipt in the payer's version of x402.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptHeader {
    /// The header's name, in lower case.
    pub name: String,
    /// Its value.
    pub value: String,
}

// === impl GatewayError ===

impl GatewayError {
    /// A fault of the gateway: logged here once, and never explained to the client.
    pub fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = %crate::worker::drives::chain(error), "request.failed");
        Self::Internal
    }

    /// A payment that served this wallet is no longer on the chain.
    pub fn settlement_lost(payment: PaymentId) -> Self {
        Self::Funding(FundingRefusal::SettlementLost(payment))
    }
}

impl From<RateLimited> for GatewayError {
    fn from(limited: RateLimited) -> Self {
        Self::RateLimited(limited)
    }
}

impl From<CardRequestError> for GatewayError {
    fn from(error: CardRequestError) -> Self {
        Self::Card(error)
    }
}

impl From<ClaimError> for GatewayError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Proof(error) => Self::InvalidProof(error),
            ClaimError::Rail(error) => Self::Chain(error),
            ClaimError::Upstream(error) => Self::Upstream(error),
            ClaimError::Books(error) => Self::internal(&error),
            ClaimError::SettledBefore(booked) => Self::SettledBefore(booked),
            ClaimError::UseNotKnown => Self::UseNotKnown,
            ClaimError::UsedForIdentity => Self::UsedForIdentity,
            ClaimError::NoCards => CardRequestError::NotEnabledAtClaim.into(),
        }
    }
}

impl From<ClaimRefusal> for GatewayError {
    fn from(refusal: ClaimRefusal) -> Self {
        match refusal {
            ClaimRefusal::Funding(refusal) => Self::Funding(refusal),
            ClaimRefusal::Preparation(error) => Self::Preparation(error),
            ClaimRefusal::QueueFull => Self::QueueFull,
        }
    }
}
