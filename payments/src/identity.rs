//! How the gateway tells an upstream who is asking: five headers and one signature over them, the
//! target and the body.
//!
//! The forwarder signs and the embedded core verifies with the same function, so that the two
//! cannot drift apart. The canonical text is documented for other cores in
//! `contracts/launch-core.yaml`.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Header with the agent on whose behalf the gateway asks, for example `wallet:0x...`, `card:...`
/// or [`GATEWAY_AGENT`].
pub const AGENT_HEADER: &str = "x-turnpike-agent";
/// Header with the time of signing in whole unix seconds.
pub const TIMESTAMP_HEADER: &str = "x-turnpike-timestamp";
/// Header with the id of the request in the gateway's log; not part of the signature.
pub const REQUEST_ID_HEADER: &str = "x-turnpike-request-id";
/// Header with the signature as 64 lower-case hex digits.
pub const SIGNATURE_HEADER: &str = "x-turnpike-signature";
/// Header with the key that makes a creation happen at most once.
pub const IDEMPOTENCY_KEY_HEADER: &str = "idempotency-key";
/// The agent name under which the gateway asks for itself: look-ups by key and reconciliation.
pub const GATEWAY_AGENT: &str = "gateway";
/// How far the time of signing may lie from the verifier's clock, in seconds, either way.
pub const MAX_CLOCK_SKEW_S: u64 = 300;

/// Everything that the signature covers.
#[derive(Clone, Copy)]
pub struct SignedParts<'a> {
    /// Time of signing, unix seconds.
    pub timestamp_unix_s: i64,
    /// Method in upper case.
    pub method: &'a str,
    /// Path and query exactly as sent on the request line.
    pub path_and_query: &'a str,
    /// Value of [`AGENT_HEADER`].
    pub agent: &'a str,
    /// Value of [`IDEMPOTENCY_KEY_HEADER`]; empty when the request has none.
    pub idempotency_key: &'a str,
    /// The body's bytes as sent.
    pub body: &'a [u8],
}

/// Why a signed identity is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The time of signing is more than [`MAX_CLOCK_SKEW_S`] away from now.
    #[error("the identity was signed too long ago or in the future")]
    Stale,
    /// The signature is not the one of these parts.
    #[error("the identity signature does not match the request")]
    BadSignature,
}

/// Signs the parts: lower-case hex of HMAC-SHA256 over their canonical text.
#[must_use]
pub fn sign(secret: &[u8], parts: &SignedParts<'_>) -> String {
    hex::encode(mac(secret, parts))
}

/// Checks time first, then the signature in constant time.
///
/// # Errors
/// [`IdentityError::Stale`] or [`IdentityError::BadSignature`].
pub fn verify(
    secret: &[u8],
    parts: &SignedParts<'_>,
    signature_hex: &str,
    now_unix_s: i64,
) -> Result<(), IdentityError> {
    if parts.timestamp_unix_s.abs_diff(now_unix_s) > MAX_CLOCK_SKEW_S {
        return Err(IdentityError::Stale);
    }
    let mut given = [0_u8; 32];
    hex::decode_to_slice(signature_hex, &mut given).map_err(|_| IdentityError::BadSignature)?;
    if bool::from(mac(secret, parts).ct_eq(&given)) {
        Ok(())
    } else {
        Err(IdentityError::BadSignature)
    }
}

/// The text that is signed: version, time, method, target, agent, key and body hash, one a line.
fn canonical(parts: &SignedParts<'_>) -> String {
    format!(
        "v1\n{}\n{}\n{}\n{}\n{}\n{}",
        parts.timestamp_unix_s,
        parts.method,
        parts.path_and_query,
        parts.agent,
        parts.idempotency_key,
        hex::encode(Sha256::digest(parts.body)),
    )
}

fn mac(secret: &[u8], parts: &SignedParts<'_>) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC accepts a key of any length");
    mac.update(canonical(parts).as_bytes());
    mac.finalize().into_bytes().into()
}

impl fmt::Debug for SignedParts<'_> {
    /// Without the body, which may be private or large.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedParts")
            .field("timestamp_unix_s", &self.timestamp_unix_s)
            .field("method", &self.method)
            .field("path_and_query", &self.path_and_query)
            .field("agent", &self.agent)
            .field("idempotency_key", &self.idempotency_key)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SECRET: &[u8] = b"a secret of the gateway";

    fn parts() -> SignedParts<'static> {
        SignedParts {
            timestamp_unix_s: 1_800_000_000,
            method: "POST",
            path_and_query: "/launches?x=1",
            agent: "wallet:0x00000000000000000000000000000000000000aa",
            idempotency_key: "k1",
            body: b"{}",
        }
    }

    #[test]
    fn the_canonical_text_is_the_documented_one() {
        assert_eq!(
            canonical(&parts()),
            "v1\n1800000000\nPOST\n/launches?x=1\nwallet:0x00000000000000000000000000000000000000aa\nk1\n\
             44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
    }

    #[test]
    fn every_part_is_covered() {
        let good = sign(SECRET, &parts());
        let p = parts;
        let changed = [
            SignedParts { timestamp_unix_s: 1_800_000_001, ..p() },
            SignedParts { method: "PUT", ..p() },
            SignedParts { path_and_query: "/launches?x=2", ..p() },
            SignedParts { agent: "wallet:0x00000000000000000000000000000000000000ab", ..p() },
            SignedParts { idempotency_key: "", ..p() },
            SignedParts { body: b"{ }", ..p() },
        ];
        let now = 1_800_000_000;
        assert_eq!(verify(SECRET, &parts(), &good, now), Ok(()));
        for other in changed {
            assert_eq!(
                verify(SECRET, &other, &good, now),
                Err(IdentityError::BadSignature),
                "{other:?}"
            );
        }
        assert_eq!(verify(b"other", &parts(), &good, now), Err(IdentityError::BadSignature));
    }

    /// The vector of `contracts/launch-core.yaml`, computed with another implementation.
    #[test]
    fn the_published_vector_holds() {
        let parts = SignedParts { agent: "gateway", ..parts() };
        let published = include_str!("../../contracts/launch-core.yaml");
        let signature = sign(b"secret", &parts);
        assert_eq!(signature, "94630043b845cf2b3a441ba5f003d3d7483c8af9917bad6558de794338992d19");
        assert!(published.contains(&signature));
    }

    #[test]
    fn the_window_is_three_hundred_seconds_both_ways() {
        let good = sign(SECRET, &parts());
        for (now, wanted) in [
            (1_800_000_300, Ok(())),
            (1_799_999_700, Ok(())),
            (1_800_000_301, Err(IdentityError::Stale)),
            (1_799_999_699, Err(IdentityError::Stale)),
            (i64::MIN, Err(IdentityError::Stale)),
        ] {
            assert_eq!(verify(SECRET, &parts(), &good, now), wanted, "{now}");
        }
    }

    #[test]
    fn a_signature_that_is_not_hex_is_refused() {
        for bad in ["", "zz", "00", &"0".repeat(63), &"g".repeat(64)] {
            assert_eq!(
                verify(SECRET, &parts(), bad, 1_800_000_000),
                Err(IdentityError::BadSignature)
            );
        }
    }
}
