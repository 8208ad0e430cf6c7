//! `POST /launches/:id/publish`.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::json;

use super::super::answer::{Failure, data};
use super::super::auth::Caller;
use super::super::rules::publish as rules;
use super::super::store::launches;
use super::super::{LaunchCore, views};
use super::own;

/// Posting is local, so it is done when the answer says that it is queued.
pub(in super::super) async fn publish(
    State(core): State<LaunchCore>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    core.post_due().await?;
    let mut tx = core.inner.store.begin().await?;
    let mut launch = own(&mut tx, &caller, &id).await?;
    rules::allow(&launch).map_err(|refusal| refusal.complete(&views::detail(&launch, &[])))?;
    core.post(&mut tx, &mut launch, core.now_unix_ms()).await?;
    launches::update(&mut tx, &launch).await?;
    tx.commit().await?;
    Ok(data(202, &json!({"message": "publish queued"})))
}
