//! From the fields `Authorization` to an [`UnverifiedCredential`]: sizes, base64, UTF-8, JSON,
//! shape. Says nothing about truth.
//!
//! | # | check | problem |
//! |---|---|---|
//! | 1 | one Payment credential in the whole request; none is no credential | `bad-request` |
//! | 2 | within 64 KiB; base64url, padded or not, or the standard alphabet; UTF-8; one JSON object without duplicate keys | `malformed-credential` |
//! | 3 | the members that the specification requires, with their types; unknown members are ignored | `malformed-credential` |

use std::fmt;

use zeroize::Zeroizing;

use crate::mpp::error::{MppError, Reason};
use crate::mpp::secrets::Slots;
use crate::mpp::stripe::decode::Payload;
use crate::mpp::{MAX_CREDENTIAL_BYTES, decode_lenient};
use crate::x402::json::Node;

/// The only scheme that we read.
const SCHEME: &str = "Payment";

/// What a client sent, well formed and nothing more. The echoed values are kept as they came: the
/// MAC covers their text.
pub struct UnverifiedCredential {
    pub(crate) id: String,
    realm: String,
    method: String,
    intent: String,
    request: String,
    expires: Option<String>,
    digest: Option<String>,
    header: Option<String>,
    opaque: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) payload: Payload,
}

impl UnverifiedCredential {
    /// What the challenge id must cover.
    pub(crate) fn slots(&self) -> Slots<'_> {
        Slots {
            realm: &self.realm,
            method: &self.method,
            intent: &self.intent,
            request: &self.request,
            expires: self.expires.as_deref().unwrap_or_default(),
            digest: self.digest.as_deref().unwrap_or_default(),
            header: self
                .header
                .as_deref()
                .filter(|name| !name.eq_ignore_ascii_case("authorization")),
            opaque: self.opaque.as_deref().unwrap_or_default(),
        }
    }
}

/// Shows nothing that pays.
impl fmt::Debug for UnverifiedCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedCredential").finish_non_exhaustive()
    }
}

/// Reads every field `Authorization` of one request. `None`: there is no Payment credential among
/// them, the request is unpaid. Other schemes beside it are left alone.
///
/// # Errors
/// The first check of the module's list that fails.
pub fn decode<'h>(
    fields: impl IntoIterator<Item = &'h [u8]>,
) -> Result<Option<UnverifiedCredential>, MppError> {
    let mut credentials =
        fields.into_iter().flat_map(|field| field.split(|b| *b == b',')).filter_map(payment);
    let Some(encoded) = credentials.next() else { return Ok(None) };
    if credentials.next().is_some() {
        return Err(MppError::new(
            Reason::SeveralCredentials,
            "Authorization",
            "one Payment credential",
            "several",
        ));
    }
    decode_token(encoded).map(Some)
}

/// What follows the scheme, when it is ours and something does. A comma is no character of base64
/// or of a Bearer token, so it always separates two credentials.
fn payment(credential: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = credential.trim_ascii_start().split_at_checked(SCHEME.len())?;
    let rest = rest.strip_prefix(b" ")?.trim_ascii();
    (scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) && !rest.is_empty()).then_some(rest)
}

fn decode_token(encoded: &[u8]) -> Result<UnverifiedCredential, MppError> {
    if encoded.len() > MAX_CREDENTIAL_BYTES {
        return Err(malformed(
            "credential",
            format_args!("at most {MAX_CREDENTIAL_BYTES} bytes"),
            encoded.len(),
        ));
    }
    let bytes = decode_lenient(encoded)
        .map_err(|_| malformed("credential", "base64url", "other characters"))?;
    let bytes = Zeroizing::new(bytes);
    let text =
        std::str::from_utf8(&bytes).map_err(|_| malformed("credential", "UTF-8", "other bytes"))?;
    // The parser's own words may repeat what the client wrote.
    let root = Node::parse(text).map_err(|error| {
        let got = format_args!(
            "no JSON, a repeated key or too deep a nesting at line {} column {}",
            error.line(),
            error.column()
        );
        malformed("credential", "one JSON object", got)
    })?;
    let Node::Object(_) = root else {
        return Err(malformed("credential", "a JSON object", root.kind()));
    };
    read(&root)
}

fn read(root: &Node<'_>) -> Result<UnverifiedCredential, MppError> {
    let challenge = object(root, "challenge", "challenge")?;
    let payload = object(root, "payload", "payload")?;
    let credential = UnverifiedCredential {
        id: required(challenge, "id", "challenge.id")?,
        realm: required(challenge, "realm", "challenge.realm")?,
        method: required(challenge, "method", "challenge.method")?,
        intent: required(challenge, "intent", "challenge.intent")?,
        request: required(challenge, "request", "challenge.request")?,
        expires: optional(challenge, "expires", "challenge.expires")?,
        digest: optional(challenge, "digest", "challenge.digest")?,
        header: optional(challenge, "header", "challenge.header")?,
        opaque: optional(challenge, "opaque", "challenge.opaque")?,
        source: optional(root, "source", "source")?,
        payload: Payload::read(payload),
    };
    if credential.id.is_empty() {
        return Err(malformed("challenge.id", "a text", "an empty one"));
    }
    Ok(credential)
}

// === members ===

fn object<'n, 'a>(
    node: &'n Node<'a>,
    key: &str,
    field: &'static str,
) -> Result<&'n Node<'a>, MppError> {
    match node.get(key) {
        Some(found @ Node::Object(_)) => Ok(found),
        found => Err(malformed(field, "an object", found.map_or("nothing", Node::kind))),
    }
}

fn required(node: &Node<'_>, key: &str, field: &'static str) -> Result<String, MppError> {
    optional(node, key, field)?.ok_or_else(|| malformed(field, "a string", "nothing"))
}

fn optional(node: &Node<'_>, key: &str, field: &'static str) -> Result<Option<String>, MppError> {
    match node.get(key) {
        None => Ok(None),
        Some(Node::Text(text)) => Ok(Some(text.clone().into_owned())),
        Some(other) => Err(malformed(field, "a string", other.kind())),
    }
}

fn malformed(field: &'static str, expected: impl fmt::Display, got: impl fmt::Display) -> MppError {
    MppError::new(Reason::MalformedCredential, field, expected, got)
}
