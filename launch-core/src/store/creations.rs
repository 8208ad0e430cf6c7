//! What was created with which key, for ever.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::super::CoreError;
use super::uuid;

/// A creation and the answer that it got.
pub(in super::super) struct Creation {
    pub(in super::super) seq: i64,
    pub(in super::super) idempotency_key: String,
    pub(in super::super) agent: String,
    pub(in super::super) body_sha256: Vec<u8>,
    pub(in super::super) launch_id: Uuid,
    pub(in super::super) answer_status: u16,
    pub(in super::super) answer_body: String,
    pub(in super::super) created_unix_ms: i64,
    pub(in super::super) deleted_unix_ms: Option<i64>,
}

impl TryFrom<SqliteRow> for Creation {
    type Error = CoreError;

    fn try_from(row: SqliteRow) -> Result<Self, CoreError> {
        Ok(Self {
            seq: row.try_get("seq")?,
            idempotency_key: row.try_get("idempotency_key")?,
            agent: row.try_get("agent")?,
            body_sha256: row.try_get("body_sha256")?,
            launch_id: uuid(row.try_get("launch_id")?, "creations", "launch_id")?,
            answer_status: row.try_get("answer_status")?,
            answer_body: row.try_get("answer_body")?,
            created_unix_ms: row.try_get("created_unix_ms")?,
            deleted_unix_ms: row.try_get("deleted_unix_ms")?,
        })
    }
}

pub(in super::super) async fn find(
    conn: &mut SqliteConnection,
    key: &str,
) -> Result<Option<Creation>, CoreError> {
    let row = sqlx::query("SELECT * FROM creations WHERE idempotency_key = ?")
        .bind(key)
        .fetch_optional(conn)
        .await?;
    row.map(Creation::try_from).transpose()
}

/// `seq` is given by the database.
pub(in super::super) async fn insert(
    conn: &mut SqliteConnection,
    creation: &Creation,
) -> Result<(), CoreError> {
    sqlx::query(
        "INSERT INTO creations (idempotency_key, agent, body_sha256, launch_id, answer_status, answer_body, created_unix_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&creation.idempotency_key)
    .bind(&creation.agent)
    .bind(&creation.body_sha256)
    .bind(creation.launch_id.to_string())
    .bind(creation.answer_status)
    .bind(&creation.answer_body)
    .bind(creation.created_unix_ms)
    .execute(conn)
    .await?;
    Ok(())
}

pub(in super::super) async fn mark_deleted(
    conn: &mut SqliteConnection,
    launch_id: Uuid,
    at_unix_ms: i64,
) -> Result<(), CoreError> {
    sqlx::query("UPDATE creations SET deleted_unix_ms = ? WHERE launch_id = ?")
        .bind(at_unix_ms)
        .bind(launch_id.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// The next creations after a position, oldest first.
pub(in super::super) async fn page(
    conn: &mut SqliteConnection,
    after: i64,
    limit: i64,
) -> Result<Vec<Creation>, CoreError> {
    let rows = sqlx::query("SELECT * FROM creations WHERE seq > ? ORDER BY seq LIMIT ?")
        .bind(after)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Creation::try_from).collect()
}
