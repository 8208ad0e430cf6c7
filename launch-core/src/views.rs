//! The JSON shapes of the product text.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::rules::launch::{Launch, Status};
use super::store::posts::{Outcome, Post};

/// ISO 8601 in UTC with milliseconds, as in all answers of the product.
pub(super) fn iso(unix_ms: i64) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000)
        .ok()
        .and_then(|instant| instant.format(format).ok())
        .unwrap_or_default()
}

fn iso_or_null(unix_ms: Option<i64>) -> Value {
    unix_ms.map_or(Value::Null, |unix_ms| iso(unix_ms).into())
}

/// The answer to a creation; `status` may be the one before publishing ended.
pub(super) fn created(launch: &Launch, status: Status) -> Value {
    json!({
        "id": launch.id,
        "name": launch.name,
        "status": status,
        "platforms": launch.content.platforms,
        "scheduled_date": iso_or_null(launch.scheduled_unix_ms),
        "created_at": iso(launch.created_unix_ms),
        "updated_at": iso(launch.updated_unix_ms),
    })
}

/// An item of `GET /launches`.
pub(super) fn item(launch: &Launch) -> Value {
    let content = &launch.content;
    json!({
        "id": launch.id,
        "name": launch.name,
        "status": launch.status,
        "platforms": content.platforms,
        "scheduled_date": iso_or_null(launch.scheduled_unix_ms),
        "product_url": content.product_url,
        "product_description": content.product_description,
        "persona_id": null,
        "media_mode": content.media_mode,
        "media_assets": if content.media_assets.is_empty() { Value::Null } else { json!(content.media_assets) },
        "dropspace_platforms": if content.dropspace_platforms.is_empty() { Value::Null } else { json!(content.dropspace_platforms) },
        "user_platform_accounts": null,
        "created_at": iso(launch.created_unix_ms),
        "updated_at": iso(launch.updated_unix_ms),
    })
}

/// `GET /launches/:id` and the answer to a change: the list item, its content and what became of
/// it.
pub(super) fn detail(launch: &Launch, posts: &[Post]) -> Value {
    let mut detail = item(launch);
    let content = &launch.content;
    let more = [
        ("platform_contents", json!(content.platform_contents)),
        ("media_assets", json!(content.media_assets)),
        ("media_attach_platforms", json!(content.media_attach_platforms)),
        ("posting_status", posting_status(posts, true)),
        ("started_at", iso_or_null(launch.started_unix_ms)),
        ("completed_at", iso_or_null(launch.completed_unix_ms)),
    ];
    for (name, value) in more {
        detail[name] = value;
    }
    detail
}

/// Result per platform; the answer to `wait: true` names no times.
pub(super) fn posting_status(posts: &[Post], with_times: bool) -> Value {
    let entry = |post: &Post| match &post.outcome {
        Outcome::Success { post_url } if with_times => {
            json!({"status": "success", "post_url": post_url, "posted_at": iso_or_null(post.posted_unix_ms)})
        }
        Outcome::Success { post_url } => json!({"status": "success", "post_url": post_url}),
        Outcome::Failed { message, .. } => json!({"status": "failed", "error_message": message}),
    };
    let map: Map<String, Value> =
        posts.iter().map(|post| (post.platform.id().to_owned(), entry(post))).collect();
    Value::Object(map)
}

/// `GET /launches/:id/status`.
pub(super) fn status(launch: &Launch, posts: &[Post]) -> Value {
    let log = |post: &Post| {
        let (status, post_url, code, message) = match &post.outcome {
            Outcome::Success { post_url } => ("success", Some(post_url), None, None),
            Outcome::Failed { code, message } => ("failed", None, Some(code), Some(message)),
        };
        json!({
            "id": post.id,
            "platform": post.platform,
            "status": status,
            "post_url": post_url,
            "post_id": post_url.map(|_| post.id),
            "error_message": message,
            "error_code": code,
            "attempt_count": post.attempt_count,
            "posted_at": iso_or_null(post.posted_unix_ms),
            "created_at": iso(post.created_unix_ms),
        })
    };
    let logs: Vec<Value> = posts.iter().map(log).collect();
    json!({"launch_id": launch.id, "launch_status": launch.status, "posting_logs": logs})
}
