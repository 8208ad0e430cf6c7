//! The shapes of answers: a list with the way to its next page, and a refusal in the words of the
//! house.

use axum::{Json, extract::Request, response::IntoResponse, response::Response};
use http::{HeaderValue, StatusCode, header};
use payments::ports::{BooksError, desk::FilterError};
use serde::Serialize;
use serde_json::{Value, json};

use super::ask::Asked;
use crate::worker::drives::chain;

/// Why something is not answered, or not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// What is wrong with what was sent; the first one leads.
    pub(super) details: Vec<Detail>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Detail {
    pub(super) field: String,
    pub(super) expected: String,
    pub(super) got: String,
}

/// The longest part of what was sent that is repeated, in characters.
const LONGEST_GOT: usize = 100;

// === impl Refusal ===

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: Vec::new() }
    }

    /// 400: something that was sent says nothing.
    pub(super) fn wrong(field: &str, expected: impl Into<String>, got: &str) -> Self {
        let mut refusal = Self::new(StatusCode::BAD_REQUEST, "SERVER_002", "");
        refusal.details.push(Detail {
            field: field.to_owned(),
            expected: expected.into(),
            got: got.chars().take(LONGEST_GOT).collect(),
        });
        refusal.said()
    }

    /// 401: nobody that is known.
    pub(super) fn unknown_operator(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "AUTH_001", message)
    }

    /// 403: not from here.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AUTH_002", message)
    }

    /// 404.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "SERVER_003", message)
    }

    /// 409: as it stands, it cannot be done.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "SERVER_009", message)
    }

    /// 413.
    pub(super) fn too_large(message: &str) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "SERVER_002", message)
    }

    /// 429.
    pub(super) fn too_many(message: &str) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_001", message)
    }

    /// A fault of ours: logged here once, and told without its cause.
    pub(super) fn fault(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = %chain(error), "operator.failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "SERVER_001", "internal error; see the log")
    }

    /// 503: the answer of the books was lost. Under its name the change is made once, however often
    /// it is asked for.
    pub(super) fn not_known(error: &BooksError, name: &str) -> Self {
        let refusal = Self::fault(error);
        let message = format!(
            "outcome unknown: retry with Idempotency-Key: {name}, under which it is done once"
        );
        Self { status: StatusCode::SERVICE_UNAVAILABLE, message, ..refusal }
    }

    /// With a sentence made of what is wrong.
    fn said(mut self) -> Self {
        let parts: Vec<String> = self
            .details
            .iter()
            .map(|wrong| {
                format!("{}: expected {}, got {:?}", wrong.field, wrong.expected, wrong.got)
            })
            .collect();
        self.message = parts.join("; ");
        self
    }
}

impl From<BooksError> for Refusal {
    fn from(error: BooksError) -> Self {
        let refusal = Self::fault(&error);
        match error {
            BooksError::Unavailable(_) => Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                message: String::from("the database is unavailable; retry later"),
                ..refusal
            },
            BooksError::NotKnown(_) => Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                message: String::from("outcome unknown: check the audit log before you retry"),
                ..refusal
            },
            BooksError::Stale(_) | BooksError::Corrupt { .. } => refusal,
        }
    }
}

impl From<Vec<FilterError>> for Refusal {
    fn from(errors: Vec<FilterError>) -> Self {
        let details = errors
            .into_iter()
            .map(|error| Self::wrong(error.field, error.expected, &error.got).details)
            .collect::<Vec<_>>();
        let mut refusal = Self::new(StatusCode::BAD_REQUEST, "SERVER_002", "");
        refusal.details = details.concat();
        refusal.said()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({"error": {"code": self.code, "message": self.message}});
        if let Some(first) = self.details.first() {
            body["field"] = json!(first.field);
            body["expected"] = json!(first.expected);
            body["got"] = json!(first.got);
            body["details"] = json!(self.details);
        }
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"turnpike operator\""),
            );
        }
        response
    }
}

/// A page of a list, one row more than asked for where there are more; `key` is where the page
/// after it starts.
pub(super) fn rows<R: Serialize>(
    asked: &Asked,
    mut rows: Vec<R>,
    limit: u32,
    key: impl Fn(&R) -> String,
) -> Response {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(key);
    listed(asked, json!({"rows": rows, "next": next}), next.as_deref())
}

/// A list that has one page.
pub(super) fn all<R: Serialize>(rows: &[R]) -> Response {
    Json(json!({"rows": rows, "next": null})).into_response()
}

/// A list in this body, with the address of its next page.
pub(super) fn listed(asked: &Asked, body: Value, next: Option<&str>) -> Response {
    let mut response = Json(body).into_response();
    if let Some(next) = next
        && let Ok(link) = HeaderValue::from_str(&format!("<{}>; rel=\"next\"", asked.next(next)))
    {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

/// No such path.
pub(super) async fn not_found(request: Request) -> Refusal {
    Refusal::not_found(format!("there is no {}", request.uri().path()))
}

/// No such method; the router adds `Allow`.
pub(super) async fn not_allowed(request: Request) -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "SERVER_004",
        format!("method {} not allowed", request.method()),
    )
}
