//! One request on its way through the rooms: what is known of it once its route is found and its body is read.

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, header};
use payments::{
    agent::Payer,
    checkout::ForwardRequest,
    fingerprint::Fingerprint,
    ports::ClaimKey,
    proof::{PaymentKey, ProofKey},
};

use super::{asked::Asked, credential, error::GatewayError, rate::RateState};

/// One request whose route is known and whose body is read.
pub(super) struct Call {
    /// The route's key, `POST /launches`.
    pub route: String,
    /// Path without `/v1`, and the query.
    pub path_and_query: String,
    /// The value of `:id`.
    pub id: Option<String>,
    /// Whose address it comes from.
    pub peer: IpAddr,
    /// The client's headers.
    pub headers: HeaderMap,
    /// The body's exact bytes.
    pub body: Bytes,
    /// The agent token beside a card payment.
    pub agent_token: Option<String>,
    /// What is asked for.
    pub fingerprint: Fingerprint,
    /// How an error is answered.
    pub asked: Asked,
    /// The id in logs and at the upstream.
    pub request_id: String,
    /// What the agent's bucket holds, once it was asked.
    pub rate: Option<RateState>,
    /// Who asks, once it is proven and within its limit: from then on the answer is noted.
    pub proven: Option<Payer>,
}

// === impl Call ===

impl Call {
    /// The request as it goes upstream: nothing of the client's headers but the content type.
    pub(super) fn forward_request(&self) -> ForwardRequest {
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
    pub(super) fn content_type(&self) -> String {
        let sent = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        sent.unwrap_or("application/json").to_owned()
    }

    /// The proof, and the one name that the client itself gave the request: for all of the payer's requests in `Idempotency-Key`, for one route
    /// in the payment's identifier. A name of the one kind is never one of the other: a header's value holds no space.
    ///
    /// # Errors
    /// 400 for two names, and for a key that is none.
    pub(super) fn claim_key(&self, payment: &PaymentKey, identifier: Option<String>) -> Result<ClaimKey, GatewayError> {
        let name = match (credential::idempotency_key(&self.headers)?, identifier) {
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
