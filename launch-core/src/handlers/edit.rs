//! `PATCH` and `DELETE /launches/:id`.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::super::answer::{Failure, data};
use super::super::auth::Caller;
use super::super::rules::launch::Status;
use super::super::rules::patch as rules;
use super::super::rules::refusal::{Kind, Refusal, Violation};
use super::super::store::{creations, launches, posts};
use super::super::{LaunchCore, views};
use super::{json_body, own};

/// Reads, changes and saves in one transaction, so that two changes cannot overwrite each other.
pub(in super::super) async fn patch(
    State(core): State<LaunchCore>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Failure> {
    core.post_due().await?;
    let now_unix_ms = core.now_unix_ms();
    let mut tx = core.inner.store.begin().await?;
    let mut launch = own(&mut tx, &caller, &id).await?;
    let patch = rules::parse(&json_body(&body)?, core.connected(), now_unix_ms)?;
    let before = views::detail(&launch, &[]);
    if let Some(media) = rules::apply(&mut launch, patch, now_unix_ms)
        .map_err(|refusal| refusal.complete(&before))?
    {
        launch.content.media_assets = core.keep_media(&mut tx, launch.id, media).await?;
    }
    launches::update(&mut tx, &launch).await?;
    let posts = posts::of_launch(&mut tx, launch.id).await?;
    tx.commit().await?;
    Ok(data(200, &views::detail(&launch, &posts)))
}

/// The record of the creation and its key stays.
pub(in super::super) async fn delete(
    State(core): State<LaunchCore>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    core.post_due().await?;
    let mut tx = core.inner.store.begin().await?;
    let launch = own(&mut tx, &caller, &id).await?;
    if launch.status == Status::Running {
        let message = "cannot delete a launch that is currently running";
        let refusal = Refusal::one(
            Violation::new(Kind::StatusForbidsChange, "status", message)
                .expected("any status but running"),
        );
        return Err(refusal.complete(&views::detail(&launch, &[])).into());
    }
    launches::delete(&mut tx, launch.id).await?;
    creations::mark_deleted(&mut tx, launch.id, core.now_unix_ms()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
