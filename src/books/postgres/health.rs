//! Whether the database has this program's tables. That it is whole is PostgreSQL's own promise.

use payments::ports::BooksError;

use super::{
    MIGRATIONS, PostgresBooks, agreements,
    batch::{SILENT, silent},
    dialect::Pool,
    unavailable,
};
use crate::books::Health;

/// Whether the server answers, and the database has every table that this program needs. A newer program may have added others.
pub(super) async fn ready(books: &PostgresBooks) -> Result<(), BooksError> {
    let applied = tokio::time::timeout(SILENT, agreements::migrations(&books.readers, &MIGRATIONS));
    let (missing, _) = applied.await.unwrap_or_else(|_| Err(silent())).map_err(unavailable)?;
    match missing.is_empty() {
        true => Ok(()),
        false => Err(BooksError::Unavailable(format!("the database lacks the migrations {missing:?}").into())),
    }
}

pub(super) async fn of(readers: &Pool) -> Result<Health, sqlx::Error> {
    let (missing_migrations, foreign_migrations) = agreements::migrations(readers, &MIGRATIONS).await?;
    Ok(Health { missing_migrations, foreign_migrations, broken: Vec::new() })
}
