//! Unpaid requests: the gateway's 402 against a bare handler with the same bytes.

use std::{
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    time::Duration,
};

use axum::{Router, body::Body, routing::post};
use bytes::Bytes;
use http::{HeaderMap, Response};

use crate::{load, ratio::Pairs};

const PORT_VARIABLE: &str = "TURNPIKE_BENCH_BASELINE";
const PATIENCE: u32 = 200;

/// A process that ends with its owner.
struct Owned(Child);

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Measures in turn and prints requests a second and their ratio.
pub fn run(rounds: u32) {
    runtime().block_on(async {
        let (gateway, _gateway) = start_gateway().await;
        let (baseline, _baseline) = start_baseline(gateway).await;
        let mut pairs = Pairs::default();
        for _ in 0..rounds {
            let ours = load::rate(gateway, 402).await;
            pairs.add(ours, load::rate(baseline, 402).await);
        }
        pairs.print(
            "challenge: 402s a second / bare axum with the same bytes (higher is better)",
            "requests/s",
        );
    });
}

/// The baseline's process: fetches one 402 from the gateway and answers it again and again.
pub fn serve_baseline() {
    let text = std::env::var(PORT_VARIABLE).expect("started by the benchmark");
    let (own, gateway) = text.split_once(' ').expect("two addresses");
    let (own, gateway): (SocketAddr, SocketAddr) =
        (own.parse().expect("an address"), gateway.parse().expect("an address"));
    runtime().block_on(async {
        let (parts, body) = load::once(gateway).await.into_parts();
        let mut headers = parts.headers;
        headers.remove("date");
        headers.remove("content-length");
        let handler = move |_: Bytes| async move { answer(&headers, body) };
        let router = Router::new().route("/launches", post(handler));
        let listener = tokio::net::TcpListener::bind(own).await.expect("binds");
        axum::serve(listener, router).await.expect("serves");
    });
}

fn answer(headers: &HeaderMap, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = http::StatusCode::PAYMENT_REQUIRED;
    headers.clone_into(response.headers_mut());
    response
}

async fn start_gateway() -> (SocketAddr, Owned) {
    let binary = std::env::var("TURNPIKE_BENCH_BINARY").unwrap_or_else(|_| beside("turnpike"));
    let dir = std::env::temp_dir().join(format!("turnpike-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let address = free_address();
    let child = Command::new(binary)
        .arg("serve")
        .current_dir(&dir)
        .env("TURNPIKE_SERVER__LISTEN", address.to_string())
        .env("TURNPIKE_SERVER__OPERATOR_LISTEN", free_address().to_string())
        .env("TURNPIKE_SANDBOX__CHAIN_LISTEN", free_address().to_string())
        .env("TURNPIKE_LIMITS__PEER_PER_MINUTE", "4000000000")
        .env("RUST_LOG", "warn")
        .stderr(Stdio::null())
        .spawn()
        .expect("the gateway starts; build it first");
    let owned = Owned(child);
    listening(address).await;
    (address, owned)
}

async fn start_baseline(gateway: SocketAddr) -> (SocketAddr, Owned) {
    let address = free_address();
    let own = std::env::current_exe().expect("an executable");
    let child = Command::new(own)
        .arg("baseline")
        .env(PORT_VARIABLE, format!("{address} {gateway}"))
        .spawn()
        .expect("starts");
    let owned = Owned(child);
    listening(address).await;
    (address, owned)
}

async fn listening(address: SocketAddr) {
    for _ in 0..PATIENCE {
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing listens on {address}");
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
}

/// A binary in this one's folder.
fn beside(name: &str) -> String {
    std::env::current_exe().expect("an executable").with_file_name(name).display().to_string()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
