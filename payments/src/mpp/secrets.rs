//! The MAC that makes a challenge ours: HMAC-SHA256 over seven slots, in the text that went over
//! the wire. A challenge that comes back proves by itself that we made it, without a table.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Shortest secret, in bytes.
pub const MIN_SECRET_BYTES: usize = 32;
/// Characters of a MAC in base64url without padding.
const MAC_CHARS: usize = 43;

type HmacSha256 = Hmac<Sha256>;

/// Why secrets cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is none.
    #[error("at least one secret is needed")]
    Missing,
    /// One is too short to be one.
    #[error("the secret number {number} has {bytes} bytes, at least {MIN_SECRET_BYTES} are needed")]
    TooShort {
        /// Its place, counted from 1.
        number: usize,
        /// Its length.
        bytes: usize,
    },
}

/// Keyed MAC states. The first makes, all verify: put a new secret in front, and take the old one
/// away once all that it signed has expired.
#[derive(Clone)]
pub(crate) struct Keys {
    first: HmacSha256,
    older: Vec<HmacSha256>,
}

impl Keys {
    /// The secrets' own bytes are the keys; no hexadecimal or base64 is decoded.
    pub(crate) fn new<S: AsRef<str>>(
        secrets: impl IntoIterator<Item = S>,
    ) -> Result<Self, SecretError> {
        let mut keys = Vec::with_capacity(2);
        for (i, secret) in secrets.into_iter().enumerate() {
            let (number, bytes) = (i + 1, secret.as_ref().len());
            if bytes < MIN_SECRET_BYTES {
                return Err(SecretError::TooShort { number, bytes });
            }
            let key = HmacSha256::new_from_slice(secret.as_ref().as_bytes());
            keys.push(key.map_err(|_| SecretError::TooShort { number, bytes })?);
        }
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(SecretError::Missing)?;
        Ok(Self { first, older: keys.collect() })
    }

    /// The MAC that is made now.
    pub(crate) fn mac(&self, feed: impl Fn(&mut dyn FnMut(&[u8]))) -> [u8; 32] {
        mac(&self.first, &feed)
    }

    /// Every MAC that counts, the first key's first.
    pub(crate) fn macs(
        &self,
        feed: impl Fn(&mut dyn FnMut(&[u8])),
    ) -> impl Iterator<Item = [u8; 32]> {
        std::iter::once(&self.first).chain(&self.older).map(move |key| mac(key, &feed))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.older.len() + 1
    }
}

fn mac(key: &HmacSha256, feed: &impl Fn(&mut dyn FnMut(&[u8]))) -> [u8; 32] {
    let mut mac = key.clone();
    feed(&mut |part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// Every part is preceded by its length, so no two lists can share a text.
pub(crate) fn push_parts(push: &mut dyn FnMut(&[u8]), parts: &[&str]) {
    for part in parts {
        push(&(part.len() as u64).to_be_bytes());
        push(part.as_bytes());
    }
}

/// The secrets behind our challenges. The first signs, all verify.
#[derive(Clone)]
pub struct Secrets(Keys);

/// The values that a challenge id covers, as text on the wire: `request` and `opaque` in base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slots<'a> {
    /// The protection space.
    pub realm: &'a str,
    /// The payment method.
    pub method: &'a str,
    /// The intent.
    pub intent: &'a str,
    /// The terms.
    pub request: &'a str,
    /// The end of the challenge; absent is the empty text.
    pub expires: &'a str,
    /// The body's digest; absent is the empty text.
    pub digest: &'a str,
    /// An extension of the published implementations: the header that carries the credential, when
    /// it is another one than `Authorization`. Then it is a slot of its own.
    pub header: Option<&'a str>,
    /// What the client returns untouched; absent is the empty text.
    pub opaque: &'a str,
}

/// The identity of one challenge: a MAC that we computed, never the text of a header, which has
/// many spellings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChallengeId(pub [u8; 32]);

/// The text is not 43 characters of canonical base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a challenge id is 43 characters of base64url")]
pub struct NotAChallengeId;

// === impl Secrets ===

impl Secrets {
    /// Secrets of at least [`MIN_SECRET_BYTES`] each, as text.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) -> Result<Self, SecretError> {
        Keys::new(secrets).map(Self)
    }

    /// The id of a new challenge.
    #[must_use]
    pub fn sign(&self, slots: &Slots<'_>) -> ChallengeId {
        ChallengeId(self.0.mac(|push| slots.feed(push)))
    }

    /// The recomputed id, when one of the secrets made `presented` for these values. The texts are
    /// compared, in constant time: 43 characters carry two spare bits, and a decoder that ignores
    /// them gives one MAC four names.
    #[must_use]
    pub fn verify(&self, slots: &Slots<'_>, presented: &str) -> Option<ChallengeId> {
        let mut ids = self.0.macs(|push| slots.feed(push)).map(ChallengeId);
        ids.find(|id| bool::from(id.encoded().as_slice().ct_eq(presented.as_bytes())))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} of them)", self.0.len())
    }
}

// === impl Slots ===

impl Slots<'_> {
    fn feed(&self, push: &mut dyn FnMut(&[u8])) {
        for slot in [self.realm, self.method, self.intent, self.request, self.expires, self.digest]
        {
            push(slot.as_bytes());
            push(b"|");
        }
        if let Some(header) = self.header {
            push(header.as_bytes());
            push(b"|");
        }
        push(self.opaque.as_bytes());
    }
}

// === impl ChallengeId ===

impl ChallengeId {
    fn encoded(&self) -> [u8; MAC_CHARS] {
        let mut text = [0; MAC_CHARS];
        // 32 bytes always fill exactly 43 characters.
        let _ = URL_SAFE_NO_PAD.encode_slice(self.0, &mut text);
        text
    }

    /// Appends the 43 characters.
    pub(crate) fn push_to(&self, out: &mut String) {
        URL_SAFE_NO_PAD.encode_string(self.0, out);
    }
}

/// The 43 characters on the wire.
impl fmt::Display for ChallengeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.encoded()).unwrap_or_default())
    }
}

impl fmt::Debug for ChallengeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChallengeId({self})")
    }
}

/// Reads what the books kept: the canonical text and nothing else.
impl FromStr for ChallengeId {
    type Err = NotAChallengeId;

    fn from_str(text: &str) -> Result<Self, NotAChallengeId> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotAChallengeId)?;
        bytes.try_into().map(Self).map_err(|_| NotAChallengeId)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const OLD: &str = "gateway-vector-secret-0123456789abcdef";
    const NEW: &str = "rotated-vector-secret-0123456789abcdef";

    #[test]
    fn the_first_secret_signs_and_all_verify() {
        let slots = Slots {
            realm: "a",
            method: "stripe",
            intent: "charge",
            request: "e30",
            ..Slots::default()
        };
        let (old, both) = (Secrets::new([OLD]).unwrap(), Secrets::new([NEW, OLD]).unwrap());
        let id = old.sign(&slots);
        assert_eq!(both.verify(&slots, &id.to_string()), Some(id));
        assert_ne!(both.sign(&slots), id);
        assert_eq!(Secrets::new([NEW]).unwrap().verify(&slots, &id.to_string()), None);
        for presented in ["", &format!("{id}="), &id.to_string()[..42], &format!("{id} ")] {
            assert_eq!(both.verify(&slots, presented), None, "{presented:?}");
        }
    }

    #[test]
    fn secrets_are_long_and_never_shown() {
        assert_eq!(Secrets::new([""; 0]).err(), Some(SecretError::Missing));
        assert_eq!(
            Secrets::new([OLD, &OLD[..31]]).err(),
            Some(SecretError::TooShort { number: 2, bytes: 31 })
        );
        assert_eq!(format!("{:?}", Secrets::new([OLD, NEW]).unwrap()), "Secrets(2 of them)");
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = ChallengeId([7; 32]);
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        let spare = format!("{}d", &text[..42]);
        for wrong in ["", &spare, &text[..42], &format!("{text}=")] {
            assert_eq!(wrong.parse::<ChallengeId>(), Err(NotAChallengeId), "{wrong:?}");
        }
    }
}
