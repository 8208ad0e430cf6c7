//! Members of untrusted JSON by name and type; each refusal names the member.

use std::fmt;

use alloy_primitives::U256;

use crate::agent::Wallet;
use crate::error::{ProofError, Reason};
use crate::x402::json::Node;

pub(super) fn member<'n, 'a>(
    node: &'n Node<'a>,
    key: &str,
    field: &'static str,
    expected: &str,
) -> Result<&'n Node<'a>, ProofError> {
    node.get(key).ok_or_else(|| malformed(field, expected, "nothing"))
}

pub(super) fn object<'n, 'a>(
    node: &'n Node<'a>,
    key: &str,
    field: &'static str,
) -> Result<&'n Node<'a>, ProofError> {
    match member(node, key, field, "an object")? {
        found @ Node::Object(_) => Ok(found),
        other => Err(malformed(field, "an object", other.kind())),
    }
}

pub(super) fn text<'n>(
    node: &'n Node<'_>,
    key: &str,
    field: &'static str,
) -> Result<&'n str, ProofError> {
    match member(node, key, field, "a string")? {
        Node::Text(found) => Ok(found),
        other => Err(malformed(field, "a string", other.kind())),
    }
}

pub(super) fn address(
    node: &Node<'_>,
    key: &str,
    field: &'static str,
) -> Result<Wallet, ProofError> {
    let found = text(node, key, field)?;
    Wallet::parse_any_case(found).map_err(|error| malformed(field, error, found))
}

/// A string of decimal digits without leading zeros, at most 2^256 - 1. JavaScript would read
/// hexadecimal here, and a number could lose digits: both are refused.
pub(super) fn uint256(node: &Node<'_>, key: &str, field: &'static str) -> Result<U256, ProofError> {
    const EXPECTED: &str = "a string of decimal digits, at most 2^256-1";
    let found = text(node, key, field)?;
    let digits = !found.is_empty() && found.bytes().all(|b| b.is_ascii_digit());
    if !digits || (found.len() > 1 && found.starts_with('0')) {
        return Err(malformed(field, EXPECTED, found));
    }
    if let Ok(small) = found.parse::<u64>() {
        return Ok(U256::from(small));
    }
    U256::from_str_radix(found, 10).map_err(|_| malformed(field, EXPECTED, found))
}

pub(super) fn malformed(
    field: &'static str,
    expected: impl fmt::Display,
    got: impl fmt::Display,
) -> ProofError {
    ProofError::new(Reason::InvalidPayload, field, expected.to_string(), got)
}
