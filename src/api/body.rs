//! Reading a request's body whole, before anything is decided.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use payments::challenge::Retry;

use super::{Api, problem::Fault};
use crate::upstream::profile::Condition;

/// The body's exact bytes.
///
/// # Errors
/// 413 beyond the limit, 408 when it arrives too slowly, 400 when it breaks off, 415 for what is not plain JSON.
pub(super) async fn read(api: &Api, headers: &HeaderMap, body: Body) -> Result<Bytes, Fault> {
    let limit = api.settings.body_bytes;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<u64>().ok());
    if announced.is_some_and(|length| length > u64::try_from(limit).unwrap_or(u64::MAX)) {
        return Err(too_large(limit));
    }
    let collected = tokio::time::timeout(api.settings.body_timeout, Limited::new(body, limit).collect()).await;
    let bytes = match collected {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large(limit)),
        Ok(Err(_)) => return Err(Fault::new(Condition::Validation, "the body broke off").retry(Retry::FixRequest)),
        Err(_) => {
            let fault = Fault::new(Condition::Validation, "the body did not arrive in time");
            return Err(fault.with_code(408, "SERVER_002").retry(Retry::FixRequest));
        }
    };
    if !bytes.is_empty() {
        check_type(headers)?;
    }
    Ok(bytes)
}

fn check_type(headers: &HeaderMap) -> Result<(), Fault> {
    let unsupported = |field: &str, expected: &str, got: &str| {
        Fault::new(Condition::UnsupportedMediaType, "the body must be plain JSON").retry(Retry::FixRequest).field(field, expected, got)
    };
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(unsupported("Content-Encoding", "none", "a compressed body"));
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") || (essence.len() > 5 && essence[essence.len() - 5..].eq_ignore_ascii_case("+json"))
    {
        return Ok(());
    }
    Err(unsupported("Content-Type", "application/json", &essence.chars().take(64).collect::<String>()))
}

fn too_large(limit: usize) -> Fault {
    Fault::new(Condition::TooLarge, "the body is too large").retry(Retry::FixRequest).field(
        "body",
        &format!("at most {limit} bytes"),
        "more",
    )
}
