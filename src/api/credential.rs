//! Which credential a request carries. More than one is an error, because nobody could say which one was meant.

use http::{HeaderMap, header};
use payments::{challenge::Retry, mpp::agent_token::AgentToken};

use super::fault::Fault;
use crate::upstream::profile::{ApiKeys, Condition};

/// Longest `Idempotency-Key`.
const MAX_IDEMPOTENCY_KEY: usize = 255;

/// What a request proves itself by.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// Nothing.
    None,
    /// An x402 payment, under either header name.
    X402(Vec<u8>),
    /// A card credential: the whole `Authorization` value.
    Card(Vec<u8>),
    /// A card account's agent token.
    AgentToken(String),
    /// The upstream's own API key: the whole `Authorization` value.
    ApiKey(String),
}

/// Finds the one credential.
///
/// # Errors
/// 400 for more than one, for a header that is there twice, and for a scheme that is not taken here.
pub(super) fn find(headers: &HeaderMap, api_keys: &ApiKeys) -> Result<Credential, Fault> {
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
            return Err(several(2));
        }
        found.push(authorization(value, api_keys)?);
    }
    let beside = agent_token(headers)?;
    match (found.as_slice(), beside) {
        // Beside a card payment it names the account; alone it is the credential.
        ([Credential::Card(_)], _) | (_, None) => {}
        (_, Some(token)) => found.push(Credential::AgentToken(token)),
    }
    if found.len() > 1 {
        return Err(several(found.len()));
    }
    Ok(found.pop().unwrap_or(Credential::None))
}

fn several(count: usize) -> Fault {
    bad("a request carries one credential: X-PAYMENT, PAYMENT-SIGNATURE or Authorization; X-Agent-Token may stand beside a card payment")
        .reason("several_credentials")
        .field("headers", "one credential", &count.to_string())
}

/// The agent token in `X-Agent-Token`, if there is one.
///
/// # Errors
/// 400 when it is none, or there twice.
pub(super) fn agent_token(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    let mut values = headers.get_all("x-agent-token").iter();
    let Some(first) = values.next() else { return Ok(None) };
    let text = first.to_str().unwrap_or_default().trim();
    if !is_agent_token(text) || values.next().is_some() {
        return Err(bad("X-Agent-Token is one agent token").reason("invalid_agent_token").field(
            "X-Agent-Token",
            "tpk_..., once",
            "another text",
        ));
    }
    Ok(Some(text.to_owned()))
}

fn is_agent_token(text: &str) -> bool {
    AgentToken::parse(text).is_ok()
}

/// The client's `Idempotency-Key`, if it sent one.
///
/// # Errors
/// 400 when it is empty, too long, not printable, or there twice.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(first) = values.next() else { return Ok(None) };
    let text = first.to_str().unwrap_or_default();
    let fits = (1..=MAX_IDEMPOTENCY_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !fits || values.next().is_some() {
        return Err(bad("Idempotency-Key is one printable word of at most 255 characters").reason("invalid_idempotency_key").field(
            "Idempotency-Key",
            "1 to 255 printable characters, once",
            &format!("{} bytes", text.len()),
        ));
    }
    Ok(Some(text.to_owned()))
}

fn authorization(value: &str, api_keys: &ApiKeys) -> Result<Credential, Fault> {
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if scheme.eq_ignore_ascii_case("bearer") && api_keys.has(rest.trim()) {
        return Ok(Credential::ApiKey(value.to_owned()));
    }
    if scheme.eq_ignore_ascii_case("payment") || value.split(',').any(|part| is_payment(part.trim_start())) {
        return Ok(Credential::Card(value.as_bytes().to_vec()));
    }
    if scheme.eq_ignore_ascii_case("bearer") && is_agent_token(rest.trim()) {
        return Ok(Credential::AgentToken(rest.trim().to_owned()));
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        return Err(Fault::new(Condition::Unauthenticated, "no such API key or agent token")
            .reason("unknown_api_key")
            .retry(Retry::FixRequest));
    }
    let (among, kinds) = match api_keys.prefixes.first() {
        Some(prefix) => (format!(", an API key (Bearer {prefix}...)"), format!("Payment ..., Bearer tpk_... or Bearer {prefix}...")),
        None => (String::new(), String::from("Payment ... or Bearer tpk_...")),
    };
    Err(bad(&format!("Authorization is a card payment (Payment ...), an agent token (Bearer tpk_...){among} or left out"))
        .reason("unsupported_credential")
        .field("Authorization", &kinds, "another scheme"))
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

fn bad(message: &str) -> Fault {
    Fault::new(Condition::Validation, message).retry(Retry::FixRequest)
}
