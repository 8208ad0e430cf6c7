//! The shared vectors, read once per test, and offers built from what they contain.
#![allow(dead_code)]

use std::sync::LazyLock;

use payments::agent::Wallet;
use payments::error::ProofError;
use payments::money::UsdcUnits;
use payments::x402::payload;
use payments::x402::requirements::{Requirements, Token};
use payments::x402::verify::{Offers, VerifiedTransfer, verify};
use serde_json::Value;

pub fn load() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/x402.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("no text {key} in {value}"))
}

pub fn bytes32(hex_text: &str) -> [u8; 32] {
    hex::decode(hex_text.strip_prefix("0x").unwrap()).unwrap().try_into().unwrap()
}

/// The chain id behind either kind of network name, as the vectors list them.
pub fn chain_id(vectors: &Value, network: &str) -> u64 {
    let networks = vectors["networks"].as_object().unwrap();
    let (_, found) = networks.iter().find(|(caip2, n)| *caip2 == network || n["v1"] == network).unwrap();
    found["chainId"].as_u64().unwrap()
}

/// The offer behind a `requirements` object of either version.
pub fn requirements(vectors: &Value, wanted: &Value) -> Requirements {
    let token = Token::new(
        Wallet::parse(text(wanted, "asset")).unwrap(),
        text(&wanted["extra"], "name"),
        text(&wanted["extra"], "version"),
        chain_id(vectors, text(wanted, "network")),
    );
    let amount = wanted.get("amount").or(wanted.get("maxAmountRequired")).unwrap();
    Requirements::new(
        token,
        Wallet::parse(text(wanted, "payTo")).unwrap(),
        UsdcUnits::new(amount.as_str().unwrap().parse().unwrap()),
        wanted["maxTimeoutSeconds"].as_u64().unwrap(),
        "launch creation",
        "application/json",
    )
}

pub static VECTORS: LazyLock<Value> = LazyLock::new(load);

pub fn positive(id: &str) -> &'static Value {
    VECTORS["positive"].as_array().unwrap().iter().find(|entry| entry["id"] == id).unwrap()
}

pub fn v2() -> &'static Value {
    positive("v2-base-x402core-2.27.0")
}

pub fn offer() -> Requirements {
    requirements(&VECTORS, &v2()["requirements"])
}

pub fn prove(header: &[u8]) -> Result<VerifiedTransfer, ProofError> {
    verify(&payload::decode(header)?.unwrap(), &Offers::exactly(&offer()))
}
