//! The one place that turns a fault into a status, a code and a body. Client's fault, our fault and "try again" stay apart.

use std::any::Any;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use payments::{
    challenge::{ErrorShape, Phase, Problem, Render, Retry},
    mpp::error::ProblemType,
};

use serde_json::Value;

use super::{
    Api, cards,
    challenges::{self, Challenged},
    header_value,
};
use crate::{telemetry::Rail, upstream::profile::Condition};

/// What went wrong, with everything that the answer needs.
#[derive(Debug, Clone)]
pub(super) struct Fault(Box<Details>);

#[derive(Debug, Clone)]
struct Details {
    condition: Condition,
    /// The upstream's own status and code, where its contract names one.
    own_code: Option<(u16, String)>,
    message: String,
    reason: Option<String>,
    phase: Option<Phase>,
    retry: Option<Retry>,
    field: Option<String>,
    expected: Option<String>,
    got: Option<String>,
    payment_id: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether a fresh challenge goes out with it. Never once money may have moved.
    challenge: bool,
    /// It says that a credential does not hold, though not as a refused payment.
    unverified: bool,
    /// What the card scheme calls the refusal.
    card_problem: ProblemType,
    extra: Vec<(&'static str, Value)>,
}

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
    /// Which rail the credential is of, once it is looked at.
    pub rail: Rail,
}

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

// === impl Fault ===

impl Fault {
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
        Self::new(Condition::Unavailable, message).retry(Retry::Wait).header(header::RETRY_AFTER, &retry_after_s.to_string())
    }

    /// A fault of ours: logged here once, and never explained to the client.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = %crate::worker::drives::chain(error), "request.failed");
        // The same proof may have come before: what became of it then is not known here.
        Self::unavailable("the gateway cannot answer now; repeat the same request, with the same proof if it had one", 2)
            .retry(Retry::ResendSameProof)
    }

    /// In the place of a challenge while the node answers for another chain: what is signed for ours could not be checked there.
    fn no_challenge() -> Self {
        Self::unavailable("payments cannot be taken now; nothing was charged", 30).reason("chain_unavailable").phase(Phase::Challenge)
    }

    pub(super) fn with_code(mut self, status: u16, code: &str) -> Self {
        self.0.own_code = Some((status, code.to_owned()));
        self
    }

    pub(super) fn reason(mut self, reason: &str) -> Self {
        self.0.reason = Some(reason.to_owned());
        self
    }

    /// Whether this is its reason.
    pub(super) fn says(&self, reason: &str) -> bool {
        self.0.reason.as_deref() == Some(reason)
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

    /// Sends a fresh challenge along. Only where it is certain that nothing was sent for this request.
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

    /// A member at the top of the body of an answer without a challenge, as the product text has them for 429 and LAUNCH_007.
    pub(super) fn member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.extra.push((name, value.into()));
        self
    }

    /// The answer.
    pub(super) fn into_response(self, api: &Api, asked: &Asked) -> Response {
        let in_usdc = asked.challenged.is_some_and(|challenged| api.challenges.asks_for_usdc(challenged));
        if self.0.challenge && in_usdc && api.world.rail.on_wrong_chain() {
            return Self::no_challenge().into_response(api, asked);
        }
        let details = *self.0;
        let (status, code) = match &details.own_code {
            Some((status, code)) => (StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST), code.as_str()),
            None => api.codes.get(details.condition),
        };
        let problem = Problem {
            code,
            message: &details.message,
            reason: details.reason.as_deref(),
            phase: details.phase,
            retry: details.retry,
            field: details.field.as_deref(),
            expected: details.expected.as_deref(),
            got: details.got.as_deref(),
            payment_id: details.payment_id.as_deref(),
            docs: None,
        };
        let offer = asked.challenged.filter(|_| details.challenge);
        let (body, required) = match offer {
            Some(challenged) => {
                api.telemetry.challenged(asked.route, asked.rail, details.reason.as_deref());
                let card = challenges::fresh(api, challenged, &asked.body);
                let offers_card = card.is_some();
                let card = card.as_ref().map(|challenge| (challenge, details.card_problem));
                let rendered =
                    api.challenges.of(challenged).render(&Render { resource_url: &asked.url, problem, shape: asked.shape, card });
                let mut extra = details.extra;
                extra.extend(offers_card.then(|| ("agent_token", cards::AGENT_TOKEN_HINT.into())));
                (with_members(rendered.body, &extra), Some((rendered.header_payment_required, rendered.header_www_authenticate)))
            }
            None => (with_members(problem.body(asked.shape), &details.extra), None),
        };
        let waiting = details.headers.iter().find(|(name, _)| name == header::RETRY_AFTER);
        let retry_after_s = waiting.and_then(|(_, value)| value.to_str().ok()?.parse().ok());
        let body = match asked.shape {
            ErrorShape::Object => api.envelope.dress(body, code, &details.message, retry_after_s),
            ErrorShape::String => body,
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some((x402, card)) = required {
            let offers = [(HeaderName::from_static("payment-required"), x402), (header::WWW_AUTHENTICATE, card)];
            headers.extend(offers.into_iter().filter_map(|(name, value)| Some((name, header_value(&value?)))));
        }
        headers.extend(details.headers);
        response.extensions_mut().insert(Refused {
            code: code.to_owned(),
            reason: details.reason,
            payment_id: details.payment_id,
            phase: details.phase,
            unverified: details.unverified,
        });
        response
    }
}

/// Puts more members behind those of a body that ends with `}`.
fn with_members(mut body: Vec<u8>, members: &[(&'static str, Value)]) -> Vec<u8> {
    if !members.is_empty() && body.pop() == Some(b'}') {
        for (name, value) in members {
            body.extend(format!(",\"{name}\":{value}").into_bytes());
        }
        body.push(b'}');
    }
    body
}

/// The answer to a panic: the work of an intent goes on in its own task, and the client may ask for it.
pub(super) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("request.panicked");
    let body = r#"{"error":{"code":"SERVER_001","message":"internal error"},"retry":"resend_same_proof"}"#;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
