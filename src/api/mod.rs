//! The agents' side. Every request goes through [`dispatch::dispatch`]; the layers around it are all in [`router`].
//!
//! A request's way reads top to bottom: `dispatch` (route, peer limit, credential), then `priced`, `free` (identity only)
//! or `own` (the gateway's own routes). `problem` is the one place that turns a fault into a status.

mod answer;
mod body;
mod call;
mod cards;
mod challenges;
mod credential;
mod delivery;
mod describe;
mod dispatch;
mod earlier_terms;
mod faults;
mod framing;
mod free;
mod free_calls;
mod limits;
mod load;
pub mod operator;
mod own;
mod peer;
mod priced;
mod problem;
mod proof;
mod refusal;
mod replay;
pub mod server;
pub mod story;
mod told;
mod trace;
mod turns;

use std::{sync::Arc, time::Duration};

use axum::Router;
use http::{HeaderName, HeaderValue, Method, header};
use payments::{challenge::ErrorShapeSetting, checkout::World, route::Quota, x402::requirements::Requirements};
use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{Any, CorsLayer},
};

pub use cards::{CardDesk, Looks, Pack};
pub use challenges::{CardTerms, ChallengeError, Challenges};
pub use describe::Descriptions;
pub use limits::{LimitSettings, Limits};
pub use load::{Load, LoadLimits};
pub use peer::TrustedProxies;
pub use turns::Turns;

use crate::{
    clock::SystemClock,
    telemetry::Telemetry,
    upstream::profile::{ApiKeys, Codes, Envelope, RouteTable},
    worker::drives::Drives,
};

/// Everything that a request may use.
pub struct Api {
    /// The rules' ports.
    pub world: World,
    /// The drivers of intents.
    pub drives: Drives,
    /// Every route.
    pub table: RouteTable,
    /// Status and code of each condition.
    pub codes: Codes,
    /// The shape of errors that the upstream's clients read.
    pub envelope: Envelope,
    /// Prepared 402s and offers.
    pub challenges: Challenges,
    /// What developers of agents read.
    pub descriptions: Descriptions,
    /// Everything about cards, where they are taken.
    pub cards: Option<CardDesk>,
    /// Copies of one proof take turns.
    pub turns: Turns,
    /// Rate limits.
    pub limits: Limits,
    /// How much is taken on at the same time.
    pub load: Load,
    /// Whose address a forwarded one is believed from.
    pub trusted_proxies: TrustedProxies,
    /// Ids and time for logs.
    pub clock: SystemClock,
    /// What an agent may ask of a body beyond its schema.
    pub body_rules: BodyRules,
    /// Plain numbers.
    pub settings: ApiSettings,
    /// What is counted.
    pub telemetry: Arc<Telemetry>,
    /// Cancelled when the process drains.
    pub draining: CancellationToken,
}

/// The rules of a body beyond its schema: the parsed body and the time in unix seconds.
pub type BodyRules = Box<dyn Fn(&str, &Value, i64) -> Result<(), Box<BodyRefusal>> + Send + Sync>;

/// A body that the upstream or the rules for agents would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyRefusal {
    /// HTTP status.
    pub status: u16,
    /// The product's error code.
    pub code: String,
    /// One sentence for people.
    pub message: String,
    /// Every finding, the leading one first where only one speaks.
    pub details: Vec<BodyFinding>,
    /// The member that the leading finding speaks of.
    pub field: String,
    /// What would be accepted.
    pub expected: String,
    /// What was sent, shortened.
    pub got: String,
}

/// One thing that is wrong with a body, as `details` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BodyFinding {
    /// The member, for example `platform_contents.twitter.thread[2]`.
    pub field: String,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What would be accepted.
    pub expected: String,
    /// What was sent, shortened.
    pub got: String,
}

/// Plain numbers and texts of the HTTP side.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Scheme and host that clients call, without a trailing slash.
    pub public_url: String,
    /// Largest request body in bytes.
    pub body_bytes: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How long a request waits for its intent.
    pub answer_deadline: Duration,
    /// The same, once the process drains.
    pub drain_deadline: Duration,
    /// Longest life of an authorization, in seconds.
    pub max_window_s: u64,
    /// The form of `error`.
    pub error_shape: ErrorShapeSetting,
    /// Every answer of a sandbox says so.
    pub sandbox: bool,
    /// The quotas of free calls, as `GET /usage` shows them.
    pub quotas: Vec<Quota>,
    /// The upstream's own API keys that pass through.
    pub api_keys: ApiKeys,
}

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

impl Api {
    /// Ends when a request has waited for its intent as long as it may; a drain shortens the wait of those that wait already.
    async fn out_of_patience(&self) {
        let drained = async {
            self.draining.cancelled().await;
            tokio::time::sleep(self.settings.drain_deadline).await;
        };
        tokio::select! {
            () = tokio::time::sleep(self.settings.answer_deadline) => {}
            () = drained => {}
        }
    }

    /// What a free route asks for.
    fn requirements(&self) -> &Requirements {
        self.challenges.requirements()
    }
}

fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("?"))
}
