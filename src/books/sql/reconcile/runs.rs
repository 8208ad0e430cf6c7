//! Whose turn it is, what came of it, and how far each source was compared.

use payments::{
    ports::{BooksError, NewRun, RunEnd},
    time::UnixMs,
};

use super::super::{dialect::Connection, rows, unavailable};

pub(super) async fn begin(
    connection: &mut Connection,
    run: &NewRun,
) -> Result<Option<i64>, BooksError> {
    let taken = sqlx::query(
        "UPDATE reconcile_turn SET fence = fence + 1, lease_until_ms = $1 WHERE name = 'all' AND lease_until_ms < $2 RETURNING fence",
    )
    .bind(run.lease_until.ms())
    .bind(run.at.ms())
    .fetch_optional(&mut *connection)
    .await
    .map_err(unavailable)?;
    let Some(taken) = taken else { return Ok(None) };
    let fence = rows::int(&taken, "fence")?;
    sqlx::query(
        "INSERT INTO reconcile_runs (run_id, scope, fence, started_at_ms) VALUES ($1, $2, $3, $4)",
    )
    .bind(run.id.to_string())
    .bind(run.scope)
    .bind(fence)
    .bind(run.at.ms())
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(Some(fence))
}

pub(super) async fn keep(
    connection: &mut Connection,
    fence: i64,
    until: UnixMs,
) -> Result<bool, BooksError> {
    let kept = sqlx::query(
        "UPDATE reconcile_turn SET lease_until_ms = $1 WHERE name = 'all' AND fence = $2",
    )
    .bind(until.ms())
    .bind(fence)
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(kept.rows_affected() == 1)
}

pub(super) async fn end(
    connection: &mut Connection,
    fence: i64,
    end: &RunEnd,
) -> Result<(), BooksError> {
    let sources = serde_json::to_string(&end.sources)
        .map_err(|error| BooksError::Unavailable(Box::new(error)))?;
    sqlx::query("UPDATE reconcile_runs SET ended_at_ms = $1, sources = $2, opened = $3, closed = $4 WHERE run_id = $5 AND fence = $6")
        .bind(end.at.ms())
        .bind(sources)
        .bind(rows::integer(end.opened))
        .bind(rows::integer(end.closed))
        .bind(end.id.to_string())
        .bind(fence)
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    keep(connection, fence, UnixMs::new(0)).await.map(drop)
}

/// The guard of every write of a run.
///
/// # Errors
/// Another run has the turn.
pub(in super::super) async fn guard(
    connection: &mut Connection,
    fence: i64,
) -> Result<(), BooksError> {
    let ours =
        sqlx::query("UPDATE reconcile_turn SET fence = fence WHERE name = 'all' AND fence = $1")
            .bind(fence)
            .execute(connection)
            .await
            .map_err(unavailable)?;
    match ours.rows_affected() {
        1 => Ok(()),
        _ => Err(BooksError::Unavailable("another run compares the books now".into())),
    }
}

pub(super) async fn mark(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<String>, BooksError> {
    let row = sqlx::query("SELECT mark FROM reconcile_marks WHERE name = $1")
        .bind(name)
        .fetch_optional(connection)
        .await;
    row.map_err(unavailable)?.map(|row| rows::text(&row, "mark")).transpose()
}

/// A mark that stays as it was set first.
pub(super) async fn note_first(
    connection: &mut Connection,
    name: &str,
    block: u64,
) -> Result<(), BooksError> {
    sqlx::query(
        "INSERT INTO reconcile_marks (name, mark) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
    )
    .bind(name)
    .bind(block.to_string())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

pub(super) async fn set_mark(
    connection: &mut Connection,
    fence: i64,
    name: &str,
    value: &str,
) -> Result<(), BooksError> {
    guard(connection, fence).await?;
    sqlx::query("INSERT INTO reconcile_marks (name, mark) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET mark = excluded.mark")
        .bind(name)
        .bind(value)
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}
