//! Calls on their way to Stripe, stopped where a test wants them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

use super::client::Call;
use super::server::{Answer, Server};
use super::trap::{self, Armed, Point, Trap};

/// Headers that belong to one connection.
const OF_THE_CONNECTION: [&str; 4] = ["host", "connection", "content-length", "transfer-encoding"];

/// The proxy.
pub struct StripeProxy {
    pub server: Server,
    traps: Arc<Mutex<Vec<Armed>>>,
}

impl StripeProxy {
    /// A proxy before `stripe`.
    pub async fn start(stripe: SocketAddr) -> Self {
        let traps = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&traps);
        let handler = Arc::new(move |request: Request<Bytes>| {
            let traps = Arc::clone(&shared);
            Box::pin(handle(traps, stripe, request)) as futures::future::BoxFuture<'static, Answer>
        });
        Self { server: Server::start(handler).await, traps }
    }

    /// Stops the next call whose method and path contain `needle` at this point.
    pub fn trap(&self, needle: &str, at: Point) -> Trap {
        let (trap, armed) = trap::arm(needle, at);
        self.traps.lock().unwrap().push(armed);
        trap
    }
}

async fn handle(
    traps: Arc<Mutex<Vec<Armed>>>,
    stripe: SocketAddr,
    request: Request<Bytes>,
) -> Answer {
    let line = format!("{} {}", request.method(), request.uri().path());
    let armed = trap::sprung(&mut traps.lock().unwrap(), &line);
    let forward = Box::pin(forward(stripe, request));
    match armed {
        Some(armed) => armed.run(forward).await,
        None => forward.await,
    }
}

async fn forward(stripe: SocketAddr, request: Request<Bytes>) -> Answer {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().unwrap().as_str();
    let mut call = Call::new(parts.method.as_str(), target).bytes(body);
    for (name, value) in
        parts.headers.iter().filter(|(name, _)| !OF_THE_CONNECTION.contains(&name.as_str()))
    {
        call = call.header(name.as_str(), value.to_str().unwrap());
    }
    let reply = call.try_send(stripe).await.map_err(std::io::Error::other)?;
    let mut response = Response::builder().status(reply.status);
    for (name, value) in
        reply.headers.iter().filter(|(name, _)| !OF_THE_CONNECTION.contains(&name.as_str()))
    {
        response = response.header(name, value);
    }
    Ok(response.body(Full::new(reply.body)).unwrap())
}
