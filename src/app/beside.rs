//! The books of a configuration beside the server that has them open.

use std::sync::Arc;

use payments::{
    ports::{
        Books, CardBooks, ClearingBooks, Clock, Ids, ReconcileBooks, WayBooks, desk::DeskBooks,
    },
    route::Quota,
};

use super::{cache::BalancesBeside, error::AppError, parts, settings::clock, stores};
use crate::{clock::SystemIds, config::Config};

/// The books, for commands that look and for those that change card accounts.
pub struct Beside {
    /// Payments.
    pub books: Arc<dyn Books>,
    /// Card accounts.
    pub cards: Arc<dyn CardBooks>,
    /// What gateways show of card accounts.
    pub balances: BalancesBeside,
    /// What operators read.
    pub desk: Arc<dyn DeskBooks>,
    /// What reconciliation found.
    pub findings: Arc<dyn ReconcileBooks>,
    /// What the card processor holds for us, and what it sent to the bank.
    pub clearing: Arc<dyn ClearingBooks>,
    /// Whether the upstream takes us.
    pub way: Arc<dyn WayBooks>,
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
    let store = stores::beside(config).await?;
    let clock = clock(config);
    Ok(Beside {
        served: stores::is_served(config).await?,
        cards: store.cards,
        findings: store.reconcile,
        clearing: store.clearing,
        desk: store.desk,
        way: store.way,
        books: store.books,
        balances: BalancesBeside::of(config)?,
        ids: Arc::new(SystemIds(clock.clone())),
        clock: Arc::new(clock),
    })
}

/// The same, for reading alone.
///
/// # Errors
/// [`AppError`].
pub async fn books_beside(config: &Config) -> Result<Arc<dyn Books>, AppError> {
    Ok(stores::beside(config).await?.books)
}

/// The quotas of free calls, as a server with this configuration gives them.
///
/// # Errors
/// [`AppError`]: the profile cannot be read, or gives more than the books have room for.
pub fn quotas(config: &Config) -> Result<Vec<Quota>, AppError> {
    Ok(parts::profile(config)?.quotas())
}
