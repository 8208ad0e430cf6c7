//! What a request asked for, as far as an answer needs it, and what a refusal says of itself to
//! whoever notes it.

use bytes::Bytes;
use payments::challenge::{ErrorShape, Phase};

use crate::{gateway::Challenged, telemetry::Rail};

/// Where a challenge would point, and the form of `error`.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The absolute URL that the client called.
    pub url: String,
    /// The form that this client reads.
    pub shape: ErrorShape,
    /// What a challenge of this route offers.
    pub challenged: Option<Challenged>,
    /// The body that a challenge for cards is bound to.
    pub body: Bytes,
    /// The route's number, once it is found.
    pub route: Option<usize>,
    /// The route's key, `POST /launches`; `none` until it is found.
    pub route_key: String,
    /// Which rail the credential is of, once it is looked at.
    pub rail: Rail,
}

/// The reason of a request that a rate limit refused.
pub(super) const RATE_LIMITED: &str = "rate_limited";

/// What a refusal says, carried beside its body for whoever notes the answer.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub code: String,
    pub reason: Option<String>,
    pub payment_id: Option<String>,
    /// What was being done.
    pub phase: Option<Phase>,
    /// The credential does not hold.
    pub unverified: bool,
}
