//! The shared vectors of x402 (`tests/vectors`), read once per test, and offers built from what
//! they contain.

use std::sync::LazyLock;

use payments::agent::Wallet;
use payments::error::ProofError;
use payments::money::UsdcUnits;
use payments::x402::decode;
use payments::x402::offer::{Requirements, Token};
use payments::x402::verify::{Offers, VerifiedTransfer, verify};
use serde_json::Value;

/// All vectors, as they are in the file.
pub fn load() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/x402.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The text of a member that must be there.
pub fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("no text {key} in {value}"))
}

/// 32 bytes from `0x` hex.
pub fn bytes32(hex_text: &str) -> [u8; 32] {
    hex::decode(hex_text.strip_prefix("0x").unwrap()).unwrap().try_into().unwrap()
}

/// The chain id behind either kind of network name, as the vectors list them.
pub fn chain_id(vectors: &Value, network: &str) -> u64 {
    let networks = vectors["networks"].as_object().unwrap();
    let (_, found) =
        networks.iter().find(|(caip2, n)| *caip2 == network || n["v1"] == network).unwrap();
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

/// All vectors.
pub static VECTORS: LazyLock<Value> = LazyLock::new(load);

/// The recorded payment of this name: it must verify.
pub fn positive(id: &str) -> &'static Value {
    VECTORS["positive"].as_array().unwrap().iter().find(|entry| entry["id"] == id).unwrap()
}

/// A payment of x402 v2 on Base.
pub fn v2() -> &'static Value {
    positive("v2-base-x402core-2.27.0")
}

/// What [`v2`] was asked for.
pub fn offer() -> Requirements {
    requirements(&VECTORS, &v2()["requirements"])
}

/// The proof in a header, for [`offer`].
///
/// # Errors
/// [`ProofError`]: the header does not verify.
pub fn prove(header: &[u8]) -> Result<VerifiedTransfer, ProofError> {
    verify(&decode::decode(header)?.unwrap(), &Offers::exactly(&offer()))
}
