//! For the gateway itself: what became of a key, every creation for its reconciler, and health.

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::super::answer::{Failure, data, json_text};
use super::super::auth::Caller;
use super::super::store::creations::{self, Creation};
use super::super::{LaunchCore, views};
use super::read::{Params, number};

const DEFAULT_LIMIT: i64 = 200;
const MAX_LIMIT: i64 = 1_000;

/// `GET /_core/launches/by-key/:key`: the answer that the creation got, byte for byte in `body`.
pub(in super::super) async fn by_key(
    State(core): State<LaunchCore>,
    Extension(caller): Extension<Caller>,
    Path(key): Path<String>,
) -> Result<Response, Failure> {
    caller.require_gateway()?;
    let mut view = core.inner.store.snapshot().await?;
    let creation = creations::find(&mut view, &key).await?.ok_or(Failure::KeyNotFound)?;
    let mut found = record(&creation);
    found["body_sha256"] = hex::encode(&creation.body_sha256).into();
    found["status"] = creation.answer_status.into();
    found["content_type"] = "application/json".into();
    found["body"] = creation.answer_body.into();
    Ok(data(200, &found))
}

/// `GET /_core/launches?after=&limit=`: every creation, oldest first; `next` goes into `after`,
/// null at the end.
pub(in super::super) async fn list(
    State(core): State<LaunchCore>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<Params>,
) -> Result<Response, Failure> {
    caller.require_gateway()?;
    let after = number(&params, "after", 0, 0..=i64::MAX)?;
    let limit = number(&params, "limit", DEFAULT_LIMIT, 1..=MAX_LIMIT)?;
    let mut view = core.inner.store.snapshot().await?;
    // One more than asked for tells whether there is a next page.
    let mut page = creations::page(&mut view, after, limit + 1).await?;
    let more = page.len() as i64 > limit;
    page.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = page.last().filter(|_| more).map(|last| last.seq);
    let items: Vec<Value> = page.iter().map(record).collect();
    Ok(json_text(200, json!({"data": items, "next": next}).to_string()))
}

/// `GET /_core/health`: 200 when the database answers.
pub(in super::super) async fn health(
    State(core): State<LaunchCore>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Failure> {
    caller.require_gateway()?;
    sqlx::query("SELECT 1 FROM creations LIMIT 1").fetch_optional(&core.inner.store.read).await?;
    Ok(data(200, &json!({"status": "ok"})))
}

fn record(creation: &Creation) -> Value {
    json!({
        "id": creation.launch_id,
        "agent": creation.agent,
        "idempotency_key": creation.idempotency_key,
        "created_at": views::iso(creation.created_unix_ms),
        "deleted_at": creation.deleted_unix_ms.map(views::iso),
    })
}
