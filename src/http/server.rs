//! Serving a router on a listener with the limits that `axum::serve` does not have: timeouts and
//! sizes, and a drain.

mod stream;

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::Request;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;
use tower::Service;

use stream::{Patience, Requests, TimedStream};

/// Accepting fails while the process is out of descriptors; haste would not help.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a connection may do.
#[derive(Debug, Clone, Copy)]
pub struct ServeLimits {
    /// How long a request's head may take to arrive.
    pub header_read: Duration,
    /// How long a connection may be quiet between two requests.
    pub idle: Duration,
    /// How long a peer may take no byte of its answer.
    pub write: Duration,
    /// Largest head in bytes.
    pub header_bytes: usize,
    /// Connections at the same time.
    pub connections: usize,
    /// How long open requests may still run once the token is cancelled.
    pub drain: Duration,
}

/// Serves until the token is cancelled, then lets open requests end within the drain time.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ServeLimits,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let builder = Arc::new(builder(limits));
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "listener.accept_failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            () = stop.cancelled() => break,
        };
        let requests = Arc::new(Requests::default());
        let service = hyper::service::service_fn(connection(
            router.clone(),
            &stream,
            peer,
            Arc::clone(&requests),
        ));
        let patience =
            Patience { head: limits.header_read, idle: limits.idle, write: limits.write };
        let stream = TimedStream::new(stream, patience, requests);
        let builder = Arc::clone(&builder);
        let watcher = graceful.watcher();
        tokio::spawn(async move {
            let served = watcher
                .watch(builder.serve_connection(TokioIo::new(stream), service).into_owned())
                .await;
            if let Err(error) = served {
                tracing::debug!(error = %error, "connection.ended");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("listener.drain_timed_out");
    }
}

fn builder(limits: ServeLimits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // The stream keeps the time, from the connection's first moment on.
        .header_read_timeout(None)
        // Two lines of slack: the limit speaks of the header that a client may send, the buffer
        // holds the request line as well.
        .max_buf_size((limits.header_bytes * 2).max(8192))
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.header_bytes * 2).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(Duration::from_secs(20)));
    builder
}

type Answered =
    std::pin::Pin<Box<dyn Future<Output = Result<axum::response::Response, Infallible>> + Send>>;

fn connection(
    router: Router,
    stream: &TcpStream,
    peer: SocketAddr,
    requests: Arc<Requests>,
) -> impl Fn(Request<Incoming>) -> Answered + use<> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "connection.nodelay_failed");
    }
    move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let open = requests.open();
        let answered = router.clone().call(request);
        Box::pin(async move {
            let answer = answered.await;
            drop(open);
            answer
        })
    }
}
