//! What Stripe says when it says no, and what that means (<https://docs.stripe.com/api/errors>,
//! <https://docs.stripe.com/error-low-level>).

use std::fmt;

use payments::{ports::CardError, settlement::PaymentFailure};
use serde::Deserialize;
use stripe_shared::ApiErrorsType;

use super::{gate::Closed, http::Fault};

/// How long to wait where Stripe does not say it, in seconds.
const DEFAULT_RETRY_AFTER_S: u64 = 1;
/// What is believed of a `Retry-After`, in seconds.
const LONGEST_RETRY_AFTER_S: u64 = 3_600;

/// An answer that is not a success.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    pub status: u16,
    /// The kept answer of an earlier call under the same key.
    pub replayed: bool,
    pub retry_after_s: Option<u64>,
    pub request_id: Option<String>,
    pub error: ErrorBody,
}

/// The members of an error that are read. Their texts may repeat a token or a part of a key: they
/// are matched and never shown.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorBody {
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    decline_code: Option<String>,
    param: Option<String>,
    message: Option<String>,
    payment_intent: Option<Inner>,
}

/// The payment intent inside an error; only its name is believed.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Inner {
    id: Option<String>,
    status: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope {
    error: ErrorBody,
}

// === impl Refusal ===

impl Refusal {
    /// Reads a body; one that is no error of Stripe's (a proxy's page) leaves the status alone.
    pub(super) fn read(status: u16, body: &[u8]) -> Self {
        let Envelope { error } = serde_json::from_slice(body).unwrap_or_default();
        Self { status, error, ..Self::default() }
    }

    /// Stripe asked for patience before, and is left alone.
    pub(super) fn of_patience(wait_s: u64) -> Self {
        Self { status: 429, retry_after_s: Some(wait_s), ..Self::default() }
    }

    pub(super) fn kind(&self) -> ApiErrorsType {
        match self.error.kind.as_deref() {
            Some("card_error") => ApiErrorsType::CardError,
            Some("idempotency_error") => ApiErrorsType::IdempotencyError,
            Some("invalid_request_error") => ApiErrorsType::InvalidRequestError,
            Some("api_error") => ApiErrorsType::ApiError,
            other => ApiErrorsType::Unknown(other.unwrap_or_default().to_owned()),
        }
    }

    pub(super) fn has_code(&self, code: &str) -> bool {
        self.error.code.as_deref() == Some(code)
    }

    /// The request was malformed, or of another version of the API: what is wrong is ours.
    pub(super) fn is_about_our_parameters(&self) -> bool {
        let code = self.error.code.as_deref().unwrap_or_default();
        code.starts_with("parameter")
            || code == "amount_too_small"
            || self.message().contains("unknown parameter")
    }

    /// No such object, or not for this key.
    pub(super) fn is_no_such_token(&self) -> bool {
        let missing = self.has_code("resource_missing") || self.message().contains("no such");
        matches!(self.status, 400 | 404) && missing
    }

    /// The payment intent that a decline belongs to, unless its state is what a decline leaves
    /// behind.
    pub(super) fn undecided_payment_intent(&self) -> Option<&str> {
        let inner = self.error.payment_intent.as_ref()?;
        let declined =
            matches!(inner.status.as_deref(), Some("requires_payment_method" | "canceled") | None);
        inner.id.as_deref().filter(|_| !declined)
    }

    /// Why the card was declined, in the processor's word.
    pub(super) fn decline(&self) -> PaymentFailure {
        let words = [&self.error.decline_code, &self.error.code];
        declined(words.into_iter().flatten().map(String::as_str))
    }

    /// What is wrong with the payment token, if that is what the refusal is about. Stripe documents
    /// no codes for it, so its sentences are read too; one that is not known is still a refusal of
    /// the token.
    pub(super) fn of_token(&self) -> Option<PaymentFailure> {
        let names = |text: &Option<String>| {
            text.as_deref().is_some_and(|text| text.contains("shared_payment"))
        };
        let message = self.message();
        let token = names(&self.error.param)
            || names(&self.error.code)
            || message.contains("shared payment")
            || message.contains("spt_");
        let ours = !matches!(self.status, 400 | 402 | 404)
            || self.kind() != ApiErrorsType::InvalidRequestError
            || self.is_about_our_parameters();
        if !token || ours {
            return None;
        }
        let text = format!("{} {message}", self.error.code.as_deref().unwrap_or_default());
        let says = |any: &[&str]| any.iter().any(|words| text.contains(words));
        let word = match () {
            () if says(&["resource_missing", "no such"]) => "payment_token_unknown",
            () if says(&["consumed", "been used"]) => "payment_token_consumed",
            () if says(&["revoked", "deactivated"]) => "payment_token_revoked",
            () if says(&["still processing"]) => "payment_token_in_use",
            () if says(&["seller", "network"]) => "payment_token_for_another_seller",
            () if says(&["currency"]) => "payment_token_wrong_currency",
            () if says(&["exceed", "max_amount"]) => "payment_token_over_limit",
            () if says(&["expired"]) => "payment_token_expired",
            () => "payment_token_refused",
        };
        Some(PaymentFailure::Declined(word.to_owned()))
    }

    /// The request was malformed: nothing was begun, and the same parameters never will be taken.
    pub(super) fn of_parameters(&self) -> Option<PaymentFailure> {
        let ours = self.status == 400
            && self.kind() == ApiErrorsType::InvalidRequestError
            && self.is_about_our_parameters();
        ours.then(|| PaymentFailure::Declined(String::from("processor_refuses_parameters")))
    }

    /// What a refusal means where nothing else is known of it.
    fn meaning(&self) -> CardError {
        match (self.status, self.kind()) {
            (409 | 429, _) => CardError::Busy { retry_after_s: self.wait_s() },
            (400..=404, ApiErrorsType::ApiError) | (402, _) => {
                CardError::Unreachable(self.to_string())
            }
            (400..=404, _) => CardError::Misconfigured(self.to_string()),
            _ => CardError::Unreachable(self.to_string()),
        }
    }

    pub(super) fn wait_s(&self) -> u64 {
        self.retry_after_s.unwrap_or(DEFAULT_RETRY_AFTER_S).clamp(1, LONGEST_RETRY_AFTER_S)
    }

    fn message(&self) -> String {
        self.error.message.as_deref().unwrap_or_default().to_ascii_lowercase()
    }
}

/// Status, type, code and the name of the request, which is what Stripe's support asks for.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP status {}", self.status)?;
        let words = [&self.error.kind, &self.error.code].into_iter().flatten();
        words.filter(|text| is_word(text)).try_for_each(|word| write!(f, " {word}"))?;
        self.request_id.as_deref().map_or(Ok(()), |id| write!(f, " ({id})"))
    }
}

// === impl ErrorBody ===

impl fmt::Debug for ErrorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErrorBody(..)")
    }
}

impl From<Fault> for CardError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Lost(why) => Self::Unreachable(why),
            Fault::Refused(refusal) => refusal.meaning(),
            Fault::Closed(Closed::Unknown(why)) => Self::Unreachable(why),
            Fault::Closed(Closed::Another(why)) => Self::Misconfigured(why),
        }
    }
}

/// The first of these that is a word, as the reason of a decline.
pub(super) fn declined<'a>(mut words: impl Iterator<Item = &'a str>) -> PaymentFailure {
    words
        .find_map(PaymentFailure::declined)
        .unwrap_or_else(|| PaymentFailure::Declined(String::from("card_declined")))
}

fn is_word(text: &str) -> bool {
    PaymentFailure::declined(text).is_some()
}
