//! The agent's way out: HTTP and HTTPS, one whole answer within a time and a size.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use sandbox::agent::{Transport, TransportError};

/// A paid request may hold its connection while the payment settles and the launch is published.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);
/// A server that cannot be reached within this time is down.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// More than this nobody wants on a terminal.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// A client for the commands.
pub(super) struct Web(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

// === impl Web ===

impl Web {
    pub(super) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT_LIMIT));
        let tls = hyper_rustls::HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        Self(Client::builder(TokioExecutor::new()).build(tls))
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let answer = self.0.request(request.map(Full::new)).await.map_err(|error| {
            let (host, why) = (host.clone(), crate::worker::drives::chain(&error));
            if error.is_connect() {
                TransportError::Unreachable { host, why }
            } else {
                TransportError::Broken { host, why }
            }
        })?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
        let body =
            body.map_err(|_| TransportError::Incomplete { host, max_bytes: MAX_ANSWER_BYTES })?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }
}

impl Transport for Web {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        match tokio::time::timeout(ANSWER_LIMIT, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(TransportError::TimedOut { limit_s: ANSWER_LIMIT.as_secs() }),
        }
    }
}
