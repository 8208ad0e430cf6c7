//! A credential that is proven, and the clock's say on it.

use std::fmt;
use std::ops::Deref;

use crate::money::UsdCents;
use crate::mpp::error::{MppError, Reason};
use crate::mpp::secrets::ChallengeId;
use crate::mpp::stripe::token::{PaymentToken, TokenHash};
use crate::time::UnixMs;

/// A credential for this route, this body and these terms, whose challenge is ours. Whether it is
/// still in time, used or worth its money is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCredential {
    pub(super) challenge_id: ChallengeId,
    pub(super) token: PaymentToken,
    pub(super) amount: UsdCents,
    pub(super) route_key: String,
    pub(super) expires: UnixMs,
    pub(super) source: Option<String>,
}

/// A verified credential in time: may be claimed and charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveCharge(VerifiedCredential);

/// A challenge that is ours with the token that it was answered with, whatever it was for and
/// however old it is. Names a payment that may have settled earlier, and thereby the account behind
/// it; it pays nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresentedPayment {
    pub(super) challenge_id: ChallengeId,
    pub(super) token_sha256: TokenHash,
}

// === impl VerifiedCredential ===

impl VerifiedCredential {
    /// Adds the clock: a challenge is good strictly before its `expires`.
    ///
    /// # Errors
    /// [`Reason::ChallengeExpired`].
    pub fn in_window(&self, now: UnixMs) -> Result<LiveCharge, MppError> {
        if now < self.expires {
            return Ok(LiveCharge(self.clone()));
        }
        let expected = format!("later than {}", now.rfc3339_s());
        Err(MppError::new(
            Reason::ChallengeExpired,
            "challenge.expires",
            expected,
            self.expires.rfc3339_s(),
        ))
    }

    /// What may be used once: the claim's key.
    #[must_use]
    pub const fn challenge_id(&self) -> ChallengeId {
        self.challenge_id
    }

    /// The token that pays.
    #[must_use]
    pub const fn token(&self) -> &PaymentToken {
        &self.token
    }

    /// This credential as one that may have paid before.
    #[must_use]
    pub fn presented(&self) -> PresentedPayment {
        PresentedPayment { challenge_id: self.challenge_id, token_sha256: self.token.sha256() }
    }

    /// The price, from our own offer.
    #[must_use]
    pub const fn amount(&self) -> UsdCents {
        self.amount
    }

    /// The route, from our own offer.
    #[must_use]
    pub fn route_key(&self) -> &str {
        &self.route_key
    }

    /// Good strictly before this, in Unix seconds rounded down.
    #[must_use]
    pub fn expires_unix_s(&self) -> u64 {
        self.expires.protocol_s()
    }

    /// What the client calls itself. Nothing proves it: a label for people, which opens nothing and
    /// names no account.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }
}

// === impl LiveCharge ===

impl Deref for LiveCharge {
    type Target = VerifiedCredential;

    fn deref(&self) -> &VerifiedCredential {
        &self.0
    }
}

// === impl PresentedPayment ===

impl PresentedPayment {
    /// The challenge.
    #[must_use]
    pub const fn challenge_id(&self) -> ChallengeId {
        self.challenge_id
    }

    /// The token. Both must match one settled payment.
    #[must_use]
    pub const fn token_sha256(&self) -> TokenHash {
        self.token_sha256
    }
}

impl fmt::Display for PresentedPayment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "challenge {} answered with token {}", self.challenge_id, self.token_sha256)
    }
}
