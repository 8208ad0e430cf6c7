//! A shared payment token: the money of one card payment, in a text.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Longest part after `spt_`.
const MAX_REST_CHARS: usize = 200;

/// A shared payment token of the card processor, `spt_` and 1 to 200 letters, digits and `_`: it
/// goes into a form and a path. Wiped when dropped, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PaymentToken(Zeroizing<String>);

/// What stands for a token in tables and logs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash([u8; 32]);

/// The text is not `spt_` and 1 to 200 letters, digits and `_`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a shared payment token is spt_ and 1 to 200 letters, digits and _")]
pub struct NotAToken;

impl PaymentToken {
    /// Reads a token.
    ///
    /// # Errors
    /// [`NotAToken`].
    pub fn parse(text: &str) -> Result<Self, NotAToken> {
        let rest = text.strip_prefix("spt_").ok_or(NotAToken)?;
        let plain = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if plain && (1..=MAX_REST_CHARS).contains(&rest.len()) {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(NotAToken)
        }
    }

    /// The token itself, for the one place that sends it and for the seal.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What may be kept of it.
    #[must_use]
    pub fn sha256(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for PaymentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PaymentToken(..)")
    }
}

impl TokenHash {
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
impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({self})")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_fits_a_form_and_is_never_shown() {
        let token = PaymentToken::parse("spt_1Q_z").unwrap();
        assert_eq!(
            (token.expose(), format!("{token:?}").as_str()),
            ("spt_1Q_z", "PaymentToken(..)")
        );
        assert!(PaymentToken::parse(&format!("spt_{}", "a".repeat(200))).is_ok());
        for wrong in [
            "",
            "spt_",
            "spt_a&b=1",
            "spt_a-b",
            "spt_ä",
            "SPT_a",
            " spt_a",
            "spt_a\n",
            &format!("spt_{}", "a".repeat(201)),
        ] {
            assert_eq!(PaymentToken::parse(wrong), Err(NotAToken), "{wrong:?}");
        }
        assert_eq!(token.sha256().to_string(), hex::encode(Sha256::digest(b"spt_1Q_z")));
    }
}
