//! The one place from an error to its answer: status, code, body and headers. The files beside this
//! one say what each error is answered with; here it is written in the form that the client reads.

mod answer;
mod card;
mod gateway;
mod payment;
mod request;

use std::any::Any;

use axum::{body::Body, response::Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use payments::{
    challenge::{ErrorShape, Problem, Render},
    mpp::{digest::BodyDigest, stripe::offer::Challenge},
};
use serde_json::Value;

use self::answer::Details;
use super::{
    asked::{Asked, Refused},
    error::ApiError,
    headers::header_value,
    state::Api,
};
use crate::gateway::{AGENT_TOKEN_HINT, Challenged};

/// The answer to a request that is refused.
pub(super) fn respond(api: &Api, error: &ApiError, asked: &Asked) -> Response {
    let answer = match error {
        ApiError::Request(error) => request::answer(error),
        ApiError::Gateway(error) => gateway::answer(api, asked, error),
    };
    let in_usdc =
        asked.challenged.is_some_and(|challenged| api.gateway.challenges.asks_for_usdc(challenged));
    // What is signed for our chain could not be checked on another one.
    let unverifiable = answer.0.challenge && in_usdc && api.gateway.world.rail.on_wrong_chain();
    let answer = if unverifiable { payment::no_challenge() } else { answer };
    written(api, *answer.0, asked)
}

fn written(api: &Api, details: Details, asked: &Asked) -> Response {
    let (status, code) = match &details.own_code {
        Some((status, code)) => {
            (StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST), code.as_str())
        }
        None => api.codes.get(details.condition),
    };
    let problem = Problem {
        code,
        message: &details.message,
        reason: details.reason.as_deref(),
        phase: details.phase,
        retry: details.retry,
        field: details.field.as_deref(),
        expected: details.expected.as_deref(),
        got: details.got.as_deref(),
        payment_id: details.payment_id.as_deref(),
        docs: None,
    };
    let offer = asked.challenged.filter(|_| details.challenge);
    let (body, required) = match offer {
        Some(challenged) => {
            api.gateway.telemetry.challenged(asked.route, asked.rail, details.reason.as_deref());
            let card = fresh(api, challenged, &asked.body);
            let offers_card = card.is_some();
            let card = card.as_ref().map(|challenge| (challenge, details.card_problem));
            let rendered = api.gateway.challenges.prepared(challenged).render(&Render {
                resource_url: &asked.url,
                problem,
                shape: asked.shape,
                card,
            });
            let mut extra = details.extra;
            extra.extend(offers_card.then(|| ("agent_token", AGENT_TOKEN_HINT.into())));
            (
                with_members(rendered.body, &extra),
                Some((rendered.header_payment_required, rendered.header_www_authenticate)),
            )
        }
        None => (with_members(problem.body(asked.shape), &details.extra), None),
    };
    let waiting = details.headers.iter().find(|(name, _)| name == header::RETRY_AFTER);
    let retry_after_s = waiting.and_then(|(_, value)| value.to_str().ok()?.parse().ok());
    let body = match asked.shape {
        ErrorShape::Object => api.envelope.dress(body, code, &details.message, retry_after_s),
        ErrorShape::String => body,
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some((x402, card)) = required {
        let offers =
            [(HeaderName::from_static("payment-required"), x402), (header::WWW_AUTHENTICATE, card)];
        headers.extend(
            offers.into_iter().filter_map(|(name, value)| Some((name, header_value(&value?)))),
        );
    }
    headers.extend(details.headers);
    response.extensions_mut().insert(Refused {
        code: code.to_owned(),
        reason: details.reason,
        payment_id: details.payment_id,
        phase: details.phase,
        unverified: details.unverified,
    });
    response
}

/// A fresh challenge for cards: its expiry, the digest of the body, and 128 random bits.
fn fresh<'a>(api: &'a Api, challenged: Challenged, body: &[u8]) -> Option<Challenge<'a>> {
    let (desk, offer) =
        (api.gateway.cards.as_ref()?, api.gateway.challenges.card_offer(challenged)?);
    let digest = desk.bind_bodies.then(|| BodyDigest::of(body));
    let expires = api.gateway.world.clock.now().plus_ms(desk.challenge_ttl_ms);
    let nonce = crate::clock::random_bytes::<16>().ok()?;
    Some(offer.challenge(&desk.secrets, expires, digest.as_ref(), &nonce))
}

/// Puts more members behind those of a body that ends with `}`.
fn with_members(mut body: Vec<u8>, members: &[(&'static str, Value)]) -> Vec<u8> {
    if !members.is_empty() && body.pop() == Some(b'}') {
        for (name, value) in members {
            body.extend(format!(",\"{name}\":{value}").into_bytes());
        }
        body.push(b'}');
    }
    body
}

/// The answer to a panic: the work of an intent goes on in its own task, and the client may ask for
/// it.
pub(super) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("request.panicked");
    let body =
        r#"{"error":{"code":"SERVER_001","message":"internal error"},"retry":"resend_same_proof"}"#;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
