//! Files that came inline with a launch.

use sqlx::SqliteConnection;
use uuid::Uuid;

use super::super::CoreError;

pub(in super::super) async fn insert(
    conn: &mut SqliteConnection,
    id: Uuid,
    launch_id: Uuid,
    mime_type: &str,
    bytes: &[u8],
) -> Result<(), CoreError> {
    sqlx::query("INSERT INTO media (id, launch_id, mime_type, bytes) VALUES (?, ?, ?, ?)")
        .bind(id.to_string())
        .bind(launch_id.to_string())
        .bind(mime_type)
        .bind(bytes)
        .execute(conn)
        .await?;
    Ok(())
}

pub(in super::super) async fn clear(
    conn: &mut SqliteConnection,
    launch_id: Uuid,
) -> Result<(), CoreError> {
    sqlx::query("DELETE FROM media WHERE launch_id = ?")
        .bind(launch_id.to_string())
        .execute(conn)
        .await?;
    Ok(())
}
