//! The challenge of one answer: the terms of its route, an end, a nonce, and the MAC over all of
//! it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Offer;
use crate::mpp::digest::BodyDigest;
use crate::mpp::secrets::{ChallengeId, Secrets, Slots};
use crate::mpp::{INTENT, stripe::METHOD};
use crate::time::UnixMs;

/// The challenge of one answer.
#[derive(Debug, Clone)]
pub struct Challenge<'o> {
    offer: &'o Offer,
    id: ChallengeId,
    expires: String,
    digest: Option<BodyDigest>,
    opaque: String,
}

// === impl Offer ===

impl Offer {
    /// A new challenge. `nonce` is 16 fresh random bytes: without them two challenges of one second
    /// would be one. `digest` binds the body that was sent.
    #[must_use]
    pub fn challenge(
        &self,
        secrets: &Secrets,
        expires: UnixMs,
        digest: Option<&BodyDigest>,
        nonce: &[u8; 16],
    ) -> Challenge<'_> {
        let expires = expires.rfc3339_s();
        let opaque = self.opaque(nonce);
        let slots = Slots {
            realm: &self.realm,
            method: METHOD,
            intent: INTENT,
            request: &self.request_encoded,
            expires: &expires,
            digest: digest.map_or("", BodyDigest::as_str),
            header: None,
            opaque: &opaque,
        };
        let id = secrets.sign(&slots);
        Challenge { offer: self, id, expires, digest: digest.cloned(), opaque }
    }

    /// base64url of `{"n":"<32 hexadecimal digits>","r":"<route key>"}`.
    fn opaque(&self, nonce: &[u8; 16]) -> String {
        let mut digits = [0; 32];
        // 16 bytes always fill exactly 32 digits.
        let _ = hex::encode_to_slice(nonce, &mut digits);
        let mut json = Vec::with_capacity(38 + self.opaque_after_nonce.len());
        json.extend_from_slice(br#"{"n":""#);
        json.extend_from_slice(&digits);
        json.extend_from_slice(self.opaque_after_nonce.as_bytes());
        URL_SAFE_NO_PAD.encode(json)
    }
}

// === impl Challenge ===

impl Challenge<'_> {
    /// Its identity; `challengeId` in the body of the answer.
    #[must_use]
    pub const fn id(&self) -> ChallengeId {
        self.id
    }

    /// The value of one field `WWW-Authenticate`.
    #[must_use]
    pub fn header_value(&self) -> String {
        let mut value = String::with_capacity(self.offer.header_value_len());
        value.push_str(r#"Payment id=""#);
        self.id.push_to(&mut value);
        value.push_str(&self.offer.header_before_expires);
        value.push_str(&self.expires);
        if let Some(digest) = &self.digest {
            value.push_str(r#"", digest=""#);
            value.push_str(digest.as_str());
        }
        value.push_str(r#"", opaque=""#);
        value.push_str(&self.opaque);
        value.push('"');
        value
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::money::UsdCents;

    fn offer(cents: u64) -> Offer {
        Offer::new("a", "POST /launches", UsdCents::new(cents), "profile_test_x", &["card", "link"])
            .unwrap()
    }

    #[test]
    fn every_part_of_a_challenge_changes_its_id() {
        let secrets = Secrets::new(["gateway-vector-secret-0123456789abcdef"]).unwrap();
        let (offer, other) = (offer(60), offer(61));
        let (soon, digest) = (UnixMs::from_s(1_800_000_000), BodyDigest::of(b"{}"));
        let first = offer.challenge(&secrets, soon, None, &[0; 16]);
        let ids = [
            offer.challenge(&secrets, soon, None, &[1; 16]).id(),
            offer.challenge(&secrets, soon.plus_s(1), None, &[0; 16]).id(),
            offer.challenge(&secrets, soon, Some(&digest), &[0; 16]).id(),
            other.challenge(&secrets, soon, None, &[0; 16]).id(),
        ];
        assert!(ids.iter().all(|id| *id != first.id()));
        assert_eq!(
            offer.challenge(&secrets, soon, None, &[0; 16]).header_value(),
            first.header_value()
        );
        let longest = offer.challenge(&secrets, soon, Some(&digest), &[0xff; 16]).header_value();
        assert!(
            longest.len() <= offer.header_value_len()
                && longest.len() > offer.header_value_len() - 24,
            "{}",
            longest.len()
        );
    }
}
