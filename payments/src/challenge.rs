//! The one 402 that every client can pay: the version 2 challenge in the `PAYMENT-REQUIRED` header,
//! the version 1 challenge at the top of the body, the documented `error` and `x402` objects beside
//! it, and for cards the challenge in `WWW-Authenticate`, the `mpp` object and the members of a
//! problem (RFC 9457).
//!
//! Everything but the URL, the error and what makes a card's challenge fresh is prepared once per
//! route. All places of a protocol name the same amount because all are written from one
//! [`Requirements`] or one [`Offer`].

mod problem;
mod shape;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::mpp::error::ProblemType;
use crate::mpp::stripe::offer::{Challenge, Offer};
use crate::x402::identifier::ADVERTISEMENT;
use crate::x402::json::{push_quoted, quoted};
use crate::x402::offer::Requirements;

pub use problem::{Phase, Problem, Retry};
pub use shape::{ErrorShape, ErrorShapeSetting, ShapeHints};

/// Longest value of the `PAYMENT-REQUIRED` header, in bytes. Clients limit all headers of an answer
/// together.
pub const MAX_CHALLENGE_BYTES: usize = 4 * 1024;
/// Longest error text in the header; the body carries it whole.
const MAX_HEADER_ERROR_BYTES: usize = 256;

/// The route cannot be offered: its challenge alone is larger than [`MAX_CHALLENGE_BYTES`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the challenge of {route} needs {bytes} bytes, {MAX_CHALLENGE_BYTES} are allowed; shorten its description or URL"
)]
pub struct ChallengeTooLarge {
    /// The route.
    pub route: String,
    /// What it would take.
    pub bytes: usize,
}

/// The 402 of one route, all but URL, error and what makes a card's challenge fresh.
#[derive(Debug, Clone)]
pub struct Prepared402 {
    x402: Option<PreparedX402>,
    mpp_object: Option<String>,
}

/// The half of x402.
#[derive(Debug, Clone)]
struct PreparedX402 {
    route_url: String,
    header_before_url: String,
    header_after_url: String,
    v1_around_url: Option<(String, String)>,
    x402_object: String,
}

/// What differs from one 402 to the next.
#[derive(Debug, Clone, Copy)]
pub struct Render<'a> {
    /// The absolute public URL that the client called. Payers compare it with their own.
    pub resource_url: &'a str,
    /// Why the request was not served.
    pub problem: Problem<'a>,
    /// The form of `error` in the body.
    pub shape: ErrorShape,
    /// The fresh challenge for cards, and what the specification calls this refusal.
    pub card: Option<(&'a Challenge<'a>, ProblemType)>,
}

/// A 402 ready to send, beside `Content-Type: application/json` and `Cache-Control: no-store`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The value of `PAYMENT-REQUIRED`, where USDC is taken.
    pub header_payment_required: Option<String>,
    /// The value of `WWW-Authenticate`, where cards are taken.
    pub header_www_authenticate: Option<String>,
    /// The JSON body.
    pub body: Vec<u8>,
}

impl Prepared402 {
    /// Prepares the 402 of a route: `route` is method and path as documented (`POST /launches`),
    /// `route_url` its absolute URL, which stands in when a client's own URL is too long for the
    /// header.
    ///
    /// # Errors
    /// [`ChallengeTooLarge`] when even `route_url` does not fit.
    pub fn new(
        route: &str,
        route_url: &str,
        requirements: &Requirements,
    ) -> Result<Self, ChallengeTooLarge> {
        let prepared = PreparedX402 {
            route_url: route_url.to_owned(),
            header_before_url: r#","resource":{"url":"#.to_owned(),
            header_after_url: format!(
                r#","description":{},"mimeType":{}}},"accepts":[{}]}}"#,
                quoted(requirements.description()),
                quoted(requirements.mime_type()),
                requirements.v2_element(),
            ),
            v1_around_url: requirements.v1_element_around_resource(),
            x402_object: x402_object(route, requirements),
        };
        prepared.check_size(route)?;
        Ok(Self { x402: Some(prepared), mpp_object: None })
    }

    /// The 402 of a route that only cards pay for.
    #[must_use]
    pub fn card_only(offer: &Offer) -> Self {
        Self { x402: None, mpp_object: Some(offer.body_object().to_owned()) }
    }

    /// The same, offering cards too.
    #[must_use]
    pub fn with_card(self, offer: &Offer) -> Self {
        Self { mpp_object: Some(offer.body_object().to_owned()), ..self }
    }

    /// The same, saying in the header that a payment may carry an identifier of the client's own.
    ///
    /// # Errors
    /// [`ChallengeTooLarge`].
    pub fn taking_identifiers(mut self, route: &str) -> Result<Self, ChallengeTooLarge> {
        if let Some(x402) = &mut self.x402 {
            x402.header_after_url.pop();
            x402.header_after_url.push_str(&format!(r#","extensions":{ADVERTISEMENT}}}"#));
            x402.check_size(route)?;
        }
        Ok(self)
    }

    /// The 402 for one request.
    #[must_use]
    pub fn render(&self, render: &Render<'_>) -> Rendered {
        let error = render.problem.one_line(MAX_HEADER_ERROR_BYTES);
        let url = self.x402.as_ref().map(|x402| x402.fitting_url(render.resource_url));
        Rendered {
            header_payment_required: self
                .x402
                .as_ref()
                .zip(url)
                .map(|(x402, url)| x402.header(url, &error)),
            header_www_authenticate: render.card.map(|(challenge, _)| challenge.header_value()),
            body: self.body(url, render),
        }
    }

    fn body(&self, url: Option<&str>, render: &Render<'_>) -> Vec<u8> {
        let x402_len = self.x402.as_ref().map_or(0, PreparedX402::body_len);
        let mpp_len = self.mpp_object.as_ref().map_or(0, |object| object.len() + 256);
        let message_len = render.problem.message.len() * 3;
        let mut body =
            String::with_capacity(x402_len + mpp_len + url.map_or(0, str::len) + message_len + 256);
        body.push('{');
        if let (Some(x402), Some(url)) = (&self.x402, url) {
            x402.push_v1(&mut body, url);
        }
        render.problem.push_members(&mut body, render.shape);
        if let Some(x402) = &self.x402 {
            body.push_str(r#","x402":"#);
            body.push_str(&x402.x402_object);
        }
        if let (Some(object), Some((challenge, kind))) = (&self.mpp_object, render.card) {
            push_card(&mut body, object, challenge, kind, render.problem.message);
        }
        body.push('}');
        body.into_bytes()
    }
}

/// The `mpp` object, and the members of a problem that clients of the scheme read.
fn push_card(
    body: &mut String,
    object: &str,
    challenge: &Challenge<'_>,
    kind: ProblemType,
    detail: &str,
) {
    body.push_str(r#","mpp":"#);
    body.push_str(object);
    body.push_str(r#","type":"#);
    push_quoted(body, kind.uri());
    body.push_str(r#","title":"#);
    push_quoted(body, kind.title());
    body.push_str(r#","status":402,"detail":"#);
    push_quoted(body, detail);
    body.push_str(r#","challengeId":"#);
    push_quoted(body, &challenge.id().to_string());
}

impl PreparedX402 {
    fn check_size(&self, route: &str) -> Result<(), ChallengeTooLarge> {
        let bytes = encoded_len(self.header_json_len(&self.route_url, MAX_HEADER_ERROR_BYTES));
        if bytes > MAX_CHALLENGE_BYTES {
            return Err(ChallengeTooLarge { route: route.to_owned(), bytes });
        }
        Ok(())
    }

    fn header(&self, url: &str, error: &str) -> String {
        let mut json = String::with_capacity(self.header_json_len(url, error.len()));
        json.push_str(r#"{"x402Version":2,"error":"#);
        push_quoted(&mut json, error);
        json.push_str(&self.header_before_url);
        push_quoted(&mut json, url);
        json.push_str(&self.header_after_url);
        STANDARD.encode(json)
    }

    fn body_len(&self) -> usize {
        self.x402_object.len() + self.v1_around_url.as_ref().map_or(0, |(a, b)| a.len() + b.len())
    }

    /// The members of a version 1 challenge.
    fn push_v1(&self, body: &mut String, url: &str) {
        if let Some((before, after)) = &self.v1_around_url {
            body.push_str(r#""x402Version":1,"accepts":["#);
            body.push_str(before);
            push_quoted(body, url);
            body.push_str(after);
            body.push_str("],");
        }
    }

    /// The client's URL; without its query when that makes the header too long; then the route's
    /// own.
    fn fitting_url<'u>(&'u self, url: &'u str) -> &'u str {
        let fits = |url: &str| {
            encoded_len(self.header_json_len(url, MAX_HEADER_ERROR_BYTES)) <= MAX_CHALLENGE_BYTES
        };
        let without_query = url.split_once('?').map_or(url, |(path, _)| path);
        [url, without_query].into_iter().find(|url| fits(url)).unwrap_or(&self.route_url)
    }

    /// An upper bound: every byte of the URL and the error may need an escape of six.
    fn header_json_len(&self, url: &str, error_len: usize) -> usize {
        let escaped = if url.bytes().any(|b| b < 0x20 || b == b'"' || b == b'\\') {
            url.len() * 6
        } else {
            url.len()
        };
        self.header_before_url.len() + self.header_after_url.len() + escaped + error_len + 32
    }
}

const fn encoded_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// The object of the documented error body, for people: the amount as a decimal, the receiver, the
/// route.
fn x402_object(route: &str, requirements: &Requirements) -> String {
    format!(
        r#"{{"version":2,"scheme":"exact","network":"{}","asset":"USDC","amount":"{}","receiver":"{}","resource":{}}}"#,
        requirements.network().caip2(),
        requirements.amount(),
        requirements.pay_to().checksummed(),
        quoted(route),
    )
}
