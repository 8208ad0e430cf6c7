//! The gateway's own answers in JSON.

use axum::{body::Body, response::Response};
use http::{HeaderName, HeaderValue, header};
use serde_json::Value;

/// An answer that costs nothing.
pub(super) fn free_of_charge(body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(HeaderName::from_static("x-charge"), HeaderValue::from_static("none; reason=free_route"));
    response
}
