//! Judging what nodes say that lag, forget, or know no safe block.

use std::sync::Arc;

use alloy_primitives::{Address, B256, U256};
use payments::{
    agent::Wallet,
    money::UsdcUnits,
    ports::{ChainReader, Outcome, RailError},
    proof::PaymentKey,
    settlement::{Attempt, AttemptKind, ChainHash, PaymentFailure, TransferTerms},
    x402::offer::Token,
};
use serde_json::{Value, json};

use super::{
    super::{BaseRail, calls, limits},
    canned::{CannedNode, Reply},
    rpc::TestSealer,
    world::{SAVED_AT, config, fresh_key},
};

const CHAIN_ID: u64 = 84_532;
const TOKEN: Wallet = Wallet::new([0xaa; 20]);
const PAYER: Wallet = Wallet::new([0xbb; 20]);
const PAY_TO: Wallet = Wallet::new([0xcc; 20]);
const NONCE: [u8; 32] = [0xdd; 32];
const OURS: [u8; 32] = [0x11; 32];
const EXPIRY: u64 = 2_000;
const USED: bool = true;
const UNUSED: bool = false;
const NOTHING_TO_SEND: Outcome = Outcome::Pending { may_send: false };

/// What a node knows.
#[derive(Clone)]
struct Knows {
    latest: (u64, u64),
    safe: Reply,
    used_latest: bool,
    /// The state at a block by its number.
    used_at_block: Reply,
    receipt: Value,
    logs: Value,
}

impl Default for Knows {
    fn default() -> Self {
        Self {
            latest: (1_000, 1_500),
            safe: Ok(block(900, 1_300)),
            used_latest: UNUSED,
            used_at_block: Ok(word(UNUSED)),
            receipt: Value::Null,
            logs: json!([]),
        }
    }
}

impl Knows {
    fn reply(&self, method: &str, params: &Value) -> Reply {
        match method {
            "eth_chainId" => Ok(json!(format!("{CHAIN_ID:#x}"))),
            "eth_getBlockByNumber" if params[0] == "safe" => self.safe.clone(),
            "eth_getBlockByNumber" => Ok(block(self.latest.0, self.latest.1)),
            "eth_call" if params[1] == "latest" => Ok(word(self.used_latest)),
            "eth_call" => self.used_at_block.clone(),
            "eth_getTransactionReceipt" => Ok(self.receipt.clone()),
            "eth_getLogs" => Ok(self.logs.clone()),
            other => Err(json!({"code": -32601, "message": format!("no {other}")})),
        }
    }
}

#[tokio::test]
async fn an_expiry_is_believed_of_a_safe_block_only() {
    let late_but_not_safe = Knows { latest: (1_000, EXPIRY), ..Knows::default() };
    assert_eq!(judge(late_but_not_safe).await, Ok(NOTHING_TO_SEND));
    let safe =
        Knows { latest: (1_000, EXPIRY + 9), safe: Ok(block(900, EXPIRY)), ..Knows::default() };
    assert_eq!(judge(safe).await, Ok(Outcome::Failed(PaymentFailure::Expired)));
    let early = Knows {
        latest: (1_000, EXPIRY - 1),
        safe: Ok(block(1_000, EXPIRY - 1)),
        ..Knows::default()
    };
    assert_eq!(judge(early).await, Ok(Outcome::Pending { may_send: true }));
}

#[tokio::test]
async fn a_chain_without_a_safe_block_is_judged_by_its_newest() {
    let unknown = |code: i64, message: &str| Err(json!({"code": code, "message": message}));
    for safe in [
        Ok(Value::Null),
        unknown(-39_001, "Unknown block"),
        unknown(-32_000, "safe block not found"),
    ] {
        let knows = Knows { latest: (1_000, EXPIRY), safe, ..Knows::default() };
        assert_eq!(judge(knows).await, Ok(Outcome::Failed(PaymentFailure::Expired)));
    }
    let limited = Knows {
        latest: (1_000, EXPIRY),
        safe: unknown(-32_005, "limit exceeded"),
        ..Knows::default()
    };
    assert!(
        matches!(judge(limited).await, Err(RailError::Unreachable(text)) if text.contains("limit exceeded"))
    );
}

#[tokio::test]
async fn a_node_that_lags_decides_nothing() {
    // The receipt is from a node that is further than the one that says "unused": a stranger was
    // first, in the same block.
    let reverted = Knows { receipt: receipt(0, json!([])), ..Knows::default() };
    let stranger_was_first = Knows { used_at_block: Ok(word(USED)), ..reverted.clone() };
    assert_eq!(judge(stranger_was_first).await, Ok(NOTHING_TO_SEND));
    let no_such_block = Knows {
        used_at_block: Err(json!({"code": -32000, "message": "header not found"})),
        ..reverted.clone()
    };
    assert!(matches!(judge(no_such_block).await, Err(RailError::Unreachable(_))));
    assert_eq!(judge(reverted).await, Ok(Outcome::Failed(PaymentFailure::Reverted)));

    let spent_before_expiry = Knows {
        latest: (1_000, EXPIRY),
        safe: Ok(block(900, EXPIRY)),
        used_at_block: Ok(word(USED)),
        ..Knows::default()
    };
    assert_eq!(judge(spent_before_expiry).await, Ok(NOTHING_TO_SEND));
}

#[tokio::test]
async fn a_node_that_forgot_the_state_is_asked_for_the_newest() {
    let forgotten = Err(json!({"code": -32000, "message": "missing trie node 1234 (path )"}));
    let expired = Knows {
        latest: (1_000, EXPIRY),
        safe: Ok(block(900, EXPIRY)),
        used_at_block: forgotten.clone(),
        ..Knows::default()
    };
    assert_eq!(judge(expired).await, Ok(Outcome::Failed(PaymentFailure::Expired)));
    let behind = Knows {
        latest: (899, EXPIRY),
        safe: Ok(block(900, EXPIRY)),
        used_at_block: forgotten,
        ..Knows::default()
    };
    assert!(matches!(judge(behind).await, Err(RailError::Unreachable(_))));
}

#[tokio::test]
async fn used_without_a_log_is_not_paid_and_not_failed() {
    assert_eq!(judge(Knows { used_latest: USED, ..Knows::default() }).await, Ok(NOTHING_TO_SEND));
    let log_before_receipt =
        Knows { used_latest: USED, logs: json!([used_log(4)]), ..Knows::default() };
    assert_eq!(judge(log_before_receipt).await, Ok(NOTHING_TO_SEND));
}

#[tokio::test]
async fn only_the_two_logs_side_by_side_are_a_proof() {
    let elsewhere = Ok(Outcome::Failed(PaymentFailure::SpentElsewhere));
    let right = [used_log(4), transfer_log(5, TOKEN, PAY_TO, 550_000)];
    let proven = Knows { used_latest: USED, receipt: receipt(1, json!(right)), ..Knows::default() };
    assert!(
        matches!(judge(proven).await, Ok(Outcome::Settled(proof)) if proof.log_index == 5 && proof.fee_wei == 50_007)
    );
    let wrong = [
        transfer_log(5, TOKEN, PAY_TO, 549_999),
        transfer_log(5, TOKEN, PAYER, 550_000),
        transfer_log(5, PAY_TO, PAY_TO, 550_000),
        transfer_log(6, TOKEN, PAY_TO, 550_000),
    ];
    for transfer in wrong {
        let logs = json!([used_log(4), transfer]);
        let knows = Knows {
            used_latest: USED,
            receipt: receipt(1, logs),
            logs: json!([used_log(4)]),
            ..Knows::default()
        };
        assert_eq!(judge(knows).await, elsewhere);
    }
}

#[tokio::test]
async fn an_old_claim_is_searched_in_windows() {
    let knows = Knows { latest: (9_000, 1_500), used_latest: USED, ..Knows::default() };
    let (url, node) = CannedNode::start(move |method, params| knows.reply(method, params)).await;
    let old = TransferTerms { claimed_at_block: 5_000, ..terms() };
    assert_eq!(rail(url).outcome(&old, &[attempt()]).await, Ok(NOTHING_TO_SEND));
    let windows: Vec<_> = node
        .heard("eth_getLogs")
        .iter()
        .map(|params| (params[0]["fromBlock"].clone(), params[0]["toBlock"].clone()))
        .collect();
    let hex = |from: u64, to: u64| (json!(format!("{from:#x}")), json!(format!("{to:#x}")));
    assert_eq!(
        windows,
        [hex(5_000, 6_999), hex(7_000, 8_999), hex(9_000, 9_000), hex(4_700, 4_999)]
    );
}

#[tokio::test]
async fn a_node_that_changes_its_chain_is_not_believed() {
    let knows = Knows { used_latest: USED, ..Knows::default() };
    let (url, _) = CannedNode::start(move |method, params| match method {
        "eth_chainId" => Ok(json!("0x1")),
        other => knows.reply(other, params),
    })
    .await;
    let rail = rail(url);
    assert!(matches!(rail.outcome(&terms(), &[attempt()]).await, Err(RailError::WrongChain(_))));
    assert!(matches!(rail.expired_on_chain(1).await, Err(RailError::WrongChain(_))));
    assert!(matches!(rail.nonce_used(PAYER, 1).await, Err(RailError::WrongChain(_))));
}

async fn judge(knows: Knows) -> Result<Outcome, RailError> {
    let (url, _) = CannedNode::start(move |method, params| knows.reply(method, params)).await;
    rail(url).outcome(&terms(), &[attempt()]).await
}

fn rail(url: String) -> BaseRail {
    BaseRail::new(
        config(url, Token::new(TOKEN, "USDC", "2", CHAIN_ID), fresh_key()),
        Arc::new(TestSealer),
    )
    .unwrap()
}

fn terms() -> TransferTerms {
    TransferTerms {
        key: PaymentKey { chain_id: CHAIN_ID, token: TOKEN, from: PAYER, nonce: NONCE },
        pay_to: PAY_TO,
        value: UsdcUnits::new(550_000),
        valid_before_unix_s: EXPIRY,
        claimed_at_block: 800,
    }
}

fn attempt() -> Attempt {
    Attempt {
        kind: AttemptKind::Transfer,
        tx_hash: ChainHash(OURS),
        signer: PAYER,
        eoa_nonce: 1,
        max_fee_per_gas_wei: 1,
        sealed_tx: Vec::new(),
        saved_at: SAVED_AT,
        fee_wei: None,
    }
}

fn block(number: u64, unix_s: u64) -> Value {
    json!({"number": format!("{number:#x}"), "timestamp": format!("{unix_s:#x}"), "baseFeePerGas": "0x1"})
}

fn word(bit: bool) -> Value {
    json!(B256::with_last_byte(u8::from(bit)))
}

fn receipt(status: u8, logs: Value) -> Value {
    json!({
        "transactionHash": B256::from(OURS), "status": format!("{status:#x}"), "blockNumber": "0x3e7", "blockHash": B256::repeat_byte(9),
        "gasUsed": "0xc350", "effectiveGasPrice": "0x1", "l1Fee": "0x7", "logs": logs,
    })
}

fn used_log(index: u64) -> Value {
    let fate = calls::fate_topics(&PAYER, &NONCE);
    log(index, TOKEN, json!([fate[0][0], fate[1], fate[2]]), json!("0x"))
}

fn transfer_log(index: u64, token: Wallet, to: Wallet, value: u64) -> Value {
    let signature = alloy_primitives::keccak256("Transfer(address,address,uint256)");
    let word = |wallet: Wallet| Address::from(*wallet.as_bytes()).into_word();
    log(
        index,
        token,
        json!([signature, word(PAYER), word(to)]),
        json!(B256::from(U256::from(value))),
    )
}

fn log(index: u64, token: Wallet, topics: Value, data: Value) -> Value {
    json!({
        "address": token, "topics": topics, "data": data, "blockNumber": "0x3e7", "transactionHash": B256::from(OURS),
        "logIndex": format!("{index:#x}"), "removed": false,
    })
}

/// The window is a promise to providers; the test above spells its numbers out.
const _: () = assert!(limits::MAX_LOG_BLOCKS == 2_000);
