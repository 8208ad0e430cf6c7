//! A small HTTP client: one connection a request, every header visible, no retries and no
//! redirects.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpSocket;

/// No request of a test may take longer; the gateway's own answer deadline is 90 s.
const LIMIT: Duration = Duration::from_secs(110);

/// One request, about to be sent.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// The loopback address to call from.
    pub source: Option<IpAddr>,
}

impl Call {
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.parse().unwrap(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
            source: None,
        }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A JSON body with its content type.
    pub fn json(self, body: &Value) -> Self {
        self.bytes(body.to_string()).header("content-type", "application/json")
    }

    pub fn bytes(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub fn called_from(mut self, source: &str) -> Self {
        self.source = Some(source.parse().unwrap());
        self
    }

    /// Sends it on a connection of its own.
    pub async fn send(&self, address: SocketAddr) -> Reply {
        match self.try_send(address).await {
            Ok(reply) => reply,
            Err(error) => panic!("{} {} to {address}: {error}", self.method, self.target),
        }
    }

    /// Sends it; a connection that is refused or breaks is an error, not a panic.
    pub async fn try_send(&self, address: SocketAddr) -> Result<Reply, String> {
        tokio::time::timeout(LIMIT, self.exchange(address))
            .await
            .map_err(|_| format!("no answer within {LIMIT:?}"))?
    }

    async fn exchange(&self, address: SocketAddr) -> Result<Reply, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let socket = TcpSocket::new_v4().map_err(|e| text(&e))?;
        if let Some(source) = self.source {
            socket.bind(SocketAddr::new(source, 0)).map_err(|e| text(&e))?;
        }
        let stream = socket.connect(address).await.map_err(|e| text(&e))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream))
                .await
                .map_err(|e| text(&e))?;
        let driver = tokio::spawn(connection);
        let mut request = http::Request::builder().method(self.method.clone()).uri(&self.target);
        if self.headers.iter().all(|(name, _)| name != "host") {
            request = request.header("host", address.to_string());
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(self.body.clone())).map_err(|e| text(&e))?;
        let response = sender.send_request(request).await.map_err(|e| text(&e))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|e| text(&e))?.to_bytes();
        driver.abort();
        Ok(Reply { status: parts.status, headers: parts.headers, body })
    }
}

/// One answer, read whole.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    /// The one value of a header, or nothing; several values are a panic.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?;
        assert!(values.next().is_none(), "header {name} is there more than once");
        Some(first.to_str().unwrap())
    }

    /// The body as JSON, `null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// `error.code` of the envelope, or the empty string.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The id of the launch that was made, or the empty string.
    pub fn launch_id(&self) -> String {
        self.json()["data"]["id"].as_str().unwrap_or_default().to_owned()
    }

    /// True if this is the stored answer, given again.
    pub fn replayed(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    /// What `X-Charge` says, or the empty string.
    pub fn charge(&self) -> &str {
        self.header("x-charge").unwrap_or_default()
    }

    /// The payment's id out of `X-Charge: 0.55 USDC; payment=<id>` or the body's `payment_id`.
    pub fn payment_id(&self) -> Option<String> {
        let named = self.charge().split(';').find_map(|part| {
            let id = part.trim().strip_prefix("payment=")?;
            Some(id.to_owned())
        });
        named.or_else(|| Some(self.json()["payment_id"].as_str()?.to_owned()))
    }

    /// One line for a failed assertion.
    pub fn brief(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let text: String = text.chars().take(600).collect();
        format!("{} charge={:?} {text}", self.status, self.charge())
    }

    /// Fails with the whole answer unless the status is `expected`.
    #[track_caller]
    pub fn must(self, expected: u16) -> Self {
        assert_eq!(self.status.as_u16(), expected, "{}", self.brief());
        self
    }

    /// Fails unless status and code are these.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.brief());
        assert_eq!(self.code(), code, "{}", self.brief());
        self
    }
}
