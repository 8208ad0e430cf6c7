//! Whether the database has this program's tables. That it is whole is PostgreSQL's own promise.

use payments::ports::BooksError;

use super::{
    MIGRATIONS, PostgresBooks, agreements,
    batch::{SILENT, silent},
    dialect::Pool,
    pulse, unavailable,
};
use crate::books::Health;

/// Whether the server answers and takes a write, and the database has every table that this program
/// needs. A newer program may have added others.
pub(super) async fn ready(books: &PostgresBooks) -> Result<(), BooksError> {
    let applied = tokio::time::timeout(SILENT, agreements::migrations(&books.readers, &MIGRATIONS));
    let (missing, _) = applied.await.unwrap_or_else(|_| Err(silent())).map_err(unavailable)?;
    if !missing.is_empty() {
        return Err(BooksError::Unavailable(
            format!("the database lacks the migrations {missing:?}").into(),
        ));
    }
    let mut connection = books.writer.acquire().await.map_err(unavailable)?;
    let written = tokio::time::timeout(SILENT, pulse::write(&mut connection));
    written.await.unwrap_or_else(|_| Err(unavailable(silent())))
}

pub(super) async fn of(readers: &Pool) -> Result<Health, sqlx::Error> {
    let (missing_migrations, foreign_migrations) =
        agreements::migrations(readers, &MIGRATIONS).await?;
    Ok(Health { missing_migrations, foreign_migrations, broken: Vec::new() })
}
