//! What PostgreSQL says otherwise than other databases.

/// The database.
pub(super) type Database = sqlx::Postgres;
pub(super) type Connection = sqlx::PgConnection;
pub(super) type Pool = sqlx::PgPool;
pub(super) type DbRow = sqlx::postgres::PgRow;
pub(super) type Done = sqlx::postgres::PgQueryResult;
pub(super) type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Several may write at once: what a change decides by it locks first.
pub(super) const BEGIN: &str = "BEGIN";

/// A transaction that reads, as of one moment.
pub(super) const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// How long a change whose answer was lost is looked for, where nobody says for how long. Its
/// driver keeps its lease meanwhile.
pub(super) const DOUBT: std::time::Duration = std::time::Duration::from_secs(10);

/// No bytes.
macro_rules! no_bytes {
    () => {
        "''::bytea"
    };
}
/// The database's own clock, in milliseconds since 1970.
macro_rules! now_ms {
    () => {
        "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
    };
}
/// The rows stay as they are read until the change ends.
macro_rules! for_update {
    () => {
        " FOR UPDATE"
    };
}
pub(super) use {for_update, no_bytes, now_ms};

pub(super) use super::{faults::is_conflict, health::ready};
