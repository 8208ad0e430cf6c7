//! JSON-RPC over HTTP: a transport for alloy's client on our own hyper client. One deadline per call, a bounded answer,
//! and errors that name neither the URL nor what is secret in it.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use alloy_json_rpc::{RequestPacket, ResponsePacket, RpcError};
use alloy_transport::{TransportError, TransportErrorKind, TransportFut};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header, uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tower::Service;

use super::redact::Secrets;

/// The largest answer that is read. The logs of one authorization and a batch of receipts are a few KiB.
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
    /// A transport to this URL, with what must not be shown of it. `user:password@` becomes an `Authorization` header.
    pub(super) fn new(url: &str, timeout: Duration) -> Result<(Self, Secrets), RpcUrlError> {
        let uri: Uri = url.parse().map_err(|_| RpcUrlError::NotAUrl)?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(RpcUrlError::Scheme);
        }
        let (uri, user_info) = split_user_info(uri)?;
        let authorization = user_info.as_deref().map(basic).transpose()?;
        let secrets = Secrets::of(&uri, user_info.as_deref());
        let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok((Self { client, uri, authorization, timeout }, secrets))
    }

    async fn exchange(self, packet: RequestPacket) -> Result<ResponsePacket, TransportError> {
        match tokio::time::timeout(self.timeout, self.post(packet)).await {
            Ok(answer) => answer,
            Err(_) => Err(failed(&format!("no answer within {} ms", self.timeout.as_millis()))),
        }
    }

    async fn post(&self, packet: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let body = serde_json::to_vec(&packet).map_err(RpcError::SerError)?;
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.uri.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization.clone());
        }
        let request = request.body(Full::from(body)).map_err(|_| failed("the request cannot be built"))?;
        let response = self.client.request(request).await.map_err(|error| failed(&describe(&error)))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES);
        let body = body.collect().await.map_err(|_| failed("the answer is cut off or too large"))?.to_bytes();
        // Nodes put JSON-RPC errors under 4xx and 5xx too; what is no JSON-RPC is named by its status alone.
        serde_json::from_slice(&body).map_err(|_| match status.is_success() {
            true => failed("the answer is not JSON-RPC"),
            false => failed(&format!("HTTP status {}", status.as_u16())),
        })
    }
}

impl Service<RequestPacket> for HttpTransport {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        Box::pin(self.clone().exchange(packet))
    }
}

fn failed(why: &str) -> TransportError {
    TransportErrorKind::custom_str(why)
}

/// hyper's own words and those of the deepest cause ("connection refused"); neither repeats the URL.
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
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(user_info))).map_err(|_| RpcUrlError::NotAUrl)?;
    value.set_sensitive(true);
    Ok(value)
}
