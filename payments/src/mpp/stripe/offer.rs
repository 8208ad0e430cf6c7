//! What we offer a card: the terms of one route, prepared once, and the challenge of one answer.

mod challenge;

use serde_json::{Value, json};

use crate::money::UsdCents;
use crate::mpp::{INTENT, jcs, stripe::METHOD};
use crate::x402::json::quoted;

pub use challenge::Challenge;

/// Smallest charge of the card processor in US dollars.
pub const MIN_CHARGE: UsdCents = UsdCents::new(50);
/// Longest realm and longest route key, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// Why terms cannot be offered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// The realm has a character that would need an escape or end a slot of the MAC.
    #[error("a realm is 1 to {MAX_NAME_BYTES} printable ASCII characters without | \" \\")]
    Realm,
    /// The route key is empty, too long, or not printable ASCII.
    #[error("a route key is 1 to {MAX_NAME_BYTES} printable ASCII characters")]
    RouteKey,
    /// Every client refuses a challenge without it.
    #[error("the network id of the business profile is missing or not printable ASCII")]
    NetworkId,
    /// Clients refuse a challenge without them.
    #[error("at least one payment method type is needed, in lower-case letters, digits and _")]
    PaymentMethodTypes,
    /// The card processor would refuse the charge.
    #[error("{amount} USD is below the smallest charge of {MIN_CHARGE} USD")]
    BelowMinimum {
        /// The price.
        amount: UsdCents,
    },
    /// The terms have no canonical JSON.
    #[error(transparent)]
    NotCanonical(#[from] jcs::NotCanonical),
}

/// The terms of one route: pay this amount to this business profile. The same for every request, so
/// that it is written once.
#[derive(Debug, Clone)]
pub struct Offer {
    realm: String,
    amount: UsdCents,
    /// Members of `opaque` that a credential for this route must carry.
    pub(crate) binding: Vec<(String, String)>,
    /// What `request` says, and how it was sent.
    pub(crate) request: Value,
    request_encoded: String,
    opaque_after_nonce: String,
    header_before_expires: String,
    body_object: String,
}

// === impl Offer ===

impl Offer {
    /// The terms of the route named `route_key` (`POST /launches`). `realm` is the public host,
    /// never what a client calls us; `network_id` the business profile that receives
    /// (`profile_...`).
    ///
    /// # Errors
    /// [`OfferError`]; [`OfferError::BelowMinimum`] means that this route cannot be paid by card.
    pub fn new(
        realm: &str,
        route_key: &str,
        amount: UsdCents,
        network_id: &str,
        payment_method_types: &[&str],
    ) -> Result<Self, OfferError> {
        if !is_printable(route_key) {
            return Err(OfferError::RouteKey);
        }
        if !is_printable(network_id) {
            return Err(OfferError::NetworkId);
        }
        let is_type = |name: &&str| {
            !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if payment_method_types.is_empty() || !payment_method_types.iter().all(is_type) {
            return Err(OfferError::PaymentMethodTypes);
        }
        if amount < MIN_CHARGE {
            return Err(OfferError::BelowMinimum { amount });
        }
        let request = json!({
            "amount": amount.get().to_string(),
            "currency": "usd",
            "methodDetails": {"networkId": network_id, "paymentMethodTypes": payment_method_types},
        });
        Self::prepare(realm, amount, request, &[("r", route_key)])
    }

    /// Any terms, bound by any members of `opaque` or by none: what other implementations offer, to
    /// be judged by what they accept.
    ///
    /// # Errors
    /// [`OfferError::Realm`], [`OfferError::NotCanonical`].
    pub fn foreign(
        realm: &str,
        request: Value,
        binding: &[(&str, &str)],
    ) -> Result<Self, OfferError> {
        let cents =
            request["amount"].as_str().and_then(|amount| amount.parse().ok()).unwrap_or_default();
        Self::prepare(realm, UsdCents::new(cents), request, binding)
    }

    fn prepare(
        realm: &str,
        amount: UsdCents,
        request: Value,
        binding: &[(&str, &str)],
    ) -> Result<Self, OfferError> {
        if !is_printable(realm) || realm.contains(['|', '"', '\\']) {
            return Err(OfferError::Realm);
        }
        let request_encoded = jcs::encoded(&request)?;
        let route_key = binding.iter().find(|(name, _)| *name == "r").map_or("", |(_, key)| key);
        Ok(Self {
            realm: realm.to_owned(),
            amount,
            binding: binding
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            opaque_after_nonce: format!(r#"","r":{}}}"#, quoted(route_key)),
            header_before_expires: format!(
                r#"", realm="{realm}", method="{METHOD}", intent="{INTENT}", request="{request_encoded}", expires=""#
            ),
            body_object: format!(
                r#"{{"version":1,"method":"{METHOD}","intent":"{INTENT}","currency":"usd","amount_cents":{},"resource":{}}}"#,
                amount.get(),
                quoted(route_key),
            ),
            request,
            request_encoded,
        })
    }

    /// The protection space.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The price.
    #[must_use]
    pub const fn amount(&self) -> UsdCents {
        self.amount
    }

    /// The route that a credential must have been made for.
    #[must_use]
    pub fn route_key(&self) -> &str {
        self.binding.iter().find(|(name, _)| name == "r").map_or("", |(_, key)| key)
    }

    /// The terms as they are sent: base64url of canonical JSON.
    #[must_use]
    pub fn request_encoded(&self) -> &str {
        &self.request_encoded
    }

    /// The object `mpp` of the documented error body, for people.
    #[must_use]
    pub fn body_object(&self) -> &str {
        &self.body_object
    }

    /// Length of a [`header_value`](challenge::Challenge::header_value) of this offer in bytes,
    /// with a digest.
    #[must_use]
    pub fn header_value_len(&self) -> usize {
        let opaque = (r#"{"n":""#.len() + 32 + self.opaque_after_nonce.len()).div_ceil(3) * 4;
        self.header_before_expires.len() + opaque + 170
    }
}

fn is_printable(text: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(|b| (b' '..=b'~').contains(&b))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const CARDS: [&str; 2] = ["card", "link"];

    fn offer(realm: &str, cents: u64) -> Result<Offer, OfferError> {
        Offer::new(realm, "POST /launches", UsdCents::new(cents), "profile_test_x", &CARDS)
    }

    #[test]
    fn what_cannot_be_offered_is_refused_at_start() {
        for realm in ["", "a|b", "a\"b", "a\\b", "a\nb", "bücher.example", &"a".repeat(256)] {
            assert_eq!(offer(realm, 60).err(), Some(OfferError::Realm), "{realm:?}");
        }
        assert_eq!(
            offer("a", 49).err(),
            Some(OfferError::BelowMinimum { amount: UsdCents::new(49) })
        );
        assert_eq!(offer("a", 50).unwrap().amount(), MIN_CHARGE);
        let with = |route: &str, network: &str, types: &[&str]| {
            Offer::new("a", route, UsdCents::new(60), network, types).err()
        };
        assert_eq!(with("", "profile_x", &CARDS), Some(OfferError::RouteKey));
        assert_eq!(with("a", "", &CARDS), Some(OfferError::NetworkId));
        assert_eq!(with("a", "profile_x", &[]), Some(OfferError::PaymentMethodTypes));
        assert_eq!(with("a", "profile_x", &["Card"]), Some(OfferError::PaymentMethodTypes));
    }
}
