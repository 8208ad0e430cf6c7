//! The MPP vectors, and what their placeholders stand for.
#![allow(dead_code, clippy::unwrap_used)]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use payments::money::UsdCents;
use payments::mpp::client;
use payments::mpp::decode::{self, UnverifiedCredential};
use payments::mpp::error::MppError;
use payments::mpp::secrets::Secrets;
use payments::mpp::stripe::offer::Offer;
use payments::mpp::stripe::token::PaymentToken;
use payments::time::UnixMs;
use serde_json::Value;

pub const SECRET: &str = "gateway-vector-secret-0123456789abcdef";
pub const REALM: &str = "api.dropspace.test";
/// Between the two expiries of the vectors.
pub const NOW: UnixMs = UnixMs::from_s(1_900_000_000);

pub fn load() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/mpp.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub fn list<'v>(value: &'v Value, key: &str) -> &'v Vec<Value> {
    value[key].as_array().unwrap_or_else(|| panic!("no list {key}"))
}

/// A literal text, or one that the vectors describe because it is long.
pub fn expand(value: &Value) -> String {
    let part = |name: &str| value[name].as_str().unwrap_or_default();
    let repeated = || {
        part("repeat").repeat(usize::try_from(value["count"].as_u64().unwrap_or_default()).unwrap())
    };
    match value {
        Value::String(text) => text.clone(),
        described => {
            let inner = described
                .get("base64url_of")
                .map(|inner| URL_SAFE_NO_PAD.encode(expand(inner)))
                .unwrap_or_default();
            format!("{}{inner}{}{}", part("prefix"), repeated(), part("suffix"))
        }
    }
}

/// The value of `Authorization` of one verification case.
pub fn credential(case: &Value) -> String {
    match case.get("authorization") {
        Some(json) => {
            format!("Payment {}", URL_SAFE_NO_PAD.encode(json.to_string().replace("@@", "v1")))
        }
        None => expand(&case["authorization_raw"]),
    }
}

pub fn decode(authorization: &str) -> Result<Option<UnverifiedCredential>, MppError> {
    decode::decode([authorization.as_bytes()])
}

/// The JSON inside base64url.
pub fn decoded(encoded: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
}

/// A member of the challenge that a credential echoes.
pub fn echoed(authorization: &str, member: &str) -> String {
    decoded(authorization.strip_prefix("Payment ").unwrap())["challenge"][member]
        .as_str()
        .unwrap()
        .to_owned()
}

pub fn launch_offer() -> Offer {
    Offer::new(
        REALM,
        "POST /launches",
        UsdCents::new(60),
        "profile_test_dropspace",
        &["card", "link"],
    )
    .unwrap()
}

pub fn challenge(offer: &Offer, secrets: &Secrets, nonce: [u8; 16]) -> String {
    offer.challenge(secrets, NOW.plus_s(2100), None, &nonce).header_value()
}

/// What our own client answers a challenge with.
pub fn pay(www_authenticate: &str, token: &str) -> String {
    let challenges = client::challenges(www_authenticate);
    let [Ok(challenge)] = &challenges[..] else { panic!("{challenges:?}") };
    challenge.authorization(&PaymentToken::parse(token).unwrap(), None).to_string()
}
