//! The one 402 that every client can pay: the version 2 challenge in the `PAYMENT-REQUIRED` header, the version 1
//! challenge at the top of the body, and the documented `error` and `x402` objects beside it.
//!
//! Everything but the URL and the error is prepared once per route. All places name the same amount because all are
//! written from one [`Requirements`]. The body ends with the `x402` object; the `mpp` object follows it once cards can
//! pay.

mod problem;
mod shape;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::x402::identifier::ADVERTISEMENT;
use crate::x402::json::{push_quoted, quoted};
use crate::x402::requirements::Requirements;

pub use problem::{Phase, Problem, Retry};
pub use shape::{ErrorShape, ErrorShapeSetting, ShapeHints};

/// Longest value of the `PAYMENT-REQUIRED` header, in bytes. Clients limit all headers of an answer together.
pub const MAX_CHALLENGE_BYTES: usize = 4 * 1024;
/// Longest error text in the header; the body carries it whole.
const MAX_HEADER_ERROR_BYTES: usize = 256;

/// The route cannot be offered: its challenge alone is larger than [`MAX_CHALLENGE_BYTES`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the challenge of {route} needs {bytes} bytes, {MAX_CHALLENGE_BYTES} are allowed; shorten its description or URL")]
pub struct ChallengeTooLarge {
    /// The route.
    pub route: String,
    /// What it would take.
    pub bytes: usize,
}

/// The 402 of one route, all but URL and error.
#[derive(Debug, Clone)]
pub struct Prepared402 {
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
}

/// A 402 ready to send, beside `Content-Type: application/json` and `Cache-Control: no-store`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The value of `PAYMENT-REQUIRED`.
    pub header_payment_required: String,
    /// The JSON body.
    pub body: Vec<u8>,
}

impl Prepared402 {
    /// Prepares the 402 of a route: `route` is method and path as documented (`POST /launches`), `route_url` its
    /// absolute URL, which stands in when a client's own URL is too long for the header.
    ///
    /// # Errors
    /// [`ChallengeTooLarge`] when even `route_url` does not fit.
    pub fn new(route: &str, route_url: &str, requirements: &Requirements) -> Result<Self, ChallengeTooLarge> {
        let prepared = Self {
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
        Ok(prepared)
    }

    /// The same, saying in the header that a payment may carry an identifier of the client's own.
    ///
    /// # Errors
    /// [`ChallengeTooLarge`].
    pub fn taking_identifiers(mut self, route: &str) -> Result<Self, ChallengeTooLarge> {
        self.header_after_url.pop();
        self.header_after_url.push_str(&format!(r#","extensions":{ADVERTISEMENT}}}"#));
        self.check_size(route)?;
        Ok(self)
    }

    fn check_size(&self, route: &str) -> Result<(), ChallengeTooLarge> {
        let bytes = encoded_len(self.header_json_len(&self.route_url, MAX_HEADER_ERROR_BYTES));
        if bytes > MAX_CHALLENGE_BYTES {
            return Err(ChallengeTooLarge { route: route.to_owned(), bytes });
        }
        Ok(())
    }

    /// The 402 for one request.
    #[must_use]
    pub fn render(&self, render: &Render<'_>) -> Rendered {
        let url = self.fitting_url(render.resource_url);
        let error = render.problem.one_line(MAX_HEADER_ERROR_BYTES);
        Rendered { header_payment_required: self.header(url, &error), body: self.body(url, render) }
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

    fn body(&self, url: &str, render: &Render<'_>) -> Vec<u8> {
        let fixed = self.x402_object.len() + self.v1_around_url.as_ref().map_or(0, |(a, b)| a.len() + b.len());
        let mut body = String::with_capacity(fixed + url.len() + render.problem.message.len() * 2 + 256);
        body.push('{');
        if let Some((before, after)) = &self.v1_around_url {
            body.push_str(r#""x402Version":1,"accepts":["#);
            body.push_str(before);
            push_quoted(&mut body, url);
            body.push_str(after);
            body.push_str("],");
        }
        render.problem.push_members(&mut body, render.shape);
        body.push_str(r#","x402":"#);
        body.push_str(&self.x402_object);
        body.push('}');
        body.into_bytes()
    }

    /// The client's URL; without its query when that makes the header too long; then the route's own.
    fn fitting_url<'u>(&'u self, url: &'u str) -> &'u str {
        let fits = |url: &str| encoded_len(self.header_json_len(url, MAX_HEADER_ERROR_BYTES)) <= MAX_CHALLENGE_BYTES;
        let without_query = url.split_once('?').map_or(url, |(path, _)| path);
        [url, without_query].into_iter().find(|url| fits(url)).unwrap_or(&self.route_url)
    }

    /// An upper bound: every byte of the URL and the error may need an escape of six.
    fn header_json_len(&self, url: &str, error_len: usize) -> usize {
        let escaped = if url.bytes().any(|b| b < 0x20 || b == b'"' || b == b'\\') { url.len() * 6 } else { url.len() };
        self.header_before_url.len() + self.header_after_url.len() + escaped + error_len + 32
    }
}

const fn encoded_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// The object of the documented error body, for people: the amount as a decimal, the receiver, the route.
fn x402_object(route: &str, requirements: &Requirements) -> String {
    format!(
        r#"{{"version":2,"scheme":"exact","network":"{}","asset":"USDC","amount":"{}","receiver":"{}","resource":{}}}"#,
        requirements.network().caip2(),
        requirements.amount(),
        requirements.pay_to().checksummed(),
        quoted(route),
    )
}
