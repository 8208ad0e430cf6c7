//! Answers, and the headers that Stripe puts on them.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;

use super::error::ApiError;

/// The version of an account that asks for none.
const USUAL_VERSION: &str = "2026-09-30.endive";

/// What goes back: an answer, or a closed connection.
pub(super) enum Reply {
    Answer(Answer),
    Drop,
}

/// An answer before it is bytes.
pub(super) struct Answer {
    pub status: u16,
    pub body: Value,
    headers: Vec<(&'static str, String)>,
}

impl Answer {
    /// Stripe's mark on an answer that was given before.
    pub(super) const REPLAYED: &'static str = "idempotent-replayed";

    pub(super) fn replayed(&self) -> bool {
        self.headers.iter().any(|(name, _)| *name == Self::REPLAYED)
    }

    pub(super) fn new(status: u16, body: Value) -> Self {
        Self { status, body, headers: Vec::new() }
    }

    pub(super) fn error(error: &ApiError) -> Self {
        Self::new(error.status, error.body())
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The headers of each call.
    pub(super) fn about(self, request_id: &str, version: Option<&str>, key: Option<&str>) -> Self {
        let answer = self
            .header("request-id", request_id)
            .header("stripe-version", version.unwrap_or(USUAL_VERSION));
        match key {
            Some(key) => answer.header("idempotency-key", key),
            None => answer,
        }
    }

    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.body.to_string())));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-turnpike-mode", HeaderValue::from_static("sandbox"));
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        response
    }
}
