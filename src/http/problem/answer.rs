//! What an error is answered with, put together member by member. Nothing outside this folder sees
//! it.

use http::{HeaderName, HeaderValue, header};
use payments::{
    challenge::{Phase, Retry},
    mpp::error::ProblemType,
};
use serde_json::Value;

use super::super::headers::header_value;
use crate::upstream::profile::Condition;

/// The condition that gives status and code, and every member and header of the answer.
#[derive(Debug, Clone)]
pub(super) struct ErrorAnswer(pub(super) Box<Details>);

#[derive(Debug, Clone)]
pub(super) struct Details {
    pub(super) condition: Condition,
    /// The upstream's own status and code, where its contract names one.
    pub(super) own_code: Option<(u16, String)>,
    pub(super) message: String,
    pub(super) reason: Option<String>,
    pub(super) phase: Option<Phase>,
    pub(super) retry: Option<Retry>,
    pub(super) field: Option<String>,
    pub(super) expected: Option<String>,
    pub(super) got: Option<String>,
    pub(super) payment_id: Option<String>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether a fresh challenge goes out with it. Never once money may have moved.
    pub(super) challenge: bool,
    /// It says that a credential does not hold, though not as a refused payment.
    pub(super) unverified: bool,
    /// What the card scheme calls the refusal.
    pub(super) card_problem: ProblemType,
    pub(super) extra: Vec<(&'static str, Value)>,
}

// === impl ErrorAnswer ===

impl ErrorAnswer {
    pub(super) fn new(condition: Condition, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            condition,
            own_code: None,
            message: message.into(),
            reason: None,
            phase: None,
            retry: None,
            field: None,
            expected: None,
            got: None,
            payment_id: None,
            headers: Vec::new(),
            challenge: false,
            unverified: false,
            card_problem: ProblemType::PaymentRequired,
            extra: Vec::new(),
        }))
    }

    /// Nothing is open and nothing was claimed; come back later.
    pub(super) fn unavailable(message: impl Into<String>, retry_after_s: u64) -> Self {
        Self::new(Condition::Unavailable, message)
            .retry(Retry::Wait)
            .header(header::RETRY_AFTER, &retry_after_s.to_string())
    }

    pub(super) fn with_code(mut self, status: u16, code: &str) -> Self {
        self.0.own_code = Some((status, code.to_owned()));
        self
    }

    pub(super) fn reason(mut self, reason: &str) -> Self {
        self.0.reason = Some(reason.to_owned());
        self
    }

    pub(super) fn phase(mut self, phase: Phase) -> Self {
        self.0.phase = Some(phase);
        self
    }

    pub(super) fn retry(mut self, retry: Retry) -> Self {
        self.0.retry = Some(retry);
        self
    }

    pub(super) fn field(mut self, field: &str, expected: &str, got: &str) -> Self {
        self.0.field = Some(field.to_owned());
        self.0.expected = Some(expected.to_owned());
        self.0.got = Some(got.to_owned());
        self
    }

    pub(super) fn payment(mut self, id: payments::ids::PaymentId) -> Self {
        self.0.payment_id = Some(id.to_string());
        self
    }

    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.0.headers.push((name, header_value(value)));
        self
    }

    /// Sends a fresh challenge along. Only where it is certain that nothing was sent for this
    /// request.
    pub(super) fn challenged(mut self) -> Self {
        self.0.challenge = true;
        self
    }

    /// Says that the credential does not hold, where the answer is not that of a refused payment.
    pub(super) fn unverified(mut self) -> Self {
        self.0.unverified = true;
        self
    }

    /// What the card scheme calls the refusal, where a challenge goes out with it.
    pub(super) fn card_problem(mut self, kind: ProblemType) -> Self {
        self.0.card_problem = kind;
        self
    }

    /// A member at the top of the body of an answer without a challenge, as the product text has
    /// them for 429 and LAUNCH_007.
    pub(super) fn member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.extra.push((name, value.into()));
        self
    }
}
