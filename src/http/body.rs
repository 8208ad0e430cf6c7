//! Reading a request's body whole, before anything is decided.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body::Body as _;
use http_body_util::BodyExt;

use super::{
    error::{ApiError, RequestError},
    state::Api,
};
use crate::gateway::BodyShare;

/// A body and the memory that it counts for.
pub(super) struct ReadBody {
    pub bytes: Bytes,
    pub share: BodyShare,
}

/// The body's exact bytes. What would be refused anyway is refused before it is read.
///
/// # Errors
/// 413 beyond the limit, 408 when it arrives too slowly, 400 when it breaks off, 415 for what is
/// not plain JSON, 503 when all bodies together are too large.
pub(super) async fn read(api: &Api, headers: &HeaderMap, body: Body) -> Result<ReadBody, ApiError> {
    let limit = api.settings.body_bytes;
    let announced = body.size_hint().lower();
    if announced > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(RequestError::BodyTooLarge { limit }.into());
    }
    if announced > 0 {
        check_type(headers)?;
    } else if !body.is_end_stream() {
        check_encoding(headers)?;
    }
    let mut share = api.gateway.load.body();
    let bytes =
        match tokio::time::timeout(api.settings.body_timeout, collect(body, limit, &mut share))
            .await
        {
            Ok(outcome) => outcome?,
            Err(_) => return Err(RequestError::BodyTimedOut.into()),
        };
    if !bytes.is_empty() {
        check_type(headers)?;
    }
    Ok(ReadBody { bytes, share })
}

/// Copied into one piece: parts of a body would keep the connection's buffers alive, one for each
/// byte of a slow peer.
async fn collect(mut body: Body, limit: usize, share: &mut BodyShare) -> Result<Bytes, ApiError> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| RequestError::BodyBroken)?.into_data() else { continue };
        if whole.len().saturating_add(data.len()) > limit {
            return Err(RequestError::BodyTooLarge { limit }.into());
        }
        share.grow(data.len())?;
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

fn check_type(headers: &HeaderMap) -> Result<(), RequestError> {
    check_encoding(headers)?;
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json")
        || (essence.len() > 5 && essence[essence.len() - 5..].eq_ignore_ascii_case("+json"))
    {
        return Ok(());
    }
    Err(unsupported(
        "Content-Type",
        "application/json",
        &essence.chars().take(64).collect::<String>(),
    ))
}

fn check_encoding(headers: &HeaderMap) -> Result<(), RequestError> {
    let encoded = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if encoded { Err(unsupported("Content-Encoding", "none", "a compressed body")) } else { Ok(()) }
}

fn unsupported(header: &'static str, expected: &'static str, got: &str) -> RequestError {
    RequestError::UnsupportedBody { header, expected, got: got.to_owned() }
}
