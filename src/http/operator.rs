//! The second listener: is the process alive, and can it take payments.

use std::{net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use payments::{
    agent::Wallet,
    ports::{BooksError, CardError, RailError, UpstreamError},
};
use serde_json::{Map, Value, json};

use crate::books::errors;

/// Something that must work before the process is ready.
#[async_trait]
pub trait Check: Send + Sync {
    /// Its name in the answer of `/readyz`.
    fn name(&self) -> &'static str;

    /// Whether it works.
    async fn run(&self) -> Result<(), NotReady>;

    /// What more operators see of it in the answer of `/readyz`, under a name of its own.
    fn detail(&self) -> Option<(&'static str, Value)> {
        None
    }

    /// Whether payments need it. What they do not need makes an answer slower or a limit looser
    /// while it is away: that is degraded, not failed.
    fn required(&self) -> bool {
        true
    }
}

/// Why a part does not work. What it says holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// The books cannot be written or read.
    #[error("{}", errors::sentence(.0))]
    Books(#[source] BooksError),
    /// The chain's node does not answer.
    #[error(transparent)]
    Chain(#[from] RailError),
    /// Nothing that the signer sends is mined before this nonce is used.
    #[error("hole at {nonce} in the nonces of {signer}")]
    NonceHole {
        /// The first nonce that nothing uses.
        nonce: u64,
        /// Whose.
        signer: Wallet,
    },
    /// The upstream takes no call of the gateway.
    #[error("the upstream refuses the gateway itself since {since}: {detail}")]
    RefusedByUpstream {
        /// Since when.
        since: String,
        /// What it said.
        detail: String,
    },
    /// The upstream does not answer.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The card processor does not answer.
    #[error(transparent)]
    Cards(#[from] CardError),
    /// The shared cache does not answer.
    #[error(
        "Redis does not answer; each process limits agents by itself, and free proofs are claimed in the books"
    )]
    Cache,
}

/// The checks of readiness.
pub type Checks = Arc<Vec<Box<dyn Check>>>;

/// `/healthz` answers while the process runs, `/readyz` while every part answers that payments
/// need.
pub fn router(checks: Checks, listening: SocketAddr) -> Router {
    Router::new()
        .route("/healthz", get(|| async { Json(json!({"status": "ok"})) }))
        .route("/readyz", get(ready))
        .with_state((checks, listening))
}

async fn ready(State((checks, listening)): State<(Checks, SocketAddr)>) -> impl IntoResponse {
    let (mut parts, mut details) = (Map::new(), Map::new());
    let (mut all, mut degraded) = (true, false);
    for check in checks.iter() {
        let state = match check.run().await {
            Ok(()) => Value::from("ok"),
            Err(why) if check.required() => {
                all = false;
                Value::from(why.to_string())
            }
            Err(why) => {
                degraded = true;
                Value::from(format!("degraded: {why}"))
            }
        };
        parts.insert(check.name().to_owned(), state);
        details.extend(check.detail().map(|(name, detail)| (name.to_owned(), detail)));
    }
    let status = if all { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut answer = json!({"ready": all, "degraded": degraded, "listening": listening.to_string(), "checks": parts});
    if let Some(members) = answer.as_object_mut() {
        members.extend(details);
    }
    (status, Json(answer))
}
