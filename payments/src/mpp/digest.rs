//! The body that a challenge is bound to.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// SHA-256 over the body's bytes as they arrived, after transfer decoding and before content
/// decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyDigest(String);

impl BodyDigest {
    /// Of one body.
    #[must_use]
    pub fn of(raw_body: &[u8]) -> Self {
        let mut text = String::with_capacity(52);
        text.push_str("sha-256=");
        STANDARD.encode_string(Sha256::digest(raw_body), &mut text);
        Self(text)
    }

    /// `sha-256=<base64>`, the form that every published client and server writes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an echoed digest names this body: the bare form, or `sha-256=:<base64>:` of RFC
    /// 9530.
    #[must_use]
    pub fn matches(&self, echoed: &str) -> bool {
        let ours = self.0.trim_start_matches("sha-256=");
        let byte_sequence = |text: &str| {
            text.strip_prefix(':').and_then(|text| text.strip_suffix(':')) == Some(ours)
        };
        echoed == self.0 || echoed.strip_prefix("sha-256=").is_some_and(byte_sequence)
    }
}
