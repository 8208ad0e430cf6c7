//! The test token's calls, encoded by hand: nothing of the gateway's own code judges the gateway.

use std::path::Path;

use alloy_primitives::{Address, U256, keccak256};

use super::proof::Draft;

/// Topic of `Transfer(address,address,uint256)`.
pub const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
/// Topic of `AuthorizationUsed(address,bytes32)`.
pub const AUTHORIZATION_USED: &str =
    "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5";

/// The token's runtime code, as the contract's build checked it in.
pub fn runtime_code() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts/usdc/TestUsdc.bin");
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    format!("0x{}", text.trim().trim_start_matches("0x"))
}

pub fn mint(to: Address, amount: u64) -> String {
    call("mint(address,uint256)", &[word(to), U256::from(amount).to_be_bytes()])
}

pub fn balance_of(account: Address) -> String {
    call("balanceOf(address)", &[word(account)])
}

/// The transfer that the signer of `draft` allowed, in the form that takes v, r and s.
pub fn transfer_with_authorization(draft: &Draft, signature: &[u8]) -> String {
    let mut v = [0; 32];
    v[31] = signature[64];
    let half = |at: usize| -> [u8; 32] { signature[at..at + 32].try_into().unwrap() };
    call(
        "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
        &[
            word(draft.from),
            word(draft.to),
            draft.value.to_be_bytes(),
            U256::from(draft.valid_after).to_be_bytes(),
            U256::from(draft.valid_before).to_be_bytes(),
            draft.nonce.0,
            v,
            half(0),
            half(32),
        ],
    )
}

/// The payer takes his authorization back.
pub fn cancel_authorization(draft: &Draft, signature: &[u8]) -> String {
    let mut v = [0; 32];
    v[31] = signature[64];
    let half = |at: usize| -> [u8; 32] { signature[at..at + 32].try_into().unwrap() };
    let signed = "cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)";
    call(signed, &[word(draft.from), draft.nonce.0, v, half(0), half(32)])
}

pub fn transfer(to: Address, amount: u64) -> String {
    call("transfer(address,uint256)", &[word(to), U256::from(amount).to_be_bytes()])
}

pub fn pause() -> String {
    call("pause()", &[])
}

pub fn unpause() -> String {
    call("unpause()", &[])
}

pub fn blacklist(account: Address) -> String {
    call("blacklist(address)", &[word(account)])
}

fn call(signature: &str, words: &[[u8; 32]]) -> String {
    let selector = &keccak256(signature)[..4];
    format!("0x{}{}", hex::encode(selector), hex::encode(words.concat()))
}

fn word(address: Address) -> [u8; 32] {
    address.into_word().0
}

#[test]
fn selectors_are_the_published_ones() {
    let account = Address::ZERO;
    assert!(balance_of(account).starts_with("0x70a08231"));
    assert!(mint(account, 1).starts_with("0x40c10f19"));
    assert_eq!(keccak256("Transfer(address,address,uint256)").to_string(), TRANSFER);
    assert_eq!(keccak256("AuthorizationUsed(address,bytes32)").to_string(), AUTHORIZATION_USED);
}
