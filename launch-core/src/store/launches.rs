//! Launches.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqlitePool};
use uuid::Uuid;

use super::super::CoreError;
use super::super::rules::launch::{Launch, Status};
use super::uuid;

fn launch(row: &SqliteRow) -> Result<Launch, CoreError> {
    let id: String = row.try_get("id")?;
    let corrupt = |column| CoreError::Corrupt { table: "launches", column, id: id.clone() };
    let status: String = row.try_get("status")?;
    let content: String = row.try_get("content")?;
    Ok(Launch {
        id: uuid(&id, "launches", "id")?,
        agent: row.try_get("agent")?,
        name: row.try_get("name")?,
        status: Status::from_id(&status).ok_or_else(|| corrupt("status"))?,
        scheduled_unix_ms: row.try_get("scheduled_unix_ms")?,
        created_unix_ms: row.try_get("created_unix_ms")?,
        updated_unix_ms: row.try_get("updated_unix_ms")?,
        started_unix_ms: row.try_get("started_unix_ms")?,
        completed_unix_ms: row.try_get("completed_unix_ms")?,
        content: serde_json::from_str(&content).map_err(|_| corrupt("content"))?,
    })
}

fn content_json(launch: &Launch) -> Result<String, CoreError> {
    let id = launch.id.to_string();
    serde_json::to_string(&launch.content).map_err(|_| CoreError::Corrupt {
        table: "launches",
        column: "content",
        id,
    })
}

pub(in super::super) async fn insert(
    conn: &mut SqliteConnection,
    launch: &Launch,
) -> Result<(), CoreError> {
    sqlx::query(
        "INSERT INTO launches (id, agent, name, status, content, scheduled_unix_ms, created_unix_ms, updated_unix_ms,
                               started_unix_ms, completed_unix_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(launch.id.to_string())
    .bind(&launch.agent)
    .bind(&launch.name)
    .bind(launch.status.id())
    .bind(content_json(launch)?)
    .bind(launch.scheduled_unix_ms)
    .bind(launch.created_unix_ms)
    .bind(launch.updated_unix_ms)
    .bind(launch.started_unix_ms)
    .bind(launch.completed_unix_ms)
    .execute(conn)
    .await?;
    Ok(())
}

/// Everything but owner and time of creation.
pub(in super::super) async fn update(
    conn: &mut SqliteConnection,
    launch: &Launch,
) -> Result<(), CoreError> {
    sqlx::query(
        "UPDATE launches SET name = ?, status = ?, content = ?, scheduled_unix_ms = ?, updated_unix_ms = ?,
                             started_unix_ms = ?, completed_unix_ms = ?
         WHERE id = ?",
    )
    .bind(&launch.name)
    .bind(launch.status.id())
    .bind(content_json(launch)?)
    .bind(launch.scheduled_unix_ms)
    .bind(launch.updated_unix_ms)
    .bind(launch.started_unix_ms)
    .bind(launch.completed_unix_ms)
    .bind(launch.id.to_string())
    .execute(conn)
    .await?;
    Ok(())
}

/// The agent's own launch of that id.
pub(in super::super) async fn find(
    conn: &mut SqliteConnection,
    agent: &str,
    id: Uuid,
) -> Result<Option<Launch>, CoreError> {
    let row = sqlx::query("SELECT * FROM launches WHERE id = ? AND agent = ?")
        .bind(id.to_string())
        .bind(agent)
        .fetch_optional(conn)
        .await?;
    row.as_ref().map(launch).transpose()
}

/// With its posts and media.
pub(in super::super) async fn delete(
    conn: &mut SqliteConnection,
    id: Uuid,
) -> Result<(), CoreError> {
    sqlx::query("DELETE FROM launches WHERE id = ?").bind(id.to_string()).execute(conn).await?;
    Ok(())
}

pub(in super::super) async fn count(
    conn: &mut SqliteConnection,
    agent: &str,
    status: Option<Status>,
) -> Result<i64, CoreError> {
    let status = status.map(Status::id);
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM launches WHERE agent = ?1 AND (?2 IS NULL OR status = ?2)",
    )
    .bind(agent)
    .bind(status)
    .fetch_one(conn)
    .await?)
}

/// The agent's launches, newest first.
pub(in super::super) async fn page(
    conn: &mut SqliteConnection,
    agent: &str,
    status: Option<Status>,
    limit: i64,
    offset: i64,
) -> Result<Vec<Launch>, CoreError> {
    let rows = sqlx::query(
        "SELECT * FROM launches WHERE agent = ?1 AND (?2 IS NULL OR status = ?2)
         ORDER BY created_unix_ms DESC, id DESC LIMIT ?3 OFFSET ?4",
    )
    .bind(agent)
    .bind(status.map(Status::id))
    .bind(limit)
    .bind(offset)
    .fetch_all(conn)
    .await?;
    rows.iter().map(launch).collect()
}

pub(in super::super) async fn any_due(
    read: &SqlitePool,
    now_unix_ms: i64,
) -> Result<bool, CoreError> {
    let due: i64 = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM launches WHERE status = 'scheduled' AND scheduled_unix_ms <= ?)")
        .bind(now_unix_ms)
        .fetch_one(read)
        .await?;
    Ok(due == 1)
}

/// Scheduled launches whose time has come, earliest first.
pub(in super::super) async fn due(
    conn: &mut SqliteConnection,
    now_unix_ms: i64,
    limit: i64,
) -> Result<Vec<Launch>, CoreError> {
    let rows =
        sqlx::query("SELECT * FROM launches WHERE status = 'scheduled' AND scheduled_unix_ms <= ? ORDER BY scheduled_unix_ms LIMIT ?")
            .bind(now_unix_ms)
            .bind(limit)
            .fetch_all(conn)
            .await?;
    rows.iter().map(launch).collect()
}
