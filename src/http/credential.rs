//! Which credential a request carries. More than one is an error, because nobody could say which
//! one was meant.

use http::{HeaderMap, header};
use payments::mpp::agent_token::AgentToken;

use super::error::RequestError;
use crate::{
    gateway::{Credential, IdempotencyKey},
    upstream::profile::ApiKeys,
};

/// Longest `Idempotency-Key`.
const MAX_IDEMPOTENCY_KEY: usize = 255;

/// What a request proves itself by, and the account that stands beside a card payment.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Presented {
    /// The one credential.
    pub credential: Credential,
    /// The agent token beside a card payment: it names the account.
    pub agent_token: Option<String>,
}

// === impl Presented ===

impl Presented {
    /// For routes that look at no credential.
    pub(super) const NOTHING: Self = Self { credential: Credential::None, agent_token: None };
}

/// Finds the one credential.
///
/// # Errors
/// 400 for more than one, for a header that is there twice, and for a scheme that is not taken
/// here.
pub(super) fn find(headers: &HeaderMap, api_keys: &ApiKeys) -> Result<Presented, RequestError> {
    let mut found = Vec::new();
    for name in ["x-payment", "payment-signature"] {
        for value in headers.get_all(name) {
            if !value.is_empty() {
                found.push(Credential::X402(value.as_bytes().to_vec()));
            }
        }
    }
    for value in headers.get_all(header::AUTHORIZATION) {
        let value = value.to_str().unwrap_or_default();
        if value.split(',').filter(|part| is_credential(part.trim_start())).count() > 1 {
            return Err(RequestError::SeveralCredentials { count: 2 });
        }
        found.push(authorization(value, api_keys)?);
    }
    let mut beside = agent_token(headers)?;
    // Beside a card payment it names the account; alone it is the credential.
    if !matches!(found.as_slice(), [Credential::Card(_)]) {
        found.extend(beside.take().map(Credential::AgentToken));
    }
    if found.len() > 1 {
        return Err(RequestError::SeveralCredentials { count: found.len() });
    }
    Ok(Presented { credential: found.pop().unwrap_or(Credential::None), agent_token: beside })
}

/// The agent token in `X-Agent-Token`, if there is one.
///
/// # Errors
/// 400 when it is none, or there twice.
fn agent_token(headers: &HeaderMap) -> Result<Option<String>, RequestError> {
    let mut values = headers.get_all("x-agent-token").iter();
    let Some(first) = values.next() else { return Ok(None) };
    let text = first.to_str().unwrap_or_default().trim();
    if !is_agent_token(text) || values.next().is_some() {
        return Err(RequestError::InvalidAgentToken);
    }
    Ok(Some(text.to_owned()))
}

fn is_agent_token(text: &str) -> bool {
    AgentToken::parse(text).is_ok()
}

/// The client's `Idempotency-Key`: 1 to 255 printable characters, once.
pub(super) fn idempotency_key(headers: &HeaderMap) -> IdempotencyKey {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(first) = values.next() else { return IdempotencyKey::Absent };
    let text = first.to_str().unwrap_or_default();
    let fits = (1..=MAX_IDEMPOTENCY_KEY).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !fits || values.next().is_some() {
        return IdempotencyKey::Malformed { bytes: text.len() };
    }
    IdempotencyKey::Sent(text.to_owned())
}

fn authorization(value: &str, api_keys: &ApiKeys) -> Result<Credential, RequestError> {
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if scheme.eq_ignore_ascii_case("bearer") && api_keys.has(rest.trim()) {
        return Ok(Credential::ApiKey(value.to_owned()));
    }
    if scheme.eq_ignore_ascii_case("payment")
        || value.split(',').any(|part| is_payment(part.trim_start()))
    {
        return Ok(Credential::Card(value.as_bytes().to_vec()));
    }
    if scheme.eq_ignore_ascii_case("bearer") && is_agent_token(rest.trim()) {
        return Ok(Credential::AgentToken(rest.trim().to_owned()));
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        return Err(RequestError::UnknownApiKey);
    }
    Err(RequestError::UnsupportedScheme { api_key_prefix: api_keys.prefixes.first().cloned() })
}

/// A field may join a payment with what is no credential here, and clients do.
fn is_payment(part: &str) -> bool {
    has_scheme(part, "payment")
}

/// Whether an element of a field is of a scheme that somebody is known by.
fn is_credential(part: &str) -> bool {
    is_payment(part) || has_scheme(part, "bearer")
}

fn has_scheme(part: &str, name: &str) -> bool {
    part.split_once(' ').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case(name))
}
