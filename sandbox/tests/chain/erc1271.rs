//! Payers with code: the token asks the code, whatever the account's key signed.

use alloy_consensus::{TxEip1559, TxEip7702};
use alloy_eips::eip7702::Authorization;
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256, bytes};
use serde_json::json;

use crate::support::*;

/// Deploys code that answers every call with ERC-1271's magic value.
const SAYS_YES: Bytes = bytes!("601080600b6000396000f3631626ba7e60e01b60005260206000f3");

fn deploy(test: &TestChain, from: u32, code: Bytes) -> Address {
    let signer = dev(from);
    let tx = TxEip1559 {
        to: TxKind::Create,
        input: code,
        ..token_tx(test.nonce(signer.address()), Vec::new())
    };
    let hash = test.ask("eth_sendRawTransaction", json!([raw(tx, &signer)]));
    let receipt = test.ask("eth_getTransactionReceipt", json!([hash]));
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(receipt["to"], json!(null));
    parse(receipt["contractAddress"].clone())
}

#[test]
fn a_contract_decides_for_itself() {
    let test = TestChain::new();
    let wallet = deploy(&test, 6, SAYS_YES);
    let amount = U256::from(550_000);
    test.settle(6, &Usdc::mintCall { to: wallet, amount });
    let a = authorization(wallet, 1);
    let receipt = test.settle(2, &by_bytes(&a, b"any length will do"));
    assert_eq!(receipt["status"], "0x1");
    assert_eq!(test.units(wallet), 0);
}

#[test]
fn a_delegated_account_is_not_asked_for_its_key() {
    let test = TestChain::new();
    let payer = dev(7);
    let a = authorization(payer.address(), 1);
    // The token's own code has no `isValidSignature`: delegated there, the account accepts nothing.
    delegate(&test, 7, TOKEN);
    let code = test.ask("eth_getCode", json!([payer.address(), "latest"]));
    let expected = format!("0xef0100{}", alloy_primitives::hex::encode(TOKEN));
    assert_eq!(code, json!(expected));
    let text = "FiatTokenV2: invalid signature";
    assert_eq!(test.refusal(2, &by_parts(&a, sign(&a, &payer))), text);
    let yes = deploy(&test, 6, SAYS_YES);
    delegate(&test, 7, yes);
    let receipt = test.settle(2, &by_bytes(&a, &[]));
    assert_eq!(receipt["status"], "0x1");
}

fn delegate(test: &TestChain, account: u32, to: Address) {
    let signer = dev(account);
    let nonce = test.nonce(signer.address());
    let authorization = Authorization {
        chain_id: U256::from(CHAIN_ID),
        address: to,
        // The transaction itself uses one nonce first.
        nonce: nonce + 1,
    };
    let signature = signer.sign_digest(authorization.signature_hash());
    let signature = Signature::from_raw_array(&signature).unwrap();
    let tx = TxEip7702 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 100_000,
        max_fee_per_gas: 3_000_000,
        max_priority_fee_per_gas: 1_000_000,
        to: signer.address(),
        authorization_list: vec![authorization.into_signed(signature)],
        ..TxEip7702::default()
    };
    let hash = test.ask("eth_sendRawTransaction", json!([raw(tx, &signer)]));
    let receipt = test.ask("eth_getTransactionReceipt", json!([hash]));
    assert_eq!(receipt["type"], "0x4");
    assert_eq!(test.nonce(signer.address()), nonce + 2);
}
