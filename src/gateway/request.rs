//! One request, once its route is found and its body is read, whichever door it came through.

use std::net::IpAddr;

use bytes::Bytes;
use payments::{
    agent::Payer,
    checkout::ForwardRequest,
    fingerprint::Fingerprint,
    ports::ClaimKey,
    proof::{PaymentKey, ProofKey},
};

use super::{challenges::Challenged, error::GatewayError, rate::RateState};

/// One request whose route is known and whose body is read.
pub struct GatewayRequest {
    /// The route's key, `POST /launches`.
    pub route: String,
    /// Path without `/v1`, and the query.
    pub path_and_query: String,
    /// The value of `:id`.
    pub id: Option<String>,
    /// Whose address it comes from.
    pub peer: IpAddr,
    /// The body's exact bytes.
    pub body: Bytes,
    /// The body's content type, where the client named one.
    pub content_type: Option<String>,
    /// The client's own name for the request.
    pub idempotency_key: IdempotencyKey,
    /// The card processor's signatures over the body of an event.
    pub event_signatures: Vec<String>,
    /// The agent token beside a card payment.
    pub agent_token: Option<String>,
    /// What is asked for.
    pub fingerprint: Fingerprint,
    /// What a proof on this route must say.
    pub challenged: Option<Challenged>,
    /// The id in logs and at the upstream.
    pub request_id: String,
    /// What the agent's bucket holds, once it was asked.
    pub rate: Option<RateState>,
    /// Who asks, once it is proven and within its limit: from then on the answer is noted.
    pub proven: Option<Payer>,
}

/// What a request proves itself by.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    None,
    /// An x402 payment, under either header name.
    X402(Vec<u8>),
    /// A card credential: the whole `Authorization` value.
    Card(Vec<u8>),
    /// A card account's agent token.
    AgentToken(String),
    /// The upstream's own API key: the whole `Authorization` value.
    ApiKey(String),
}

/// The client's own name for a request. Only requests that may pay look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdempotencyKey {
    /// It sent none.
    Absent,
    /// It sent this one.
    Sent(String),
    /// It sent one that is empty, too long, not printable, or there twice.
    Malformed {
        /// Its length in bytes.
        bytes: usize,
    },
}

// === impl GatewayRequest ===

impl GatewayRequest {
    /// The request as it goes upstream: nothing of the client's headers but the content type.
    pub fn forward_request(&self) -> ForwardRequest {
        let method = self.route.split(' ').next().unwrap_or_default().to_owned();
        ForwardRequest {
            method,
            route: self.route.clone(),
            path_and_query: self.path_and_query.clone(),
            body: self.body.clone(),
            content_type: (!self.body.is_empty()).then(|| self.content_type()),
            request_id: self.request_id.clone(),
        }
    }

    /// The client's content type; JSON where it sent none.
    pub fn content_type(&self) -> String {
        self.content_type.clone().unwrap_or_else(|| String::from("application/json"))
    }

    /// The proof, and the one name that the client itself gave the request: for all of the payer's
    /// requests in `Idempotency-Key`, for one route in the payment's identifier. A name of the one
    /// kind is never one of the other: a header's value holds no space.
    ///
    /// # Errors
    /// [`GatewayError::SeveralIdempotencyKeys`], [`GatewayError::InvalidIdempotencyKey`].
    pub fn claim_key(
        &self,
        payment: &PaymentKey,
        identifier: Option<String>,
    ) -> Result<ClaimKey, GatewayError> {
        let name = match (self.idempotency_key.read()?, identifier) {
            (Some(_), Some(_)) => {
                return Err(GatewayError::SeveralIdempotencyKeys);
            }
            (Some(key), None) => Some(key),
            (None, Some(identifier)) => Some(format!("{} {identifier}", self.route)),
            (None, None) => None,
        };
        let proof = Some(ProofKey::Authorization(*payment));
        Ok(ClaimKey { proof, idempotency: name.map(|name| (Payer::Wallet(payment.from), name)) })
    }
}

// === impl IdempotencyKey ===

impl IdempotencyKey {
    /// The key, if there is one.
    ///
    /// # Errors
    /// [`GatewayError::InvalidIdempotencyKey`].
    pub fn read(&self) -> Result<Option<String>, GatewayError> {
        match self {
            Self::Absent => Ok(None),
            Self::Sent(key) => Ok(Some(key.clone())),
            Self::Malformed { bytes } => Err(GatewayError::InvalidIdempotencyKey { bytes: *bytes }),
        }
    }
}
