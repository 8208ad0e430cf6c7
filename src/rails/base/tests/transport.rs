//! Nodes that are silent, absent, too talkative or indiscreet.

use std::{sync::Arc, time::Duration};

use alloy_primitives::B256;
use payments::{
    agent::Wallet,
    ports::{ChainReader, RailError, Settler},
    x402::offer::Token,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{
    super::{BaseConfigError, BaseRail, rpc::RpcUrlError},
    canned::CannedNode,
    rpc::TestSealer,
    transfers::live_transfer,
    world::{config, fresh_key, key},
};

const SECRET: &str = "s3cretk3y";

#[tokio::test]
async fn a_silent_node_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = ask(&format!("http://{}/{SECRET}", listener.local_addr().unwrap())).await;
    assert!(error.contains("within 300 ms"), "{error}");
}

#[tokio::test]
async fn an_absent_node_is_named_without_its_url() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://alice:{SECRET}@{}/v2/{SECRET}?apikey={SECRET}",
        listener.local_addr().unwrap()
    );
    drop(listener);
    let error = ask(&url).await;
    assert!(error.contains("cannot connect"), "{error}");
    assert!(
        !error.contains(SECRET) && !error.contains("alice") && !error.contains("127.0.0.1"),
        "{error}"
    );
}

#[tokio::test]
async fn a_node_that_repeats_the_key_does_not_give_it_away() {
    let (url, _) = CannedNode::start(|_, _| {
        Err(json!({"code": -32_001, "message": format!("no such project: {SECRET}")}))
    })
    .await;
    let error = ask(&format!("{url}/{SECRET}")).await;
    assert!(error.contains("-32001") && error.contains("no such project: ***"), "{error}");
}

/// Only the contract's own refusal is a verdict; that of a block from before the authorization's
/// begin is none, and no leave to go on either.
#[tokio::test]
async fn a_simulation_is_believed_where_the_contract_spoke() {
    let view = async |timestamp: u64, code: i64, message: &'static str| {
        let (url, _) = CannedNode::start(move |method, params| match method {
            "eth_chainId" => Ok(json!("0x14a34")),
            "eth_call" if params[0]["from"].is_string() => Err(json!({"code": code, "message": message})),
            "eth_call" => Ok(json!(format!("0x{}", "0".repeat(64)))),
            "eth_getBlockByNumber" => Ok(json!({"number": "0x1", "timestamp": format!("{timestamp:#x}"), "baseFeePerGas": "0x1"})),
            _ => Ok(json!("0x0")),
        })
        .await;
        let rail = BaseRail::new(config(url, token(), fresh_key()), Arc::new(TestSealer)).unwrap();
        let payer = key(&fresh_key());
        rail.view(&live_transfer(&payer, &token(), Wallet::new([1; 20]), 1_000, B256::ZERO))
            .await
            .map(|view| view.would_revert)
    };
    let paused = "execution reverted: Pausable: paused";
    assert_eq!(view(1_000, 3, paused).await, Ok(Some(paused.to_owned())));
    assert_eq!(view(1_000, -32_000, paused).await, Ok(Some(paused.to_owned())));
    assert_eq!(
        view(0, 3, paused).await,
        Ok(Some(paused.to_owned())),
        "in the authorization's time too"
    );
    let early = view(0, 3, "execution reverted: FiatTokenV2: authorization is not yet valid").await;
    assert!(
        matches!(early, Err(RailError::NotReady(_))),
        "a node that cannot say is not believed: {early:?}"
    );
    assert!(matches!(view(1_000, -32_005, "limit exceeded").await, Err(RailError::Unreachable(_))));
}

#[tokio::test]
async fn what_is_no_json_rpc_is_named_by_its_status() {
    let error =
        ask(&raw_server(b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy".to_vec()).await)
            .await;
    assert!(error.contains("HTTP status 503"), "{error}");
    let error =
        ask(&raw_server(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine".to_vec()).await).await;
    assert!(error.contains("not JSON-RPC"), "{error}");
    for (status, kind) in [
        ("200 OK", "text/html; charset=utf-8"),
        ("403 Forbidden", "text/html"),
        ("502 Bad Gateway", "text/plain"),
    ] {
        let page = "<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>";
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{page}",
            page.len()
        );
        let error = ask(&raw_server(answer.into_bytes()).await).await;
        let named = format!(
            "HTTP status {} with an HTML page \"Just a moment...\" instead of JSON-RPC",
            &status[..3]
        );
        assert!(error.contains(&named), "{error}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 9999999\r\n\r\n".to_vec();
    answer.resize(9_999_999, b' ');
    let error = ask(&raw_server(answer).await).await;
    assert!(error.contains("too large"), "{error}");
}

#[tokio::test]
async fn user_and_password_travel_as_a_header() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://alice:secret@{}/rpc", listener.local_addr().unwrap());
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = vec![0; 4_096];
        let read = stream.read(&mut bytes).await.unwrap();
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    });
    ask(&url).await;
    let request = heard.await.unwrap();
    assert!(request.starts_with("POST /rpc HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("authorization: Basic YWxpY2U6c2VjcmV0\r\n"), "{request}");
}

#[test]
fn an_unusable_configuration_is_refused_by_name() {
    for (url, expected) in [
        ("", RpcUrlError::NotAUrl),
        ("ws://127.0.0.1:1", RpcUrlError::Scheme),
        ("127.0.0.1:8545", RpcUrlError::Scheme),
    ] {
        let error =
            BaseRail::new(config(url.to_owned(), token(), fresh_key()), Arc::new(TestSealer))
                .unwrap_err();
        assert_eq!(error, BaseConfigError::Url(expected), "{url:?}");
    }
    let key = [0; 32];
    let error =
        BaseRail::new(config("http://127.0.0.1:1".to_owned(), token(), key), Arc::new(TestSealer))
            .unwrap_err();
    assert!(matches!(error, BaseConfigError::Key(_)));
}

#[tokio::test]
async fn the_rail_shows_neither_key_nor_url() {
    let key = fresh_key();
    let rail = BaseRail::new(
        config(format!("https://node.example/{SECRET}"), token(), key),
        Arc::new(TestSealer),
    )
    .unwrap();
    let shown = format!("{rail:?}");
    assert!(shown.contains(&format!("{:?}", rail.signer.address())), "{shown}");
    assert!(!shown.contains(SECRET) && !shown.contains(&hex::encode(key)), "{shown}");
}

/// The words of a failed read.
async fn ask(url: &str) -> String {
    let mut config = config(url.to_owned(), token(), fresh_key());
    config.rpc_timeout_ms = 300;
    let rail = BaseRail::new(config, Arc::new(TestSealer)).unwrap();
    match tokio::time::timeout(Duration::from_secs(5), rail.ready()).await.unwrap() {
        Err(error @ RailError::Unreachable(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Answers every request with the same bytes.
async fn raw_server(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 8_192]).await;
            let _ = stream.write_all(&answer).await;
        }
    });
    url
}

fn token() -> Token {
    Token::new(Wallet::new([0xaa; 20]), "USDC", "2", 84_532)
}
