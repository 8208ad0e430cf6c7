//! Why a credential was refused: the problem type of the specification, our own word for the exact
//! cause, and the member that failed. Never the token.

use std::fmt;

/// A problem type of the Payment authentication scheme (RFC 9457 `type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemType {
    /// No credential yet.
    PaymentRequired,
    /// Less than the price.
    PaymentInsufficient,
    /// The challenge has expired.
    PaymentExpired,
    /// The payment method refused the proof for good.
    VerificationFailed,
    /// The credential cannot be read.
    MalformedCredential,
    /// The challenge is not ours, or not for this request.
    InvalidChallenge,
    /// The method is not offered.
    MethodUnsupported,
    /// The payload does not fit the method.
    InvalidPayload,
    /// The request is ambiguous.
    BadRequest,
    /// The payer must act, with 3-D Secure for instance.
    PaymentActionRequired,
    /// Our own fault.
    InternalPaymentError,
}

impl ProblemType {
    /// Every type.
    pub const ALL: [Self; 11] = [
        Self::PaymentRequired,
        Self::PaymentInsufficient,
        Self::PaymentExpired,
        Self::VerificationFailed,
        Self::MalformedCredential,
        Self::InvalidChallenge,
        Self::MethodUnsupported,
        Self::InvalidPayload,
        Self::BadRequest,
        Self::PaymentActionRequired,
        Self::InternalPaymentError,
    ];

    /// The absolute URI, the value of `type`.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::PaymentRequired => "https://paymentauth.org/problems/payment-required",
            Self::PaymentInsufficient => "https://paymentauth.org/problems/payment-insufficient",
            Self::PaymentExpired => "https://paymentauth.org/problems/payment-expired",
            Self::VerificationFailed => "https://paymentauth.org/problems/verification-failed",
            Self::MalformedCredential => "https://paymentauth.org/problems/malformed-credential",
            Self::InvalidChallenge => "https://paymentauth.org/problems/invalid-challenge",
            Self::MethodUnsupported => "https://paymentauth.org/problems/method-unsupported",
            Self::InvalidPayload => "https://paymentauth.org/problems/invalid-payload",
            Self::BadRequest => "https://paymentauth.org/problems/bad-request",
            Self::PaymentActionRequired => {
                "https://paymentauth.org/problems/payment-action-required"
            }
            Self::InternalPaymentError => "https://paymentauth.org/problems/internal-payment-error",
        }
    }

    /// The last part of the URI.
    #[must_use]
    pub fn slug(self) -> &'static str {
        self.uri().rsplit('/').next().unwrap_or_default()
    }

    /// The value of `title`.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::PaymentRequired => "Payment Required",
            Self::PaymentInsufficient => "Payment Insufficient",
            Self::PaymentExpired => "Payment Expired",
            Self::VerificationFailed => "Verification Failed",
            Self::MalformedCredential => "Malformed Credential",
            Self::InvalidChallenge => "Invalid Challenge",
            Self::MethodUnsupported => "Method Unsupported",
            Self::InvalidPayload => "Invalid Payload",
            Self::BadRequest => "Bad Request",
            Self::PaymentActionRequired => "Payment Action Required",
            Self::InternalPaymentError => "Internal Payment Error",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::MethodUnsupported | Self::BadRequest => 400,
            Self::InternalPaymentError => 500,
            _ => 402,
        }
    }
}

/// The check that failed, in the order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// More than one Payment credential in one request.
    SeveralCredentials,
    /// Too large, not base64url, not UTF-8, not a JSON object, or a member of the wrong shape.
    MalformedCredential,
    /// None of our secrets made this id for these values.
    ChallengeNotOurs,
    /// Made for another protection space.
    RealmMismatch,
    /// Another method or intent than this route offers.
    MethodNotOffered,
    /// Made for another route.
    RouteMismatch,
    /// Made for other terms than this route asks now.
    TermsMismatch,
    /// No expiry, or none that is RFC 3339.
    ExpiresUnusable,
    /// Made for another body, or for none where the route binds bodies.
    BodyMismatch,
    /// The payload holds no shared payment token.
    InvalidPayload,
    /// The order id that the challenge binds is not repeated in the payload.
    ExternalIdMismatch,
    /// The challenge has expired.
    ChallengeExpired,
}

impl Reason {
    /// Our stable word on the wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::SeveralCredentials => "several_credentials",
            Self::MalformedCredential => "malformed_credential",
            Self::ChallengeNotOurs => "challenge_not_ours",
            Self::RealmMismatch => "realm_mismatch",
            Self::MethodNotOffered => "method_not_offered",
            Self::RouteMismatch => "route_mismatch",
            Self::TermsMismatch => "terms_mismatch",
            Self::ExpiresUnusable => "expires_unusable",
            Self::BodyMismatch => "body_mismatch",
            Self::InvalidPayload => "invalid_payload",
            Self::ExternalIdMismatch => "external_id_mismatch",
            Self::ChallengeExpired => "challenge_expired",
        }
    }

    /// The problem type that the specification and its implementations give this check.
    #[must_use]
    pub const fn problem(self) -> ProblemType {
        match self {
            Self::SeveralCredentials => ProblemType::BadRequest,
            Self::MalformedCredential => ProblemType::MalformedCredential,
            Self::InvalidPayload => ProblemType::InvalidPayload,
            Self::ChallengeExpired => ProblemType::PaymentExpired,
            _ => ProblemType::InvalidChallenge,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A refused credential: the check, the member that failed it, and both values. Repeats nothing
/// that the client wrote before its challenge is known to be ours, and never any of the payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {field}: expected {expected}, got {got}")]
pub struct MppError {
    /// The check that failed.
    pub reason: Reason,
    /// The member of the credential that failed, as a dotted path.
    pub field: &'static str,
    /// What would have passed.
    pub expected: String,
    /// What was there.
    pub got: String,
}

impl MppError {
    /// A refusal.
    pub(crate) fn new(
        reason: Reason,
        field: &'static str,
        expected: impl fmt::Display,
        got: impl fmt::Display,
    ) -> Self {
        Self { reason, field, expected: expected.to_string(), got: got.to_string() }
    }

    /// See [`Reason::problem`].
    #[must_use]
    pub const fn problem(&self) -> ProblemType {
        self.reason.problem()
    }

    /// The HTTP status: 400 for an ambiguous request, otherwise 402 with a fresh challenge.
    #[must_use]
    pub const fn status_hint(&self) -> u16 {
        self.problem().status()
    }
}
