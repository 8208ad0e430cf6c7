//! The books of a configuration beside the server that has them open.

use std::sync::Arc;

use payments::ports::{Books, CardBooks, Clock, Ids};

use super::{AppError, clock};
use crate::{books::sqlite::SqliteBooks, clock::SystemIds, config::Config};

/// The books, for commands that look and for those that change card accounts.
pub struct Beside {
    /// Payments.
    pub books: Arc<dyn Books>,
    /// Card accounts.
    pub cards: Arc<dyn CardBooks>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Names for changes.
    pub ids: Arc<dyn Ids>,
    /// A server has them open now; it carries out what is saved here.
    pub served: bool,
}

/// Opens the books beside a server, or where there is none now.
///
/// # Errors
/// [`AppError`].
pub async fn beside(config: &Config) -> Result<Beside, AppError> {
    let url = config.store.url.expose();
    let books = Arc::new(SqliteBooks::open_beside(url).await?);
    let clock = clock(config);
    Ok(Beside {
        served: SqliteBooks::is_served(url)?,
        cards: books.clone(),
        books,
        ids: Arc::new(SystemIds(clock.clone())),
        clock: Arc::new(clock),
    })
}

/// The same, for reading alone.
///
/// # Errors
/// [`AppError`].
pub async fn books_beside(config: &Config) -> Result<Arc<dyn Books>, AppError> {
    Ok(Arc::new(SqliteBooks::open_beside(config.store.url.expose()).await?))
}
