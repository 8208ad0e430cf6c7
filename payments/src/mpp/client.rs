//! The other side, for our own paying agent: reads the challenges of a 402 and answers one of them.

mod parse;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::mpp::accept::is_method;
use crate::mpp::decode_lenient;
use crate::mpp::stripe::token::PaymentToken;
use crate::time::UnixMs;

/// Longest `request` that is read, in characters.
const MAX_REQUEST_CHARS: usize = 16 * 1024;
/// The parameters of a challenge, in the order in which they are echoed.
const ECHOED: [&str; 9] =
    ["id", "realm", "method", "intent", "request", "expires", "digest", "opaque", "description"];

/// A challenge that some server sent, well formed. Every value is echoed as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedChallenge {
    parameters: Vec<(String, String)>,
    /// The terms, decoded.
    pub request: Map<String, Value>,
    /// The end of the challenge.
    pub expires: Option<UnixMs>,
}

/// A Payment challenge that cannot be answered: the parameter, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the parameter {parameter:?} of a Payment challenge {wrong}")]
pub struct MalformedChallenge {
    /// The parameter.
    pub parameter: String,
    /// What is wrong with it.
    pub wrong: &'static str,
}

/// The Payment challenges in one field `WWW-Authenticate`, in the server's order. Other schemes are
/// left out; a malformed challenge is an error of its own and spoils no other.
#[must_use]
pub fn challenges(field_value: &str) -> Vec<Result<ReceivedChallenge, MalformedChallenge>> {
    parse::payment_challenges(field_value)
        .into_iter()
        .map(|parameters| ReceivedChallenge::check(parameters?))
        .collect()
}

impl ReceivedChallenge {
    fn check(parameters: Vec<(String, String)>) -> Result<Self, MalformedChallenge> {
        let value = |name: &str| {
            parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        let wrong =
            |parameter: &str, wrong| MalformedChallenge { parameter: parameter.to_owned(), wrong };
        for required in ["id", "realm", "method", "intent", "request"] {
            if value(required).is_none_or(str::is_empty) {
                return Err(wrong(required, "is missing or empty"));
            }
        }
        if !is_method(value("method").unwrap_or_default()) {
            return Err(wrong("method", "is no method name"));
        }
        let request = value("request")
            .filter(|text| text.len() <= MAX_REQUEST_CHARS)
            .ok_or_else(|| wrong("request", "is too long"))?;
        let request =
            object(request).ok_or_else(|| wrong("request", "is not base64url of a JSON object"))?;
        if value("opaque").is_some_and(|opaque| object(opaque).is_none()) {
            return Err(wrong("opaque", "is not base64url of a JSON object"));
        }
        if value("digest").is_some_and(|digest| !digest.starts_with("sha-256=")) {
            return Err(wrong("digest", "is of another algorithm than sha-256"));
        }
        let expires = match value("expires") {
            None => None,
            Some(text) => Some(
                UnixMs::parse_rfc3339(text).ok_or_else(|| wrong("expires", "is not RFC 3339"))?,
            ),
        };
        Ok(Self { request, expires, parameters })
    }

    /// The value of a parameter (`id`, `realm`, `method`, `intent`, `description`, ...).
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether this is a charge by shared payment token with all that making such a token takes.
    #[must_use]
    pub fn stripe_charge(&self) -> Option<StripeTerms<'_>> {
        if (self.parameter("method"), self.parameter("intent"))
            != (Some(crate::mpp::stripe::METHOD), Some(crate::mpp::INTENT))
        {
            return None;
        }
        let details = self.request.get("methodDetails")?;
        Some(StripeTerms {
            amount_minor: self.request.get("amount")?.as_str()?.parse().ok()?,
            currency: self.request.get("currency")?.as_str()?,
            network_id: details.get("networkId")?.as_str()?,
            expires: self.expires,
        })
    }

    /// The value of `Authorization` that pays this challenge. Holds the token: send it, and nothing
    /// else.
    #[must_use]
    pub fn authorization(&self, token: &PaymentToken, source: Option<&str>) -> Zeroizing<String> {
        let echoed = ECHOED.iter().filter_map(|name| {
            self.parameter(name).map(|value| ((*name).to_owned(), value.into()))
        });
        let mut payload = Map::from_iter([("spt".to_owned(), Value::from(token.expose()))]);
        if let Some(external_id) = self.request.get("externalId") {
            payload.insert("externalId".to_owned(), external_id.clone());
        }
        let mut credential = Map::new();
        credential.insert("challenge".to_owned(), Value::Object(echoed.collect()));
        credential.insert("payload".to_owned(), Value::Object(payload));
        if let Some(source) = source {
            credential.insert("source".to_owned(), source.into());
        }
        let json = Zeroizing::new(Value::Object(credential).to_string());
        Zeroizing::new(format!("Payment {}", URL_SAFE_NO_PAD.encode(json.as_bytes())))
    }
}

/// What a shared payment token must be made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StripeTerms<'a> {
    /// The price in the currency's smallest unit.
    pub amount_minor: u64,
    /// ISO 4217 in lower case.
    pub currency: &'a str,
    /// The business profile that receives.
    pub network_id: &'a str,
    /// The token need not outlive this.
    pub expires: Option<UnixMs>,
}

fn object(encoded: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&decode_lenient(encoded.as_bytes()).ok()?).ok()
}

impl fmt::Display for StripeTerms<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} to {}", self.amount_minor, self.currency, self.network_id)
    }
}
