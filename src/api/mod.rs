//! The agents' side. Every request goes through [`dispatch::dispatch`]; the layers around it are all in [`router`].
//!
//! A request's way reads top to bottom: `dispatch` (route, peer limit, credential), then `priced`, `free` (identity only)
//! or `own` (the gateway's own routes). `problem` is the one place that turns an error into an answer.

mod answer;
mod asked;
mod body;
mod body_rules;
mod call;
mod cards;
mod challenges;
mod claiming;
mod credential;
mod delivery;
mod describe;
mod dispatch;
mod earlier_terms;
mod error;
mod framing;
mod free;
mod free_calls;
mod headers;
mod json;
mod limits;
mod load;
pub mod operator;
mod own;
mod peer;
mod priced;
mod problem;
mod proof;
mod rate;
mod replay;
pub mod server;
mod state;
pub mod story;
mod told;
mod trace;
mod turns;

use std::{sync::Arc, time::Duration};

use axum::Router;
use http::{HeaderName, Method, header};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{Any, CorsLayer},
};

pub use body_rules::{BodyFinding, BodyRefusal, BodyRules};
pub use cards::{
    desk::{CardDesk, Pack},
    looks::Looks,
};
pub use challenges::{CardTerms, ChallengeError, Challenges};
pub use describe::kept::Descriptions;
pub use limits::{LimitSettings, Limits};
pub use load::{Load, LoadLimits};
pub use peer::TrustedProxies;
pub use state::{Api, ApiSettings};
pub use turns::Turns;

/// The router with its layers, outermost first: a panic answers 500 and nothing else; preflights are answered without payment.
pub fn router(api: Arc<Api>) -> Router {
    Router::new().fallback(dispatch::dispatch).with_state(api).layer(cors()).layer(CatchPanicLayer::custom(problem::panicked))
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
