//! The chain answers as a node does.

use std::sync::atomic::Ordering;

use alloy_primitives::{Bytes, U256};
use alloy_rpc_types_eth::{Block, FeeHistory, Transaction, TransactionReceipt};
use alloy_sol_types::SolCall as _;
use serde_json::{Value, json};

use crate::support::*;

fn paid(test: &TestChain, nonce: u8) -> Value {
    let a = authorization(dev(0).address(), nonce);
    test.settle(2, &by_parts(&a, sign(&a, &dev(0))))
}

#[test]
fn identity() {
    let test = TestChain::new();
    assert_eq!(test.ask("eth_chainId", json!([])), "0x14a34");
    assert_eq!(test.ask("net_version", json!([])), "84532");
    let version = test.ask("web3_clientVersion", json!([]));
    assert!(version.as_str().unwrap().starts_with("turnpike-sandbox/"));
    assert_eq!(test.error("eth_nonsense", json!([])).0, -32601);
    assert_eq!(test.error("eth_getBalance", json!([])).0, -32602);
    assert_eq!(test.error("eth_getBalance", json!(["0x12"])).0, -32602);
    assert_eq!(test.error("eth_getBalance", json!({"a": 1})).0, -32602);
}

#[test]
fn batches_keep_their_order_and_notifications_get_nothing() {
    let test = TestChain::new();
    let one = |id: Value, method: &str| json!({"jsonrpc": "2.0", "id": id, "method": method});
    let batch = json!([one(json!("a"), "eth_chainId"), {"jsonrpc": "2.0", "method": "eth_chainId"}, one(json!(7), "nope"), 5]);
    let answers = test.chain.rpc(batch);
    assert_eq!(answers.as_array().unwrap().len(), 3);
    assert_eq!(answers[0], json!({"jsonrpc": "2.0", "id": "a", "result": "0x14a34"}));
    assert_eq!(answers[1]["id"], 7);
    assert_eq!(answers[1]["error"]["code"], -32601);
    assert_eq!(answers[2]["error"]["code"], -32600);
    assert_eq!(test.chain.rpc(json!([]))["error"]["code"], -32600);
    let silent = json!({"jsonrpc": "2.0", "method": "eth_chainId"});
    assert_eq!(test.chain.rpc(silent), Value::Null);
}

#[test]
fn blocks_receipts_and_transactions_are_what_alloy_reads() {
    let test = TestChain::new();
    test.time.store(NOW + 9, Ordering::SeqCst);
    let seen = paid(&test, 1);
    let receipt: TransactionReceipt = parse(seen.clone());
    let block = test.ask("eth_getBlockByNumber", json!(["latest", true]));
    let block: Block = parse(block);
    assert_eq!(receipt.block_hash, Some(block.header.hash));
    assert_eq!(block.header.inner.hash_slow(), block.header.hash);
    assert_eq!(block.header.timestamp, NOW + 9);
    assert_eq!(block.header.gas_used, receipt.gas_used);
    assert_eq!(block.header.base_fee_per_gas, Some(1_000_000));
    let tx = test.ask("eth_getTransactionByHash", json!([receipt.transaction_hash]));
    let tx: Transaction = parse(tx);
    assert_eq!(block.transactions.as_transactions().unwrap(), std::slice::from_ref(&tx));
    assert_eq!(tx.block_hash, receipt.block_hash);
    let by_hash = test.ask("eth_getBlockByHash", json!([block.header.hash, false]));
    assert_eq!(by_hash["transactions"], json!([receipt.transaction_hash]));
    for tag in ["latest", "safe", "finalized", "0x1"] {
        assert_eq!(test.ask("eth_getBlockByNumber", json!([tag, false])), by_hash);
    }
    let earliest: Block = parse(test.ask("eth_getBlockByNumber", json!(["earliest", false])));
    assert_eq!(earliest.header.hash, block.header.parent_hash);
    let pending: Block = parse(test.ask("eth_getBlockByNumber", json!(["pending", false])));
    assert_eq!((pending.header.number, pending.header.parent_hash), (2, block.header.hash));
    assert_eq!(test.ask("eth_getBlockByNumber", json!(["0x2", false])), Value::Null);
    let nothing = json!([alloy_primitives::B256::ZERO]);
    for method in ["eth_getTransactionByHash", "eth_getTransactionReceipt"] {
        assert_eq!(test.ask(method, nothing.clone()), Value::Null);
    }
}

#[test]
fn time_never_goes_back_and_calls_see_the_clock() {
    let test = TestChain::new();
    test.time.store(NOW + 100, Ordering::SeqCst);
    paid(&test, 1);
    test.time.store(NOW + 50, Ordering::SeqCst);
    paid(&test, 2);
    let block = test.ask("eth_getBlockByNumber", json!(["latest", false]));
    assert_eq!(block["timestamp"], format!("0x{:x}", NOW + 100));
    // A call on the newest block meets the time at which a transaction would be mined now.
    test.time.store(NOW + 300, Ordering::SeqCst);
    let a = authorization(dev(0).address(), 3);
    let data = Bytes::from(by_parts(&a, sign(&a, &dev(0))).abi_encode());
    let request = json!({"to": TOKEN, "data": data});
    let (_, text) = test.error("eth_call", json!([request, "latest"]));
    assert_eq!(text, "execution reverted: FiatTokenV2: authorization is expired");
    assert_eq!(test.ask("eth_call", json!([request, "0x2"])), "0x");
}

#[test]
fn a_revert_carries_its_data() {
    let test = TestChain::new();
    let a = authorization(dev(0).address(), 1);
    let data = Bytes::from(by_parts(&a, sign(&a, &dev(1))).abi_encode());
    let answer = test.answer("eth_call", json!([{"to": TOKEN, "input": data}, "latest"]));
    let expected = alloy_sol_types::Revert::from("FiatTokenV2: invalid signature");
    let expected = Bytes::from(alloy_sol_types::SolError::abi_encode(&expected));
    let error = json!({"code": 3, "message": "execution reverted: FiatTokenV2: invalid signature", "data": expected});
    assert_eq!(answer["error"], error);
}

#[test]
fn an_estimate_is_enough_and_not_much_more() {
    let test = TestChain::new();
    let a = authorization(dev(0).address(), 1);
    let call = by_parts(&a, sign(&a, &dev(0)));
    let request =
        json!({"from": dev(2).address(), "to": TOKEN, "data": Bytes::from(call.abi_encode())});
    let estimate: U256 = parse(test.ask("eth_estimateGas", json!([request])));
    let used: U256 = parse(test.settle(2, &call)["gasUsed"].clone());
    assert!(estimate >= used && estimate <= used + used / U256::from(20), "{estimate} for {used}");
    let plain = json!({"from": dev(2).address(), "to": dev(3).address(), "value": "0x1"});
    assert_eq!(test.ask("eth_estimateGas", json!([plain])), "0x5208");
    let poor = json!({"from": "0x00000000000000000000000000000000000000aa", "to": dev(3).address(), "value": "0x1"});
    let (code, text) = test.error("eth_estimateGas", json!([poor]));
    assert_eq!(code, -32000);
    assert!(text.starts_with("insufficient funds for gas * price + value"), "{text}");
}

#[test]
fn logs_are_filtered_by_address_topics_and_range() {
    let test = TestChain::new();
    let receipts = [1, 2, 3].map(|nonce| paid(&test, nonce));
    let count = |filter: Value| test.ask("eth_getLogs", json!([filter])).as_array().unwrap().len();
    assert_eq!(count(json!({})), 2);
    assert_eq!(count(json!({"fromBlock": "0x1", "toBlock": "0x2"})), 4);
    assert_eq!(count(json!({"fromBlock": "0x0", "toBlock": "0xffff"})), 6);
    assert_eq!(count(json!({"blockHash": receipts[0]["blockHash"]})), 2);
    assert_eq!(count(json!({"fromBlock": "0x0", "address": dev(0).address()})), 0);
    let used = &receipts[0]["logs"][0]["topics"];
    let moved = &receipts[0]["logs"][1]["topics"];
    let nonces = json!([receipts[0]["logs"][0]["topics"][2], receipts[2]["logs"][0]["topics"][2]]);
    let filter = |topics: Value| json!({"fromBlock": "0x0", "address": [TOKEN], "topics": topics});
    assert_eq!(count(filter(json!([used[0], null, nonces]))), 2);
    assert_eq!(count(filter(json!([[used[0], moved[0]], moved[1]]))), 6);
    assert_eq!(count(filter(json!([null, null, moved[2]]))), 3);
    assert_eq!(count(filter(json!([moved[0], moved[2]]))), 0);
    assert_eq!(
        test.error("eth_getLogs", json!([{"fromBlock": "0x3", "toBlock": "0x1"}])).0,
        -32602
    );
    let unknown = json!([{"blockHash": alloy_primitives::B256::ZERO}]);
    assert_eq!(test.error("eth_getLogs", unknown).0, -32000);
}

#[test]
fn earlier_states_can_be_read() {
    let test = TestChain::new();
    for nonce in 1..4 {
        paid(&test, nonce);
    }
    let data = Bytes::from(Usdc::balanceOfCall(dev(1).address()).abi_encode());
    for (block, paid) in ["0x0", "0x1", "0x2", "0x3"].into_iter().zip(0..) {
        let request = json!([{"to": TOKEN, "data": data}, block]);
        let units: U256 = parse(test.ask("eth_call", request));
        assert_eq!(units, U256::from(START_UNITS + paid * 550_000));
        let nonce = test.ask("eth_getTransactionCount", json!([dev(2).address(), block]));
        assert_eq!(nonce, format!("0x{paid:x}"));
    }
    let hash = test.ask("eth_getBlockByNumber", json!(["0x1", false]))["hash"].clone();
    let by_hash = json!([dev(2).address(), {"blockHash": hash}]);
    assert_eq!(test.ask("eth_getTransactionCount", by_hash), "0x1");
    let later = json!([dev(2).address(), "0x4"]);
    assert_eq!(test.error("eth_getBalance", later).1, "header not found");
}

#[test]
fn fees_are_those_that_libraries_ask_for() {
    let test = TestChain::new();
    paid(&test, 1);
    assert_eq!(test.ask("eth_gasPrice", json!([])), "0x1e8480");
    assert_eq!(test.ask("eth_maxPriorityFeePerGas", json!([])), "0xf4240");
    let history = test.ask("eth_feeHistory", json!(["0xa", "latest", [20.0, 50]]));
    assert_eq!(history["oldestBlock"], "0x0");
    assert_eq!(history["reward"], json!([["0x0", "0x0"], ["0xf4240", "0xf4240"]]));
    let read: FeeHistory = parse(history);
    assert_eq!(read.base_fee_per_gas, [1_000_000; 3]);
    assert_eq!(read.gas_used_ratio.len(), 2);
    let ahead = json!(["0x1", "0x9", []]);
    assert_eq!(test.error("eth_feeHistory", ahead).0, -32000);
}
