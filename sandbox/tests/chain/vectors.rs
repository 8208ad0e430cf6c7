//! The protocol's vectors, settled on the chain.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall as _;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

use crate::support::*;

fn vectors() -> Value {
    let text = include_str!("../../../tests/vectors/x402.json");
    serde_json::from_str(text).unwrap()
}

fn number(value: &Value) -> U256 {
    value.as_str().unwrap().parse().unwrap()
}

/// What real clients signed for Base Sepolia settles here, and moves what was signed.
#[test]
fn every_payload_for_base_sepolia_settles() {
    let vectors = vectors();
    let positive = vectors["positive"].as_array().unwrap().iter();
    let ours = positive.filter(|v| v["eip712"]["domain"]["chainId"] == CHAIN_ID);
    let test = TestChain::new();
    let mut settled = 0;
    for vector in ours {
        let signed = &vector["decoded"]["payload"]["authorization"];
        let a = TransferWithAuthorization {
            from: parse::<Address>(signed["from"].clone()),
            to: parse::<Address>(signed["to"].clone()),
            value: number(&signed["value"]),
            validAfter: number(&signed["validAfter"]),
            validBefore: number(&signed["validBefore"]),
            nonce: parse::<B256>(signed["nonce"].clone()),
        };
        let signature: Bytes = parse(vector["decoded"]["payload"]["signature"].clone());
        let now = vector["verifyAt"].as_u64().unwrap();
        test.time.store(now, Ordering::SeqCst);
        let before = test.units(a.to);
        let receipt = if settled % 2 == 0 {
            let parts = signature.as_ref().try_into().unwrap();
            test.settle(2, &by_parts(&a, parts))
        } else {
            test.settle(2, &by_bytes(&a, &signature))
        };
        assert_eq!(receipt["status"], "0x1", "{}", vector["id"]);
        assert_eq!(test.units(a.to), before + a.value.to::<u64>());
        settled += 1;
    }
    assert_eq!(settled, 6);
    let separator = test.view(Usdc::DOMAIN_SEPARATORCall {});
    let expected = &vectors["networks"]["eip155:84532"]["domainSeparator"];
    assert_eq!(json!(separator), *expected);
}

/// The same bytes as the reference clients send, and logs of the same shape. The payload was signed
/// for another chain, so a payload for this one stands in for it.
#[test]
fn call_data_and_logs_have_the_shape_of_the_vectors() {
    let vectors = vectors();
    let onchain = &vectors["onchain"];
    let by_parts_data: Bytes = parse(onchain["transferWithAuthorization_vrs"].clone());
    let parts = SettleByParts::transferWithAuthorizationCall::abi_decode(&by_parts_data).unwrap();
    let by_bytes_data: Bytes = parse(onchain["transferWithAuthorization_bytes"].clone());
    let whole = SettleByBytes::transferWithAuthorizationCall::abi_decode(&by_bytes_data).unwrap();
    assert_eq!((parts.from, parts.nonce), (whole.from, whole.nonce));

    let test = TestChain::new();
    let mut a = authorization(parts.from, 1);
    a.to = parts.to;
    a.value = parts.value;
    a.nonce = parts.nonce;
    let receipt = test.settle(2, &by_parts(&a, sign(&a, &dev(0))));
    for (log, expected) in
        receipt["logs"].as_array().unwrap().iter().zip(onchain["expectedLogs"].as_array().unwrap())
    {
        assert_eq!(log["topics"], expected["topics"]);
        assert_eq!(log["data"], expected["data"]);
    }
    assert_eq!(receipt["logs"].as_array().unwrap().len(), 2);
    let call = |data: &Value| {
        let request = json!({"to": TOKEN, "data": data});
        parse::<U256>(test.ask("eth_call", json!([request, "latest"])))
    };
    assert_eq!(call(&onchain["authorizationState"]), U256::from(1));
    assert_eq!(call(&onchain["balanceOf"]), U256::from(START_UNITS) - a.value);
    let topics = &onchain["recoverTxFilter"]["topics"];
    let found = test.ask(
        "eth_getLogs",
        json!([{"address": [TOKEN], "topics": topics, "fromBlock": "earliest"}]),
    );
    assert_eq!(found[0]["transactionHash"], receipt["transactionHash"]);
}
