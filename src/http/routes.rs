//! The agents' listener on one screen: every layer in its order, and every route with what serves
//! it.
//!
//! Which route a request is for is decided by the profile's table
//! (`upstream::profile::RouteTable`), not by axum's router: paths of the upstream come from a file,
//! are compared as they were sent, and answer under `/v1` too. `exchange` looks a request up there,
//! and reads it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, State},
    response::Response,
};
use http::{HeaderName, Method, Request, header};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{Any, CorsLayer},
};
use tracing::Instrument as _;

use super::{
    describe,
    exchange::{Exchange, Received},
    problem, reply,
    state::Api,
};
use crate::{
    gateway::{self, GatewayError},
    telemetry::trace,
    upstream::profile::{OwnRoute, Target},
};

/// The router with its layers, innermost first.
pub fn router(api: Arc<Api>) -> Router {
    Router::new()
        // No `.route(...)`: axum would answer HEAD, other methods and encoded paths in its own way,
        // and a second list of routes could disagree with the one that says what costs money
        // (docs/adr/0005-one-table-of-routes.md).
        .fallback(answer)
        .with_state(api)
        // Preflights are answered without a payment.
        .layer(cors())
        // Outermost: a panic answers 500 and nothing else.
        .layer(CatchPanicLayer::custom(problem::panicked))
}

/// Every request: read, served by its route, and answered.
async fn answer(
    State(api): State<Arc<Api>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut exchange: Exchange,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let (trace, span) = (Arc::clone(&exchange.trace), exchange.span());
    let answered = async {
        let response = match exchange.receive(&api, peer, &parts, body).await {
            Ok(mut received) => {
                let served = serve(&api, &mut received).await;
                exchange.served(&api, received.call, served)
            }
            Err(error) => exchange.refused(&api, &error),
        };
        exchange.finish(&api, response)
    };
    trace::within(trace, answered.instrument(span)).await
}

/// Every route, and what serves it.
async fn serve(api: &Api, received: &mut Received<'_>) -> Result<Response, GatewayError> {
    let (pipeline, call, credential) = (&api.gateway, &mut received.call, &received.credential);
    let reply = match &received.route.target {
        // GET /openapi.json
        Target::Own(OwnRoute::OpenApi) => return Ok(describe::openapi(api)),
        // GET /llms.txt
        Target::Own(OwnRoute::Llms) => return Ok(describe::llms(api)),
        // GET /usage
        Target::Own(OwnRoute::Usage) => gateway::show_usage(pipeline, call, credential).await,
        // GET /payments/:id
        Target::Own(OwnRoute::Payment) => gateway::show_payment(pipeline, call, credential).await,
        // GET /credits
        Target::Own(OwnRoute::Credits) => gateway::show_credits(pipeline, call, credential).await,
        // POST /credits/purchase
        Target::Own(OwnRoute::Purchase) => gateway::buy_pack(pipeline, call, credential).await,
        // GET /quote
        Target::Own(OwnRoute::Quote) => gateway::quote_route(pipeline, call, credential).await,
        // POST /agent-token/rotate
        Target::Own(OwnRoute::RotateToken) => {
            gateway::rotate_token(pipeline, call, credential).await
        }
        // POST /webhooks/stripe
        Target::Own(OwnRoute::CardEvents) => gateway::take_event(pipeline, call).await,
        // Every route of the profile.
        Target::Upstream(upstream) => {
            gateway::upstream_route(pipeline, upstream, call, credential).await
        }
    };
    reply.map(reply::response)
}

/// Real clients send odd request headers, and browsers must be able to read every receipt.
fn cors() -> CorsLayer {
    let allowed = [
        header::CONTENT_TYPE,
        header::AUTHORIZATION,
        HeaderName::from_static("x-payment"),
        HeaderName::from_static("payment-signature"),
        HeaderName::from_static("sign-in-with-x"),
        HeaderName::from_static("idempotency-key"),
        HeaderName::from_static("accept-payment"),
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderName::from_static("payment-retry"),
        HeaderName::from_static("x-agent-token"),
        HeaderName::from_static("x-402-version"),
    ];
    let exposed = [
        "payment-required",
        "payment-response",
        "x-payment-response",
        "www-authenticate",
        "payment-receipt",
        "retry-after",
        "x-agent-token",
        "x-charge",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-request-id",
        "x-turnpike-mode",
        "idempotent-replayed",
    ];
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(allowed)
        .expose_headers(exposed.map(HeaderName::from_static))
        .max_age(Duration::from_secs(600))
}
