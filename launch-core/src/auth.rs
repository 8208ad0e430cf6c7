//! Accepts only requests that the gateway signed, and tells the handlers who is asking.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

use super::answer::Failure;
use super::{LaunchCore, MAX_BODY_BYTES};
use payments::identity::{
    AGENT_HEADER, GATEWAY_AGENT, IDEMPOTENCY_KEY_HEADER, SIGNATURE_HEADER, SignedParts,
    TIMESTAMP_HEADER, verify,
};

/// Who is asking, proven by the signature.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) agent: String,
    /// Empty when the request has none.
    pub(super) idempotency_key: String,
}

impl Caller {
    /// # Errors
    /// [`Failure::GatewayOnly`] for agents.
    pub(super) fn require_gateway(&self) -> Result<(), Failure> {
        if self.agent == GATEWAY_AGENT { Ok(()) } else { Err(Failure::GatewayOnly) }
    }
}

/// Headers first, then the body, then time and signature; the body goes on as the bytes that were
/// signed.
pub(super) async fn authenticate(
    State(core): State<LaunchCore>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let (mut parts, body) = request.into_parts();
    let Some(signature) = single(&parts.headers, SIGNATURE_HEADER)? else {
        let with_key = parts.headers.contains_key(header::AUTHORIZATION);
        return Err(Failure::Identity(if with_key {
            "invalid or revoked API key"
        } else {
            "identity headers are missing"
        }));
    };
    let missing = Failure::Identity("identity headers are missing");
    let Some(agent) = single(&parts.headers, AGENT_HEADER)?.filter(|agent| !agent.is_empty())
    else {
        return Err(missing);
    };
    let Some(timestamp) = single(&parts.headers, TIMESTAMP_HEADER)? else {
        return Err(missing);
    };
    let timestamp_unix_s = timestamp
        .parse()
        .map_err(|_| Failure::Identity("the identity timestamp is not unix seconds"))?;
    let idempotency_key = single(&parts.headers, IDEMPOTENCY_KEY_HEADER)?.unwrap_or_default();
    let body = to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| Failure::BodyNotRead)?;
    let signed = SignedParts {
        timestamp_unix_s,
        method: parts.method.as_str(),
        path_and_query: parts.uri.path_and_query().map_or("/", |target| target.as_str()),
        agent,
        idempotency_key,
        body: &body,
    };
    let now_unix_s = core.now_unix_ms().div_euclid(1000);
    verify(&core.inner.config.signing_secret, &signed, signature, now_unix_s)
        .map_err(|_| Failure::Identity("the identity signature is stale or wrong"))?;
    let caller = Caller { agent: agent.to_owned(), idempotency_key: idempotency_key.to_owned() };
    parts.extensions.insert(caller);
    Ok(next.run(Request::from_parts(parts, Body::from(body))).await)
}

/// A header that may be there once: a second value could come from somebody else than the gateway.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Failure> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(Failure::Identity("an identity header is not plain text")),
        },
        (Some(_), Some(_)) => Err(Failure::Identity("an identity header is sent twice")),
    }
}
