//! Nonces, fees, the pool: what a node takes, what it refuses and in which words.

use alloy_consensus::{TxEip1559, TxLegacy};
use alloy_primitives::{Bytes, TxKind, U256};
use serde_json::{Value, json};

use crate::support::*;

fn send(test: &TestChain, raw: &Bytes) -> Value {
    test.ask("eth_sendRawTransaction", json!([raw]))
}

fn refused(test: &TestChain, raw: &Bytes) -> String {
    let (code, text) = test.error("eth_sendRawTransaction", json!([raw]));
    assert_eq!(code, -32000, "{text}");
    text
}

fn transfer(nonce: u64) -> TxEip1559 {
    TxEip1559 {
        to: TxKind::Call(dev(9).address()),
        value: U256::from(1),
        gas_limit: 21_000,
        ..token_tx(nonce, Vec::new())
    }
}

#[test]
fn a_used_nonce_is_too_low() {
    let test = TestChain::new();
    let first = raw(transfer(0), &dev(0));
    assert_eq!(send(&test, &first), json!(hash_of(&first)));
    assert!(refused(&test, &first).starts_with("nonce too low"));
    let other = TxEip1559 { value: U256::from(2), ..transfer(0) };
    assert!(refused(&test, &raw(other, &dev(0))).starts_with("nonce too low"));
}

#[test]
fn a_gap_holds_back_what_follows_until_it_closes() {
    let test = TestChain::new();
    let [zero, one, two, three] = [0, 1, 2, 3].map(|nonce| raw(transfer(nonce), &dev(0)));
    for waiting in [&three, &one, &two] {
        send(&test, waiting);
        assert_eq!(refused(&test, waiting), "already known");
        let seen = test.ask("eth_getTransactionByHash", json!([hash_of(waiting)]));
        assert_eq!(seen["blockNumber"], Value::Null);
        assert_eq!(seen["gasPrice"], "0x1e8480");
        let receipt = test.ask("eth_getTransactionReceipt", json!([hash_of(waiting)]));
        assert_eq!(receipt, Value::Null);
    }
    assert_eq!(test.ask("eth_blockNumber", json!([])), "0x0");
    let pending = json!([dev(0).address(), "pending"]);
    assert_eq!(test.ask("eth_getTransactionCount", pending.clone()), "0x0");
    send(&test, &zero);
    assert_eq!(test.ask("eth_blockNumber", json!([])), "0x4");
    for (number, mined) in [&zero, &one, &two, &three].into_iter().enumerate() {
        let receipt = test.ask("eth_getTransactionReceipt", json!([hash_of(mined)]));
        assert_eq!(receipt["status"], "0x1");
        assert_eq!(receipt["blockNumber"], format!("0x{:x}", number + 1));
    }
    assert_eq!(test.ask("eth_getTransactionCount", pending), "0x4");
}

#[test]
fn a_waiting_transaction_is_replaced_only_for_a_tenth_more() {
    let test = TestChain::new();
    let priced = |percent: u128| TxEip1559 {
        max_fee_per_gas: 30_000 * percent,
        max_priority_fee_per_gas: 10_000 * percent,
        ..transfer(1)
    };
    let old = raw(priced(100), &dev(0));
    send(&test, &old);
    let little = raw(priced(109), &dev(0));
    let text = "replacement transaction underpriced";
    assert_eq!(refused(&test, &little), text);
    let enough = raw(priced(110), &dev(0));
    send(&test, &enough);
    let gone = test.ask("eth_getTransactionByHash", json!([hash_of(&old)]));
    assert_eq!(gone, Value::Null);
    send(&test, &raw(transfer(0), &dev(0)));
    let mined = test.ask("eth_getTransactionReceipt", json!([hash_of(&enough)]));
    assert_eq!(mined["status"], "0x1");
}

#[test]
fn the_pool_is_bounded() {
    let test = TestChain::new();
    for nonce in 1..=64 {
        send(&test, &raw(transfer(nonce), &dev(0)));
    }
    assert_eq!(refused(&test, &raw(transfer(65), &dev(0))), "txpool is full");
    send(&test, &raw(transfer(1), &dev(1)));
}

#[test]
fn held_mining_leaves_transactions_pending() {
    let test = TestChain::new();
    test.chain.set_next_block_hold(true).unwrap();
    let [zero, one] = [0, 1].map(|nonce| raw(transfer(nonce), &dev(0)));
    send(&test, &zero);
    send(&test, &one);
    assert_eq!(refused(&test, &zero), "already known");
    let count = |tag| test.ask("eth_getTransactionCount", json!([dev(0).address(), tag]));
    assert_eq!((count("latest"), count("pending")), (json!("0x0"), json!("0x2")));
    test.chain.set_next_block_hold(false).unwrap();
    assert_eq!((count("latest"), count("pending")), (json!("0x2"), json!("0x2")));
}

#[test]
fn what_cannot_be_mined_is_refused_in_the_words_of_nodes() {
    let test = TestChain::new();
    let poor = sandbox::wallet::Signer::from_key([7; 32]).unwrap();
    let cases: [(Bytes, &str); 8] = [
        (raw(transfer(0), &poor), "insufficient funds for gas * price + value"),
        // A waiting transaction is checked as well.
        (raw(transfer(5), &poor), "insufficient funds for gas * price + value"),
        (
            raw(TxEip1559 { chain_id: 1, ..transfer(0) }, &dev(0)),
            "invalid chain id for signer: have 1 want 84532",
        ),
        (
            raw(TxEip1559 { gas_limit: 20_999, ..transfer(0) }, &dev(0)),
            "intrinsic gas too low: gas 20999, minimum needed 21000",
        ),
        (
            raw(TxEip1559 { gas_limit: 60_000_001, ..transfer(0) }, &dev(0)),
            "exceeds block gas limit",
        ),
        (
            raw(
                TxEip1559 { max_fee_per_gas: 999_999, max_priority_fee_per_gas: 0, ..transfer(0) },
                &dev(0),
            ),
            "max fee per gas less than block base fee",
        ),
        (
            raw(TxEip1559 { max_priority_fee_per_gas: 4_000_000, ..transfer(0) }, &dev(0)),
            "max priority fee per gas higher than max fee per gas",
        ),
        (Bytes::from_static(b"\x02nonsense"), "failed to decode signed transaction"),
    ];
    for (raw, expected) in &cases {
        let text = refused(&test, raw);
        assert!(text.starts_with(expected), "{text}");
    }
    assert_eq!(test.ask("eth_blockNumber", json!([])), "0x0");
}

#[test]
fn legacy_transactions_work_and_pay_their_price() {
    let test = TestChain::new();
    let tx = TxLegacy {
        chain_id: Some(CHAIN_ID),
        gas_price: 2_000_000,
        gas_limit: 21_000,
        to: TxKind::Call(dev(9).address()),
        value: U256::from(5),
        ..TxLegacy::default()
    };
    let unprotected = raw(TxLegacy { chain_id: None, ..tx.clone() }, &dev(0));
    assert!(refused(&test, &unprotected).starts_with("only replay-protected"));
    let hash = send(&test, &raw(tx, &dev(0)));
    let receipt = test.ask("eth_getTransactionReceipt", json!([hash]));
    assert_eq!(receipt["type"], "0x0");
    assert_eq!(receipt["effectiveGasPrice"], "0x1e8480");
    let spent = 21_000 * 2_000_000 + 5;
    let left: U256 = parse(test.ask("eth_getBalance", json!([dev(0).address(), "latest"])));
    assert_eq!(left, U256::from(10_u64.pow(18) - spent));
    let tip: U256 = parse(
        test.ask("eth_getBalance", json!(["0x4200000000000000000000000000000000000011", "latest"])),
    );
    assert_eq!(tip, U256::from(21_000_u64 * 1_000_000));
}
