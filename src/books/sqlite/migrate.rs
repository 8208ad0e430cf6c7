//! Brings a file to this program's tables.

use sqlx::{Connection, migrate::Migrator, sqlite::SqliteConnectOptions};

use super::OpenError;

/// The tables of this program's version.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");

/// Migrates on a connection of its own with foreign keys off: a table that others point to can only
/// be made anew that way. Each migration is one transaction, and one that makes tables anew refuses
/// itself when a reference was lost.
pub(super) async fn migrate(options: SqliteConnectOptions) -> Result<(), OpenError> {
    let mut connection = sqlx::SqliteConnection::connect_with(&options.foreign_keys(false)).await?;
    MIGRATIONS.run(&mut connection).await?;
    connection.close().await?;
    Ok(())
}
