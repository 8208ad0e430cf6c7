//! Answers: JSON bodies, and every failure with its status and code.

use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::CoreError;
use super::rules::refusal::Refusal;

/// Says that the answer is the first one of this key.
pub(super) const REPLAYED_HEADER: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Why a request is not done.
#[derive(Debug)]
pub(super) enum Failure {
    /// A rule of the product.
    Refused(Refusal),
    /// No valid identity: 401 AUTH_001.
    Identity(&'static str),
    /// Only the gateway may ask this: 403 AUTH_002.
    GatewayOnly,
    /// No such launch of this agent: 404 LAUNCH_001.
    LaunchNotFound,
    /// No such key: 404 SERVER_003.
    KeyNotFound,
    /// No such path: 404 SERVER_003.
    NoRoute,
    /// The path has other methods: 405 SERVER_004.
    NoMethod,
    /// The key was used by another agent or with another body: 409 SERVER_009.
    KeyReused,
    /// The body is too large or broke off: 413 SERVER_002.
    BodyNotRead,
    /// The core's own fault, worth trying again: 500 SERVER_008.
    Store(CoreError),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<CoreError> for Failure {
    fn from(error: CoreError) -> Self {
        Self::Store(error)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Failure {
    fn status_and_code(&self) -> (u16, &'static str) {
        match self {
            Self::Refused(refusal) => (refusal.status, refusal.code),
            Self::Identity(_) => (401, "AUTH_001"),
            Self::GatewayOnly => (403, "AUTH_002"),
            Self::LaunchNotFound => (404, "LAUNCH_001"),
            Self::KeyNotFound | Self::NoRoute => (404, "SERVER_003"),
            Self::NoMethod => (405, "SERVER_004"),
            Self::KeyReused => (409, "SERVER_009"),
            Self::BodyNotRead => (413, "SERVER_002"),
            Self::Store(_) => (500, "SERVER_008"),
        }
    }

    fn message(&self) -> &str {
        match self {
            Self::Refused(refusal) => &refusal.message,
            Self::Identity(message) => message,
            Self::GatewayOnly => "only the gateway may ask this",
            Self::LaunchNotFound => "launch not found",
            Self::KeyNotFound => "no creation with this key",
            Self::NoRoute => "resource not found",
            Self::NoMethod => "method not allowed",
            Self::KeyReused => "this Idempotency-Key was used for another request",
            Self::BodyNotRead => "the body is too large or incomplete",
            Self::Store(_) => "database error",
        }
    }

    fn body(&self) -> Value {
        let mut body =
            json!({"error": {"code": self.status_and_code().1, "message": self.message()}});
        if let (Self::Refused(refusal), Some(members)) = (self, body.as_object_mut()) {
            members.insert("details".to_owned(), json!(refusal.details));
            let named =
                [("field", &refusal.field), ("expected", &refusal.expected), ("got", &refusal.got)];
            for (name, value) in named {
                if let Some(value) = value {
                    members.insert(name.to_owned(), value.to_string().into());
                }
            }
        }
        body
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        if let Self::Store(error) = &self {
            tracing::error!(error = error as &dyn std::error::Error, "core.failed");
        }
        json_text(self.status_and_code().0, self.body().to_string())
    }
}

/// An answer of JSON text that is already written.
pub(super) fn json_text(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// `{"data": ...}`.
pub(super) fn data(status: u16, data: &Value) -> Response {
    json_text(status, json!({"data": data}).to_string())
}

pub(super) async fn no_route() -> Failure {
    Failure::NoRoute
}

pub(super) async fn no_method() -> Failure {
    Failure::NoMethod
}
