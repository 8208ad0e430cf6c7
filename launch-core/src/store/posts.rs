//! The local feed: one row per launch and platform.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::super::CoreError;
use super::super::rules::platforms::Platform;
use super::uuid;

/// How posting ended.
pub(in super::super) enum Outcome {
    Success { post_url: String },
    Failed { code: String, message: String },
}

/// A post, or the last failed attempt at one.
pub(in super::super) struct Post {
    pub(in super::super) id: Uuid,
    pub(in super::super) platform: Platform,
    pub(in super::super) outcome: Outcome,
    pub(in super::super) attempt_count: i64,
    pub(in super::super) posted_unix_ms: Option<i64>,
    pub(in super::super) created_unix_ms: i64,
}

fn post(row: &SqliteRow) -> Result<Post, CoreError> {
    let id: String = row.try_get("id")?;
    let platform: String = row.try_get("platform")?;
    let text =
        |column: &str| row.try_get::<Option<String>, _>(column).map(Option::unwrap_or_default);
    let status: String = row.try_get("status")?;
    Ok(Post {
        id: uuid(&id, "posts", "id")?,
        platform: Platform::from_id(&platform).ok_or(CoreError::Corrupt {
            table: "posts",
            column: "platform",
            id,
        })?,
        outcome: match status.as_str() {
            "success" => Outcome::Success { post_url: text("post_url")? },
            _ => Outcome::Failed { code: text("error_code")?, message: text("error_message")? },
        },
        attempt_count: row.try_get("attempt_count")?,
        posted_unix_ms: row.try_get("posted_unix_ms")?,
        created_unix_ms: row.try_get("created_unix_ms")?,
    })
}

/// Saves an attempt; a later one takes the place of a failed one and counts up.
pub(in super::super) async fn save(
    conn: &mut SqliteConnection,
    launch_id: Uuid,
    id: Uuid,
    platform: Platform,
    outcome: &Outcome,
    content: &str,
    at_unix_ms: i64,
) -> Result<(), CoreError> {
    let (status, post_url, code, message) = match outcome {
        Outcome::Success { post_url } => ("success", Some(post_url), None, None),
        Outcome::Failed { code, message } => ("failed", None, Some(code), Some(message)),
    };
    sqlx::query(
        "INSERT INTO posts (id, launch_id, platform, status, content, post_url, error_code, error_message, attempt_count,
                            posted_unix_ms, created_unix_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)
         ON CONFLICT (launch_id, platform) DO UPDATE SET
             id = excluded.id, status = excluded.status, content = excluded.content, post_url = excluded.post_url,
             error_code = excluded.error_code, error_message = excluded.error_message,
             posted_unix_ms = excluded.posted_unix_ms, attempt_count = posts.attempt_count + 1
         WHERE posts.status = 'failed'",
    )
    .bind(id.to_string())
    .bind(launch_id.to_string())
    .bind(platform.id())
    .bind(status)
    .bind(content)
    .bind(post_url)
    .bind(code)
    .bind(message)
    .bind(post_url.map(|_| at_unix_ms))
    .bind(at_unix_ms)
    .execute(conn)
    .await?;
    Ok(())
}

/// In the order of posting.
pub(in super::super) async fn of_launch(
    conn: &mut SqliteConnection,
    launch_id: Uuid,
) -> Result<Vec<Post>, CoreError> {
    let rows = sqlx::query("SELECT * FROM posts WHERE launch_id = ? ORDER BY rowid")
        .bind(launch_id.to_string())
        .fetch_all(conn)
        .await?;
    rows.iter().map(post).collect()
}
