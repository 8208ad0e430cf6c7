//! From header text to an [`UnverifiedPayment`]: sizes, base64, UTF-8, JSON, version, shape. Says
//! nothing about truth.
//!
//! | # | check | reason |
//! |---|---|---|
//! | 1 | header within 16 KiB, decoded within 12 KiB | `payment_header_too_large` |
//! | 2 | base64 in either alphabet, padded or not; UTF-8; one JSON object without duplicate keys, depth within 16 | `invalid_payload` |
//! | 3 | `x402Version` is the number 1 or 2 | `invalid_x402_version` |
//! | 4 | the scheme data is EIP-3009, not Permit2 or ERC-7710 | `unsupported_payload_type` |
//! | 5 | required members have their types; unknown members are ignored | `invalid_payload` |
//! | 6 | v2: the extension `payment-identifier` carries a well-formed identifier or none | `invalid_payment_identifier` |

mod members;

use std::fmt;

use alloy_primitives::U256;
use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::agent::Wallet;
use crate::error::{ProofError, Reason};
use crate::x402::json::Node;
use crate::x402::{X402Version, identifier};

use members::{address, malformed, member, object, text, uint256};

/// Longest payment header, in bytes of its text.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Longest JSON inside it, in bytes.
pub const MAX_DECODED_BYTES: usize = 12 * 1024;

const STANDARD_ENGINE: GeneralPurpose = engine(&STANDARD);
const URL_SAFE_ENGINE: GeneralPurpose = engine(&URL_SAFE);

/// What a client sent, well formed and nothing more. Only [`crate::x402::verify::verify`] makes a
/// proof of it.
pub struct UnverifiedPayment {
    pub(crate) version: X402Version,
    pub(crate) terms: Terms,
    pub(crate) from: Wallet,
    pub(crate) to: Wallet,
    pub(crate) value: U256,
    pub(crate) valid_after: U256,
    pub(crate) valid_before: U256,
    pub(crate) nonce: [u8; 32],
    pub(crate) signature: Vec<u8>,
    pub(crate) identifier: Option<String>,
}

impl UnverifiedPayment {
    /// The version inside the payment, whatever header carried it.
    #[must_use]
    pub const fn version(&self) -> X402Version {
        self.version
    }

    /// The client's own name for this piece of work, if it sent one. Not signed: whoever holds the
    /// payment may change it.
    #[must_use]
    pub fn payment_identifier(&self) -> Option<&str> {
        self.identifier.as_deref()
    }

    /// The wallet that the client names. A claim, not an identity.
    #[must_use]
    pub const fn claimed_from(&self) -> &Wallet {
        &self.from
    }
}

/// Shows no signature and no nonce: together they are the money.
impl fmt::Debug for UnverifiedPayment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedPayment")
            .field("version", &self.version)
            .field("claimed_from", &self.from)
            .finish_non_exhaustive()
    }
}

/// What the client says it pays for, to be compared with what we offer and then forgotten.
pub(crate) enum Terms {
    V1 { scheme: String, network: String },
    V2(Accepted),
}

/// The echoed element of `accepts`.
pub(crate) struct Accepted {
    pub scheme: String,
    pub network: String,
    pub amount: U256,
    pub asset: String,
    pub pay_to: String,
    pub max_timeout_s: u64,
    pub transfer_method: Option<String>,
}

/// Reads the value of `X-PAYMENT` or `PAYMENT-SIGNATURE`. An empty value is `None`: the request is
/// unpaid.
///
/// # Errors
/// The first check of the module's list that fails.
pub fn decode(header_value: &[u8]) -> Result<Option<UnverifiedPayment>, ProofError> {
    let header_value = header_value.trim_ascii();
    if header_value.is_empty() {
        return Ok(None);
    }
    let bytes = decode_base64(header_value)?;
    let text =
        std::str::from_utf8(&bytes).map_err(|_| malformed("payment", "UTF-8", "other bytes"))?;
    let root = Node::parse(text).map_err(|error| malformed("payment", "one JSON object", error))?;
    if !matches!(root, Node::Object(_)) {
        return Err(malformed("payment", "a JSON object", root.kind()));
    }
    let version = version(&root)?;
    let payload = object(&root, "payload", "payload")?;
    let authorization = authorization(payload)?;
    Ok(Some(UnverifiedPayment {
        version,
        terms: terms(&root, version)?,
        from: address(authorization, "from", "payload.authorization.from")?,
        to: address(authorization, "to", "payload.authorization.to")?,
        value: uint256(authorization, "value", "payload.authorization.value")?,
        valid_after: uint256(authorization, "validAfter", "payload.authorization.validAfter")?,
        valid_before: uint256(authorization, "validBefore", "payload.authorization.validBefore")?,
        nonce: nonce(authorization)?,
        signature: signature(payload)?,
        identifier: if version == X402Version::V2 { identifier::read(&root)? } else { None },
    }))
}

const fn engine(alphabet: &Alphabet) -> GeneralPurpose {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config)
}

fn decode_base64(header_value: &[u8]) -> Result<Vec<u8>, ProofError> {
    let too_large = |max: usize, got: usize| {
        ProofError::new(Reason::HeaderTooLarge, "payment", format!("at most {max} bytes"), got)
    };
    if header_value.len() > MAX_HEADER_BYTES {
        return Err(too_large(MAX_HEADER_BYTES, header_value.len()));
    }
    let url_safe = header_value.iter().any(|b| matches!(b, b'-' | b'_'));
    let engine = if url_safe { &URL_SAFE_ENGINE } else { &STANDARD_ENGINE };
    let bytes =
        engine.decode(header_value).map_err(|error| malformed("payment", "base64", error))?;
    if bytes.len() > MAX_DECODED_BYTES {
        return Err(too_large(MAX_DECODED_BYTES, bytes.len()));
    }
    Ok(bytes)
}

fn version(root: &Node<'_>) -> Result<X402Version, ProofError> {
    let wrong = |got: &dyn fmt::Display| {
        ProofError::new(Reason::InvalidX402Version, "x402Version", "the number 1 or 2", got)
    };
    match root.get("x402Version") {
        Some(Node::Unsigned(1)) => Ok(X402Version::V1),
        Some(Node::Unsigned(2)) => Ok(X402Version::V2),
        Some(Node::Unsigned(other)) => Err(wrong(other)),
        Some(other) => Err(wrong(&other.kind())),
        None => Err(wrong(&"nothing")),
    }
}

fn authorization<'n, 'a>(payload: &'n Node<'a>) -> Result<&'n Node<'a>, ProofError> {
    const FIELD: &str = "payload.authorization";
    if payload.get("authorization").is_none() {
        for other in ["permit2Authorization", "delegationManager"] {
            if payload.get(other).is_some() {
                return Err(ProofError::new(
                    Reason::UnsupportedPayloadType,
                    FIELD,
                    "an EIP-3009 authorization",
                    other,
                ));
            }
        }
    }
    object(payload, "authorization", FIELD)
}

fn terms(root: &Node<'_>, version: X402Version) -> Result<Terms, ProofError> {
    if version == X402Version::V1 {
        let scheme = text(root, "scheme", "scheme")?.to_owned();
        return Ok(Terms::V1 { scheme, network: text(root, "network", "network")?.to_owned() });
    }
    let accepted = object(root, "accepted", "accepted")?;
    let transfer_method = match accepted
        .get("extra")
        .and_then(|extra| extra.get("assetTransferMethod"))
    {
        None => None,
        Some(Node::Text(method)) => Some(method.clone().into_owned()),
        Some(other) => {
            return Err(malformed("accepted.extra.assetTransferMethod", "a string", other.kind()));
        }
    };
    Ok(Terms::V2(Accepted {
        scheme: text(accepted, "scheme", "accepted.scheme")?.to_owned(),
        network: text(accepted, "network", "accepted.network")?.to_owned(),
        amount: uint256(accepted, "amount", "accepted.amount")?,
        asset: text(accepted, "asset", "accepted.asset")?.to_owned(),
        pay_to: text(accepted, "payTo", "accepted.payTo")?.to_owned(),
        max_timeout_s: match member(
            accepted,
            "maxTimeoutSeconds",
            "accepted.maxTimeoutSeconds",
            "a number",
        )? {
            Node::Unsigned(seconds) => *seconds,
            other => {
                return Err(malformed(
                    "accepted.maxTimeoutSeconds",
                    "a whole number",
                    other.kind(),
                ));
            }
        },
        transfer_method,
    }))
}

fn nonce(authorization: &Node<'_>) -> Result<[u8; 32], ProofError> {
    const FIELD: &str = "payload.authorization.nonce";
    let found = text(authorization, "nonce", FIELD)?;
    let mut nonce = [0; 32];
    let decoded =
        found.strip_prefix("0x").and_then(|digits| hex::decode_to_slice(digits, &mut nonce).ok());
    decoded.map(|()| nonce).ok_or_else(|| {
        malformed(
            FIELD,
            "0x and 64 hexadecimal digits",
            format_args!("{} other characters", found.len()),
        )
    })
}

fn signature(payload: &Node<'_>) -> Result<Vec<u8>, ProofError> {
    const FIELD: &str = "payload.signature";
    let found = text(payload, "signature", FIELD)?;
    let decoded = found.strip_prefix("0x").and_then(|digits| hex::decode(digits).ok());
    decoded.ok_or_else(|| {
        malformed(
            FIELD,
            "0x and hexadecimal digits",
            format_args!("{} other characters", found.len()),
        )
    })
}
