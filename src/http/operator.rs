//! The second listener: is the process alive, and can it take payments.

use std::{net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use serde_json::{Map, Value, json};

/// Something that must work before the process is ready.
#[async_trait]
pub trait Check: Send + Sync {
    /// Its name in the answer of `/readyz`.
    fn name(&self) -> &'static str;

    /// Whether it works; the text says what does not, without any secret.
    async fn run(&self) -> Result<(), String>;

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
                Value::from(why)
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
