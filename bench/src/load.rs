//! A closed loop of requests over kept-alive connections.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

const CONNECTIONS: usize = 32;
const ROUND: Duration = Duration::from_secs(2);

/// Requests a second over one round; every answer must have the status.
pub async fn rate(address: SocketAddr, status: u16) -> f64 {
    let answered = AtomicU64::new(0);
    let began = Instant::now();
    futures::future::join_all((0..CONNECTIONS).map(|_| client(address, status, began, &answered)))
        .await;
    answered.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}

/// One answer, headers and body.
pub async fn once(address: SocketAddr) -> Response<Bytes> {
    let mut sender = connect(address).await;
    exchange(&mut sender).await
}

async fn client(address: SocketAddr, status: u16, began: Instant, answered: &AtomicU64) {
    let mut sender = connect(address).await;
    while began.elapsed() < ROUND {
        let answer = exchange(&mut sender).await;
        assert_eq!(answer.status().as_u16(), status, "{answer:?}");
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.expect("connects");
    stream.set_nodelay(true).expect("a socket option");
    let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("shakes hands");
    tokio::spawn(connection);
    sender
}

async fn exchange(sender: &mut SendRequest<Full<Bytes>>) -> Response<Bytes> {
    sender.ready().await.expect("the connection stands");
    let body = Bytes::from_static(
        br#"{"title":"bench","product_description":"bench","platforms":["twitter"]}"#,
    );
    let request = Request::post("/launches")
        .header("host", "127.0.0.1")
        .header("content-type", "application/json")
        .body(Full::new(body))
        .expect("a request");
    let (parts, body) = sender.send_request(request).await.expect("an answer").into_parts();
    Response::from_parts(parts, body.collect().await.expect("a whole body").to_bytes())
}
