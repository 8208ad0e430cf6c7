//! The listener: one task a connection, and the way to close one without an answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::call::call;
use super::control;
use super::error::ApiError;
use super::reply::{Answer, Reply};
use super::state::Shared;

/// The longest request body, in bytes.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// How long a connection may take to send its headers.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// Requests that began are waited for this long when the emulator stops.
const STOPS_WITHIN: Duration = Duration::from_secs(2);

/// Hyper closes a connection whose service fails, without a byte.
#[derive(Debug, thiserror::Error)]
#[error("dropped on demand")]
struct Dropped;

/// Accepts connections until `stop` changes or its sender is gone.
pub(super) async fn serve(
    shared: Arc<Shared>,
    listener: TcpListener,
    mut stop: watch::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(Arc::clone(&shared), stream, stop.clone()));
                }
                // Out of file descriptors, mostly: some time helps.
                Err(error) => {
                    tracing::warn!(%error, "sandbox.stripe_accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = stop.changed() => break,
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    // Those that take longer are closed with the set.
    drop(tokio::time::timeout(STOPS_WITHIN, ended).await);
}

async fn connection(shared: Arc<Shared>, stream: TcpStream, mut stop: watch::Receiver<()>) {
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request| answer(Arc::clone(&shared), request));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
    let mut served = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        _ = stop.changed() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "sandbox.stripe_connection");
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Dropped> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else {
        let error = ApiError::invalid("body", "The request body cannot be read or is too long.");
        return Ok(Answer::error(&error).into_response());
    };
    let body = body.to_bytes();
    // A client that hangs up changes nothing: the work goes on in its own task.
    let work = async move {
        match parts.uri.path().strip_prefix("/_emulator/") {
            Some(rest) => Reply::Answer(control::answer(shared, &parts, rest, body).await),
            None => call(shared, parts, body).await,
        }
    };
    match tokio::spawn(work).await {
        Ok(Reply::Answer(answer)) => Ok(answer.into_response()),
        Ok(Reply::Drop) | Err(_) => Err(Dropped),
    }
}
