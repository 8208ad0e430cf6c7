//! How a request reaches the upstream: a connection, or a function call into the embedded core.

use std::{convert::Infallible, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use payments::ports::UpstreamError;
use tower::{ServiceExt, util::BoxCloneSyncService};

/// A service in this process that speaks HTTP.
pub type InProcess = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// The way.
pub struct Transport {
    way: Way,
    timeout: Duration,
    max_answer_bytes: usize,
}

enum Way {
    InProcess(InProcess),
    Remote(Box<Remote>),
}

struct Remote {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base_url: String,
}

/// There is no whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoAnswer {
    /// Nothing of the request left: there was no connection, or no agreement about its encryption.
    pub(super) never_sent: bool,
    /// What went wrong; no address is in it.
    pub(super) why: String,
}

// === impl NoAnswer ===

impl NoAnswer {
    pub(super) fn never_sent(why: &str) -> Self {
        Self { never_sent: true, why: why.to_owned() }
    }

    fn broken(why: &str) -> Self {
        Self { never_sent: false, why: why.to_owned() }
    }
}

impl From<NoAnswer> for UpstreamError {
    fn from(none: NoAnswer) -> Self {
        Self::Unreachable(none.why)
    }
}

// === impl Transport ===

impl Transport {
    /// Into a service of this process.
    pub fn in_process(service: InProcess, timeout: Duration, max_answer_bytes: usize) -> Self {
        Self { way: Way::InProcess(service), timeout, max_answer_bytes }
    }

    /// Over HTTP or HTTPS to a base URL without a trailing slash.
    pub fn remote(base_url: &str, timeout: Duration, max_answer_bytes: usize) -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(Duration::from_secs(5).min(timeout)));
        let tls = hyper_rustls::HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .build(tls);
        Self {
            way: Way::Remote(Box::new(Remote {
                client,
                base_url: base_url.trim_end_matches('/').to_owned(),
            })),
            timeout,
            max_answer_bytes,
        }
    }

    /// Whether requests leave the process.
    pub fn is_remote(&self) -> bool {
        matches!(self.way, Way::Remote(_))
    }

    /// The absolute URI of a target; the embedded core has no host.
    pub(super) fn uri(&self, target: &str) -> String {
        match &self.way {
            Way::InProcess(_) => target.to_owned(),
            Way::Remote(remote) => format!("{}{target}", remote.base_url),
        }
    }

    /// Sends a request and reads the whole answer, within the time and size limits. The text of an
    /// error names no address.
    pub(super) async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        match tokio::time::timeout(self.timeout, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(NoAnswer::broken(&format!(
                "no whole answer within {} s",
                self.timeout.as_secs()
            ))),
        }
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        match &self.way {
            Way::InProcess(service) => {
                let answer = match service.clone().oneshot(request.map(Body::from)).await {
                    Ok(answer) => answer,
                    Err(never) => match never {},
                };
                self.whole(answer).await
            }
            Way::Remote(remote) => {
                let answer =
                    remote.client.request(request.map(Full::new)).await.map_err(|error| {
                        if error.is_connect() {
                            NoAnswer::never_sent("no connection")
                        } else {
                            NoAnswer::broken("the connection broke")
                        }
                    })?;
                self.whole(answer).await
            }
        }
    }

    async fn whole<B>(&self, answer: Response<B>) -> Result<Response<Bytes>, NoAnswer>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = answer.into_parts();
        match Limited::new(body, self.max_answer_bytes).collect().await {
            Ok(body) => Ok(Response::from_parts(parts, body.to_bytes())),
            Err(_) => Err(NoAnswer::broken("the answer broke off or is too large")),
        }
    }
}
