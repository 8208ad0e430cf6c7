//! The chain over HTTP.

use std::sync::Arc;

use sandbox::chain::serve;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::support::*;

async fn exchange(address: std::net::SocketAddr, method: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} / HTTP/1.1\r\nhost: chain\r\norigin: http://wallet.test\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.to_lowercase()
}

#[tokio::test]
async fn it_is_served_on_loopback_with_cors_and_stops_when_told() {
    let test = TestChain::new();
    let chain = Arc::new(test.chain);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move { drop(stopped.await) };
    let server = tokio::spawn(serve(chain, listener, shutdown));
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []});
    let answer = exchange(address, "POST", &request.to_string()).await;
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    assert!(answer.contains("access-control-allow-origin: *"), "{answer}");
    assert!(answer.contains("x-turnpike-mode: sandbox"), "{answer}");
    let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(body, json!({"jsonrpc": "2.0", "id": 1, "result": "0x14a34"}));
    let answer = exchange(address, "OPTIONS", "").await;
    assert!(answer.starts_with("http/1.1 204"), "{answer}");
    assert!(answer.contains("access-control-allow-headers: *"), "{answer}");
    let answer = exchange(address, "POST", "{nonsense").await;
    assert!(answer.contains("-32700"), "{answer}");
    let answer = exchange(address, "POST", &" ".repeat(1024 * 1024 + 1)).await;
    assert!(answer.starts_with("http/1.1 413"), "{answer}");
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn other_machines_are_not_served() {
    let test = TestChain::new();
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let error = serve(Arc::new(test.chain), listener, async {}).await;
    let kind = error.unwrap_err().kind();
    assert_eq!(kind, std::io::ErrorKind::InvalidInput);
}
