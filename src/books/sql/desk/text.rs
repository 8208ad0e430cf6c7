//! Statements that are put together from a filter, and pieces of rows.

use ::payments::{ports::BooksError, time::UnixMs};
use sqlx::QueryBuilder;

use super::super::{
    dialect::{Connection, Database, DbRow},
    rows, unavailable,
};

/// A statement in the making. It is planned for its own arguments and not kept: the connection's
/// prepared ones are those of payments.
pub(super) type Text = QueryBuilder<Database>;

pub(super) async fn all(
    mut text: Text,
    connection: &mut Connection,
) -> Result<Vec<DbRow>, BooksError> {
    text.build().persistent(false).fetch_all(connection).await.map_err(unavailable)
}

pub(super) async fn one(mut text: Text, connection: &mut Connection) -> Result<DbRow, BooksError> {
    text.build().persistent(false).fetch_one(connection).await.map_err(unavailable)
}

/// A moment as rows show it.
pub(super) fn moment(row: &DbRow, column: &'static str) -> Result<String, BooksError> {
    Ok(UnixMs::new(rows::int(row, column)?).rfc3339())
}

pub(super) fn moment_or_none(
    row: &DbRow,
    column: &'static str,
) -> Result<Option<String>, BooksError> {
    Ok(int_or_none(row, column)?.map(|ms| UnixMs::new(ms).rfc3339()))
}

pub(super) fn int_or_none(row: &DbRow, column: &'static str) -> Result<Option<i64>, BooksError> {
    sqlx::Row::try_get(row, column).map_err(unavailable)
}

/// A number of rows.
pub(super) fn number(row: &DbRow, column: &'static str) -> Result<u64, BooksError> {
    Ok(u64::try_from(rows::int(row, column)?).unwrap_or(0))
}
