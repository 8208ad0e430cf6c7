//! The identity of one request: a proof is bound to it, so that the same proof with another request
//! is refused.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// SHA-256 over method, canonical path, raw query and the body's SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of one request as it arrived. `path` may carry the prefix `/v1` or not: both name one route.
    /// An absent query is the empty one. Every part is preceded by its length, so no two requests
    /// can share a text.
    #[must_use]
    pub fn of(method: &str, path: &str, raw_query: &str, raw_body: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        for part in [
            b"turnpike request 1",
            method.as_bytes(),
            canonical_path(path).as_bytes(),
            raw_query.as_bytes(),
        ] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hasher.update(Sha256::digest(raw_body));
        Self(hasher.finalize().into())
    }

    /// From bytes that the books kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Lower-case hexadecimal.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The path without the version prefix: `/v1/launches` and `/launches` are one route.
#[must_use]
pub fn canonical_path(path: &str) -> &str {
    match path.strip_prefix("/v1") {
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_version_prefix_may_differ() {
        let one = Fingerprint::of("POST", "/launches", "a=1", b"{}");
        assert_eq!(one, Fingerprint::of("POST", "/v1/launches", "a=1", b"{}"));
        for other in [
            Fingerprint::of("PUT", "/launches", "a=1", b"{}"),
            Fingerprint::of("POST", "/launches/", "a=1", b"{}"),
            Fingerprint::of("POST", "/v2/launches", "a=1", b"{}"),
            Fingerprint::of("POST", "/launches", "a=2", b"{}"),
            Fingerprint::of("POST", "/launches", "a=1", b"{} "),
            Fingerprint::of("POST", "/launchesa=1", "", b"{}"),
        ] {
            assert_ne!(one, other);
        }
        assert_eq!(one.to_string().len(), 64);
    }

    #[test]
    fn v1_is_stripped_only_as_a_whole_segment() {
        assert_eq!(canonical_path("/v1/launches"), "/launches");
        assert_eq!(canonical_path("/v1launches"), "/v1launches");
        assert_eq!(canonical_path("/v1"), "/v1");
    }
}
