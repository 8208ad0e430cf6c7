//! Which database holds the books: the only file that knows both.

use std::sync::Arc;

use payments::ports::{
    Books, CardBooks, ClearingBooks, ReconcileBooks, UsdcRefundBooks, WayBooks, desk::DeskBooks,
};

use super::error::AppError;
use crate::{
    books::{Inspect, postgres::PostgresBooks, sqlite::SqliteBooks},
    config::Config,
};

/// One database, by each of its ports.
pub(super) struct Store {
    /// Payments.
    pub(super) books: Arc<dyn Books>,
    /// Card accounts.
    pub(super) cards: Arc<dyn CardBooks>,
    /// The card processor's balance.
    pub(super) clearing: Arc<dyn ClearingBooks>,
    /// Refunds in USDC.
    pub(super) usdc_refunds: Arc<dyn UsdcRefundBooks>,
    /// What comparisons with the world read and write.
    pub(super) reconcile: Arc<dyn ReconcileBooks>,
    /// What operators read.
    pub(super) desk: Arc<dyn DeskBooks>,
    /// Whether the upstream takes us.
    pub(super) way: Arc<dyn WayBooks>,
    /// What operators' commands ask of it as a whole.
    pub(super) inspect: Arc<dyn Inspect>,
}

impl Store {
    fn of<
        B: Books
            + CardBooks
            + ClearingBooks
            + UsdcRefundBooks
            + ReconcileBooks
            + DeskBooks
            + WayBooks
            + Inspect
            + 'static,
    >(
        books: B,
    ) -> Self {
        let books = Arc::new(books);
        let (cards, usdc_refunds, reconcile) = (books.clone(), books.clone(), books.clone());
        let (desk, way, clearing) = (books.clone(), books.clone(), books.clone());
        Self {
            books: books.clone(),
            cards,
            clearing,
            usdc_refunds,
            reconcile,
            desk,
            way,
            inspect: books,
        }
    }
}

fn on_postgres(config: &Config) -> bool {
    matches!(config.store.url.scheme(), "postgres" | "postgresql")
}

/// Whether other processes may serve from the same books.
pub(super) fn are_shared(config: &Config) -> bool {
    on_postgres(config)
}

/// Opens the books for serving, with their tables made or brought to this program's.
pub(super) async fn serving(config: &Config) -> Result<Store, AppError> {
    let url = config.store.url.expose();
    Ok(if on_postgres(config) {
        Store::of(PostgresBooks::open(url, config.store.connections).await?)
    } else {
        Store::of(SqliteBooks::open(url).await?)
    })
}

/// Opens the books beside a server, or where there is none now.
pub(super) async fn beside(config: &Config) -> Result<Store, AppError> {
    let url = config.store.url.expose();
    Ok(if on_postgres(config) {
        Store::of(PostgresBooks::open_beside(url).await?)
    } else {
        Store::of(SqliteBooks::open_beside(url).await?)
    })
}

/// Whether a server has the books open now.
pub(super) async fn is_served(config: &Config) -> Result<bool, AppError> {
    let url = config.store.url.expose();
    Ok(if on_postgres(config) {
        PostgresBooks::is_served(url).await?
    } else {
        SqliteBooks::is_served(url)?
    })
}

/// Migrations that this program knows and the books do not have; all of them where there are no
/// books yet.
///
/// # Errors
/// [`AppError`].
pub async fn missing_migrations(config: &Config) -> Result<Vec<i64>, AppError> {
    match beside(config).await {
        Ok(store) => Ok(store.inspect.health().await?.missing_migrations),
        Err(error) if error.is_not_found() && on_postgres(config) => {
            Ok(PostgresBooks::migrations())
        }
        Err(error) if error.is_not_found() => Ok(SqliteBooks::migrations()),
        Err(error) => Err(error),
    }
}

/// Brings the books to this program's tables.
///
/// # Errors
/// [`AppError`]; a migration that fails changes nothing.
pub async fn migrate(config: &Config) -> Result<(), AppError> {
    let url = config.store.url.expose();
    if on_postgres(config) {
        PostgresBooks::migrate(url).await?
    } else {
        drop(SqliteBooks::open(url).await?)
    }
    Ok(())
}
