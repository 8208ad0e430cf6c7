//! `POST /launches`: at most one launch per key, and the same answer to the same key for ever.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::SqliteConnection;

use super::super::answer::{Failure, REPLAYED_HEADER, json_text};
use super::super::auth::Caller;
use super::super::rules::create::{CreateLaunch, parse};
use super::super::rules::launch::{Launch, Status};
use super::super::rules::publish;
use super::super::rules::refusal::{Refusal, Violation};
use super::super::store::creations::{self, Creation};
use super::super::store::launches;
use super::super::{LaunchCore, views};
use super::json_body;

const KEY_MAX_CHARS: usize = 255;

/// Key, rules, then one transaction: look the key up, else save launch, posts and key row together.
/// A refusal is not kept: the same request is judged again.
pub(in super::super) async fn create(
    State(core): State<LaunchCore>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Result<Response, Failure> {
    let key = &caller.idempotency_key;
    if key.is_empty() || key.len() > KEY_MAX_CHARS {
        let message = "Idempotency-Key is required";
        let violation =
            Violation::invalid("Idempotency-Key", message).expected("1 to 255 characters");
        return Err(Refusal::one(violation).into());
    }
    let body_sha256 = Sha256::digest(&body).to_vec();
    // Judged before the lock is taken; the verdict counts only if the key is new.
    let now_unix_ms = core.now_unix_ms();
    let verdict =
        json_body(&body).and_then(|body| Ok(parse(&body, core.connected(), now_unix_ms)?));

    let mut tx = core.inner.store.begin().await?;
    if let Some(first) = creations::find(&mut tx, key).await? {
        return replay(&caller, &body_sha256, first);
    }
    let (launch, answer_status, answer_body) =
        save(&core, &mut tx, &caller, verdict?, now_unix_ms).await?;
    let creation = Creation {
        seq: 0,
        idempotency_key: key.clone(),
        agent: caller.agent.clone(),
        body_sha256,
        launch_id: launch.id,
        answer_status,
        answer_body,
        created_unix_ms: now_unix_ms,
        deleted_unix_ms: None,
    };
    creations::insert(&mut tx, &creation).await?;
    tx.commit().await?;
    Ok(json_text(answer_status, creation.answer_body))
}

fn replay(caller: &Caller, body_sha256: &[u8], first: Creation) -> Result<Response, Failure> {
    if first.agent != caller.agent || first.body_sha256 != body_sha256 {
        return Err(Failure::KeyReused);
    }
    let mut answer = json_text(first.answer_status, first.answer_body);
    answer.headers_mut().insert(REPLAYED_HEADER, axum::http::HeaderValue::from_static("true"));
    Ok(answer)
}

/// Saves launch, media and posts, and says what the answer is: 201, 202 with `publish`, 200 with
/// `wait`, 201 with `publish_error` when it is created but cannot be published.
async fn save(
    core: &LaunchCore,
    conn: &mut SqliteConnection,
    caller: &Caller,
    create: CreateLaunch,
    now_unix_ms: i64,
) -> Result<(Launch, u16, String), Failure> {
    let mut launch = Launch {
        id: core.new_id(),
        agent: caller.agent.clone(),
        name: create.title,
        status: create.status,
        scheduled_unix_ms: create.scheduled_unix_ms,
        created_unix_ms: now_unix_ms,
        updated_unix_ms: now_unix_ms,
        started_unix_ms: None,
        completed_unix_ms: None,
        content: create.content,
    };
    launches::insert(conn, &launch).await?;
    launch.content.media_assets = core.keep_media(conn, launch.id, create.media).await?;
    let requirements =
        if create.publish { Some(publish::requirements(&launch.content)) } else { None };
    let (status, body) = match requirements {
        None => (201, json!({"data": views::created(&launch, launch.status)})),
        Some(Err(refusal)) => {
            let error = json!({"code": refusal.code, "message": refusal.message});
            (201, json!({"data": views::created(&launch, launch.status), "publish_error": error}))
        }
        Some(Ok(())) => {
            let posts = core.post(conn, &mut launch, now_unix_ms).await?;
            if create.wait {
                let mut data = views::created(&launch, launch.status);
                data["posting_status"] = views::posting_status(&posts, false);
                (200, json!({"data": data}))
            } else {
                // To the client publishing is under way: it reads the result from the status.
                (202, json!({"data": views::created(&launch, Status::Running)}))
            }
        }
    };
    launches::update(conn, &launch).await?;
    Ok((launch, status, body.to_string()))
}
