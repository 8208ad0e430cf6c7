//! JSON-RPC over HTTP on our own hyper client. One deadline per request, a bounded answer, and
//! errors that name neither the URL nor what is secret in it.

use std::time::Duration;

use alloy_json_rpc::ResponsePacket;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header, uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

use super::redact::Secrets;

/// The largest answer that is read. The logs of one authorization and a batch of receipts are a few
/// KiB.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Why a node's URL cannot be used. Never contains the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RpcUrlError {
    /// Not an absolute URL.
    #[error("the RPC URL is not a URL")]
    NotAUrl,
    /// Neither `http` nor `https`.
    #[error("the RPC URL must begin with https:// or http://")]
    Scheme,
}

/// The transport. Cloning shares the connections.
#[derive(Clone)]
pub(super) struct HttpTransport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    uri: Uri,
    authorization: Option<HeaderValue>,
    timeout: Duration,
}

impl HttpTransport {
    /// A transport to this URL, with what must not be shown of it. `user:password@` becomes an
    /// `Authorization` header.
    pub(super) fn new(url: &str, timeout: Duration) -> Result<(Self, Secrets), RpcUrlError> {
        let uri: Uri = url.parse().map_err(|_| RpcUrlError::NotAUrl)?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(RpcUrlError::Scheme);
        }
        let (uri, user_info) = split_user_info(uri)?;
        let authorization = user_info.as_deref().map(basic).transpose()?;
        let secrets = Secrets::of(&uri, user_info.as_deref());
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok((Self { client, uri, authorization, timeout }, secrets))
    }

    /// Sends one request, of one call or of several.
    ///
    /// # Errors
    /// [`Missed`].
    pub(super) async fn exchange(&self, body: &Value) -> Result<ResponsePacket, Missed> {
        match tokio::time::timeout(self.timeout, self.post(body)).await {
            Ok(answer) => answer,
            Err(_) => {
                Err(Missed::because(&format!("no answer within {} ms", self.timeout.as_millis())))
            }
        }
    }

    async fn post(&self, body: &Value) -> Result<ResponsePacket, Missed> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.uri.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization.clone());
        }
        let request = request
            .body(Full::from(body.to_string()))
            .map_err(|_| Missed::because("the request cannot be built"))?;
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| Missed::because(&describe(&error)))?;
        let (status, is_page) = (response.status(), is_html(response.headers()));
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES);
        let body = body
            .collect()
            .await
            .map_err(|_| Missed::because("the answer is cut off or too large"))?
            .to_bytes();
        // Nodes put JSON-RPC errors under 4xx and 5xx too; what is no JSON-RPC is named by its
        // status and what it is instead.
        serde_json::from_slice(&body).map_err(|_| Missed {
            status: Some(status.as_u16()),
            is_page: is_page || body.trim_ascii_start().starts_with(b"<"),
            words: not_json_rpc(status, is_page, &body),
        })
    }
}

/// Why there is no JSON-RPC to read.
pub(super) struct Missed {
    /// The status of an answer that is none; `None` without an answer.
    status: Option<u16>,
    is_page: bool,
    pub words: String,
}

impl Missed {
    fn because(why: &str) -> Self {
        Self { status: None, is_page: false, words: why.to_owned() }
    }

    /// How some providers refuse a batch: by a status alone. A page is the answer of somebody in
    /// between.
    pub(super) fn may_be_too_large(&self) -> bool {
        !self.is_page && matches!(self.status, Some(400 | 405 | 413 | 414 | 415 | 422 | 500 | 501))
    }
}

fn is_html(headers: &http::HeaderMap) -> bool {
    let kind =
        headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.trim_start().to_ascii_lowercase().starts_with("text/html")
}

/// What answered instead of a node. A page's title is what an operator recognizes it by.
fn not_json_rpc(status: http::StatusCode, is_page: bool, body: &[u8]) -> String {
    let code = status.as_u16();
    if !is_page && !body.trim_ascii_start().starts_with(b"<") {
        return if status.is_success() {
            format!("the answer is not JSON-RPC (HTTP status {code})")
        } else {
            format!("HTTP status {code}")
        };
    }
    let text = String::from_utf8_lossy(body);
    let title = text
        .split_once("<title>")
        .and_then(|(_, rest)| rest.split_once("</title>"))
        .map(|(title, _)| title.trim());
    let named = title
        .filter(|title| !title.is_empty())
        .map(|title| format!(" {title:?}"))
        .unwrap_or_default();
    format!(
        "HTTP status {code} with an HTML page{named} instead of JSON-RPC: a proxy or CDN answers in place of the node"
    )
}

/// hyper's own words and those of the deepest cause ("connection refused"); neither repeats the
/// URL.
fn describe(error: &hyper_util::client::legacy::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let phase = if error.is_connect() { "cannot connect" } else { "the connection failed" };
    format!("{phase}: {deepest}")
}

fn split_user_info(uri: Uri) -> Result<(Uri, Option<String>), RpcUrlError> {
    let authority = uri.authority().ok_or(RpcUrlError::NotAUrl)?.as_str().to_owned();
    let Some((user_info, host)) = authority.rsplit_once('@') else { return Ok((uri, None)) };
    let mut parts = uri.into_parts();
    parts.authority = Some(host.parse::<uri::Authority>().map_err(|_| RpcUrlError::NotAUrl)?);
    let uri = Uri::from_parts(parts).map_err(|_| RpcUrlError::NotAUrl)?;
    Ok((uri, Some(user_info.to_owned())))
}

fn basic(user_info: &str) -> Result<HeaderValue, RpcUrlError> {
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(user_info)))
        .map_err(|_| RpcUrlError::NotAUrl)?;
    value.set_sensitive(true);
    Ok(value)
}
