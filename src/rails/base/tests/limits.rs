//! Nodes that take less at once than others, or know fewer methods.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use alloy_primitives::B256;
use axum::{Json, Router, extract::State, routing::post};
use payments::{
    agent::Wallet,
    ports::{ChainReader, RailError, Standing},
    settlement::{ChainHash, SettlementProof},
    x402::offer::Token,
};
use serde_json::{Value, json};

use super::{
    super::{BaseRail, limits::MAX_BATCH_CALLS},
    rpc::TestSealer,
    world::{config, fresh_key},
};

/// How a node refuses a batch that is too large.
#[derive(Clone, Copy, PartialEq)]
enum Refuses {
    /// One object for the whole batch.
    Whole,
    /// Every call by itself.
    Each,
    /// The calls beyond the limit are left out.
    Rest,
    /// One object, because it was asked too often.
    Throttled,
}

#[derive(Clone)]
struct Small {
    most: usize,
    refuses: Refuses,
    requests: Arc<AtomicUsize>,
}

async fn small(most: usize, refuses: Refuses) -> (BaseRail, Arc<AtomicUsize>) {
    let node = Small { most, refuses, requests: Arc::default() };
    let requests = Arc::clone(&node.requests);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().route("/", post(answer)).with_state(node);
    tokio::spawn(async move { axum::serve(listener, app).await });
    let token = Token::new(Wallet::new([0xaa; 20]), "USDC", "2", 84_532);
    (BaseRail::new(config(url, token, fresh_key()), Arc::new(TestSealer)).unwrap(), requests)
}

async fn answer(State(node): State<Small>, Json(body): Json<Value>) -> Json<Value> {
    node.requests.fetch_add(1, Ordering::Relaxed);
    let error = |id: &Value, message: &str| json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32600, "message": message}});
    let Value::Array(calls) = body else { return Json(one(&body)) };
    if calls.len() <= node.most {
        return Json(calls.iter().map(one).collect());
    }
    Json(match node.refuses {
        Refuses::Whole => error(&Value::Null, "this plan takes no such batch"),
        Refuses::Throttled => error(&Value::Null, "too many requests"),
        Refuses::Each => {
            calls.iter().map(|call| error(&call["id"], "batch limit exceeded")).collect()
        }
        Refuses::Rest => calls.iter().take(node.most).map(one).collect(),
    })
}

fn one(call: &Value) -> Value {
    let result = match call["method"].as_str().unwrap() {
        "eth_chainId" => json!("0x14a34"),
        _ => {
            let number = call["params"][0]
                .as_str()
                .filter(|block| block.starts_with("0x"))
                .unwrap_or("0xffff");
            json!({"number": number, "timestamp": "0x1", "hash": B256::ZERO, "baseFeePerGas": "0x1"})
        }
    };
    json!({"jsonrpc": "2.0", "id": call["id"], "result": result})
}

fn settlements(count: u64) -> Vec<SettlementProof> {
    let hash = ChainHash([0; 32]);
    (1..=count)
        .map(|block_number| SettlementProof {
            tx_hash: hash,
            block_number,
            block_hash: hash,
            log_index: 0,
            fee_wei: 0,
        })
        .collect()
}

#[tokio::test]
async fn a_batch_is_asked_in_as_many_parts_as_the_node_wants() {
    for refuses in [Refuses::Whole, Refuses::Each, Refuses::Rest] {
        for most in [100, 20, 3, 0] {
            let (rail, requests) = small(most, refuses).await;
            let booked = settlements(300);
            assert_eq!(rail.standing(&booked).await, Ok(vec![Standing::Final; 300]), "{most}");
            let learned = rail.learned_limits();
            let most = u64::try_from(most).unwrap();
            assert!(
                learned.batch_calls <= most.max(1) && learned.batch_calls >= most / 2,
                "{most}: {learned:?}"
            );
            let first = requests.swap(0, Ordering::Relaxed);
            assert_eq!(rail.standing(&booked).await, Ok(vec![Standing::Final; 300]));
            let second = requests.load(Ordering::Relaxed);
            assert!(
                second <= first && rail.learned_limits() == learned,
                "it is learned once: {first}, then {second}"
            );
            assert_eq!(learned.refused[0].1 > 0, most < MAX_BATCH_CALLS, "{learned:?}");
        }
    }
}

#[tokio::test]
async fn who_is_throttled_asks_no_more_and_learns_nothing() {
    let (rail, requests) = small(3, Refuses::Throttled).await;
    let error = rail.standing(&settlements(9)).await.unwrap_err();
    assert!(
        matches!(&error, RailError::Unreachable(why) if why.contains("too many requests")),
        "{error}"
    );
    assert_eq!(
        (requests.load(Ordering::Relaxed), rail.learned_limits().batch_calls),
        (1, MAX_BATCH_CALLS)
    );
}
