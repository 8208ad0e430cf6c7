//! The chain's JSON-RPC over HTTP, for wallets and clients on the same machine.

use std::future::Future;
use std::io::{Error, ErrorKind};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use tokio::net::TcpListener;

use super::{Chain, rpc};

/// The longest request body, in bytes.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Answers `POST /` on `listener` until `shutdown` resolves; requests that began are still
/// answered.
///
/// Pages of any origin may ask, so that browser wallets can; nothing here is worth protecting from
/// them.
///
/// # Errors
/// `InvalidInput` if the listener's address can be reached from other machines; else what accepting
/// met.
pub async fn serve(
    chain: Arc<Chain>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        let text = format!("a sandbox chain is served on loopback only, not on {address}");
        return Err(Error::new(ErrorKind::InvalidInput, text));
    }
    let app = Router::new()
        .route("/", post(answer))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn(allow_pages))
        .with_state(chain);
    axum::serve(listener, app).with_graceful_shutdown(shutdown).await
}

async fn answer(State(chain): State<Arc<Chain>>, body: Bytes) -> Response {
    // Storing a block waits for the disk, and running code takes the processor.
    let work = move || match serde_json::from_slice(&body) {
        Ok(request) => chain.rpc(request),
        Err(_) => rpc::parse_error(),
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Value::Null) => StatusCode::OK.into_response(),
        Ok(answer) => axum::Json(answer).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// CORS for every origin, and the header by which each sandbox says what it is.
async fn allow_pages(request: Request, next: Next) -> Response {
    let mut response = if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    let any = HeaderValue::from_static("*");
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any.clone());
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, any);
    let methods = HeaderValue::from_static("POST, OPTIONS");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    let sandbox = HeaderValue::from_static("sandbox");
    headers.insert("x-turnpike-mode", sandbox);
    response
}
