//! What must never be found in logs, books or upstream traffic: every credential that a test has
//! used.

use std::collections::BTreeSet;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// Shorter values are words, not secrets.
const SHORTEST: usize = 32;

/// The credentials of one test.
#[derive(Default)]
pub struct Secrets(Mutex<BTreeSet<String>>);

impl Secrets {
    /// A key or token of our own.
    pub fn add(&self, value: &str) {
        let value = value.trim_start_matches("0x");
        // A signature of nothing but zeros is an attack, not a secret, and every database file
        // holds zeros.
        let uniform = value.bytes().all(|byte| value.as_bytes().first() == Some(&byte));
        if value.len() >= SHORTEST && !uniform {
            self.0.lock().unwrap().insert(value.to_lowercase());
        }
    }

    /// A request header; of a payment also the signature inside.
    pub fn add_header(&self, name: &str, value: &str) {
        let name = name.to_lowercase();
        if !["x-payment", "payment-signature", "authorization", "x-agent-token"]
            .contains(&name.as_str())
        {
            return;
        }
        self.add(value);
        if let Some((_, bare)) = value.split_once(' ') {
            self.add_card(bare);
        }
        let decoded = STANDARD.decode(value).ok();
        let payload = decoded.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        if let Some(signature) = payload.as_ref().and_then(|p| p["payload"]["signature"].as_str()) {
            // Without the last byte: v may be written as 0 or 27.
            let digits = signature.trim_start_matches("0x");
            self.add(digits.get(..128).unwrap_or(digits));
        }
    }

    /// What follows the scheme in `Authorization`; of a card payment also the token inside.
    fn add_card(&self, bare: &str) {
        self.add(bare);
        let decoded = URL_SAFE_NO_PAD.decode(bare).ok();
        let credential = decoded.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        // However short it is.
        if let Some(token) = credential
            .as_ref()
            .and_then(|c| c["payload"]["spt"].as_str())
            .filter(|token| token.len() > "spt_".len())
        {
            self.0.lock().unwrap().insert(token.to_lowercase());
        }
    }

    /// The first credential that `bytes` hold as text, or as the raw bytes of its hex.
    pub fn found_in(&self, bytes: &[u8]) -> Option<String> {
        let lower = bytes.to_ascii_lowercase();
        let holds = |hay: &[u8], needle: &[u8]| memmem(hay, needle);
        let secrets = self.0.lock().unwrap();
        let leaked = secrets.iter().find(|secret| {
            let raw = hex::decode(secret).unwrap_or_default();
            holds(&lower, secret.as_bytes()) || (raw.len() >= SHORTEST && holds(bytes, &raw))
        });
        leaked.map(|secret| format!("{}...", &secret[..8])).or_else(|| card_secret_in(&lower))
    }
}

/// Whatever looks like a secret of the card rail, known or not. `lower` is in lower case.
fn card_secret_in(lower: &[u8]) -> Option<String> {
    const SHAPES: [(&str, usize); 5] =
        [("spt_", 16), ("tpk_", 43), ("whsec_", 16), ("sk_test_", 16), ("eyjjagfsbgvuz2ui", 16)];
    SHAPES
        .iter()
        .find(|(shape, rest)| shaped(lower, shape.as_bytes(), *rest))
        .map(|(shape, _)| format!("{shape}..."))
}

/// True if `prefix` stands there with so many word characters behind it.
fn shaped(hay: &[u8], prefix: &[u8], rest: usize) -> bool {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
    let whole = |at: usize| {
        hay.get(at + prefix.len()..at + prefix.len() + rest)
            .is_some_and(|rest| rest.iter().all(word))
    };
    hay.windows(prefix.len()).enumerate().any(|(at, window)| window == prefix && whole(at))
}

/// True if `needle` is part of `hay`.
fn memmem(hay: &[u8], needle: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else {
        return false;
    };
    let mut hay = hay;
    while let Some(at) = hay.iter().position(|byte| byte == first) {
        hay = &hay[at + 1..];
        if hay.starts_with(rest) {
            return true;
        }
    }
    false
}

#[test]
fn a_credential_is_found_as_text_and_as_bytes() {
    let secrets = Secrets::default();
    let (_, header) = super::proof::encode_v2(&serde_json::json!({
        "payload": {"signature": format!("0x{}", "ab".repeat(65))}
    }));
    secrets.add_header("PAYMENT-SIGNATURE", &header);
    secrets.add_header("content-type", &"z".repeat(64));
    assert!(secrets.found_in(format!("log: {header}").as_bytes()).is_some());
    assert!(secrets.found_in("AB".repeat(64).as_bytes()).is_some());
    assert!(secrets.found_in(&[0xab; 64]).is_some());
    assert!(secrets.found_in(&[0xab; 63]).is_none());
    assert!(secrets.found_in("z".repeat(80).as_bytes()).is_none());
}

#[test]
fn a_card_secret_is_found_by_its_shape_and_by_its_value() {
    let secrets = Secrets::default();
    assert!(secrets.found_in(b"payload.spt is spt_ and letters, tpk_...").is_none());
    assert!(secrets.found_in(b"x spt_0123456789abcdef y").is_some());
    assert!(secrets.found_in(format!("Bearer tpk_{}", "aB".repeat(22)).as_bytes()).is_some());
    let credential = super::card::Credential(
        serde_json::json!({"challenge": {}, "payload": {"spt": "spt_short"}}),
    );
    assert!(secrets.found_in(credential.authorization().as_bytes()).is_some());
    secrets.add_header("Authorization", &credential.authorization());
    assert!(secrets.found_in(b"spt_SHORT").is_some());
}
