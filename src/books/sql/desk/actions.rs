//! What operators did.

use ::payments::ports::{
    BooksError,
    desk::{ActionRow, NewAction, Page},
};

use super::super::{
    dialect::{Connection, DbRow, Pool},
    rows, unavailable,
};
use super::text::moment;

pub(in super::super) async fn note(
    connection: &mut Connection,
    action: &NewAction,
) -> Result<(), BooksError> {
    sqlx::query("INSERT INTO operator_actions (at_ms, action, subject, reason, via) VALUES ($1, $2, $3, $4, $5)")
        .bind(action.at.ms())
        .bind(action.action)
        .bind(&action.subject)
        .bind(&action.reason)
        .bind(action.via)
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}

/// Whether an action was done under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Named {
    /// Not before: it is noted now, and is to be done in this transaction.
    Now,
    /// It was done before.
    Before,
    /// Another action was.
    Otherwise,
}

/// Notes an action under its name, if none was done under it. `amount` is what the action is about
/// beside its subject. Of two that come at once under one name, the second waits here for the end
/// of the first.
pub(in super::super) async fn take_name(
    connection: &mut Connection,
    name: &str,
    action: &NewAction,
    amount: u64,
) -> Result<Named, BooksError> {
    let noted = sqlx::query(
        "INSERT INTO operator_actions (at_ms, action, subject, reason, via, name, amount) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (name) DO NOTHING",
    )
    .bind(action.at.ms())
    .bind(action.action)
    .bind(&action.subject)
    .bind(&action.reason)
    .bind(action.via)
    .bind(name)
    .bind(rows::integer(amount))
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    if noted.rows_affected() == 1 {
        return Ok(Named::Now);
    }
    let same = sqlx::query("SELECT 1 FROM operator_actions WHERE name = $1 AND action = $2 AND subject = $3 AND amount = $4")
        .bind(name)
        .bind(action.action)
        .bind(&action.subject)
        .bind(rows::integer(amount))
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
    Ok(if same.is_some() { Named::Before } else { Named::Otherwise })
}

pub(super) async fn page(desk: &Pool, page: &Page<i64>) -> Result<Vec<ActionRow>, BooksError> {
    let list =
        sqlx::query("SELECT * FROM operator_actions WHERE seq < $1 ORDER BY seq DESC LIMIT $2")
            .bind(page.after.unwrap_or(i64::MAX))
            .bind(i64::from(page.limit))
            .fetch_all(desk)
            .await
            .map_err(unavailable)?;
    list.iter().map(row).collect()
}

pub(super) async fn about(
    connection: &mut Connection,
    subject: &str,
) -> Result<Vec<ActionRow>, BooksError> {
    let list =
        sqlx::query("SELECT * FROM operator_actions WHERE subject = $1 ORDER BY seq").bind(subject);
    list.fetch_all(connection).await.map_err(unavailable)?.iter().map(row).collect()
}

fn row(row: &DbRow) -> Result<ActionRow, BooksError> {
    Ok(ActionRow {
        seq: rows::int(row, "seq")?,
        at: moment(row, "at_ms")?,
        action: rows::text(row, "action")?,
        subject: rows::text(row, "subject")?,
        reason: rows::text(row, "reason")?,
        via: rows::text(row, "via")?,
    })
}
