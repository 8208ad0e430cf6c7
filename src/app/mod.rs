//! The wiring: the only place that names concrete backends.

mod accounts;
mod beside;
mod books_chain;
mod cache;
mod card_account;
mod cards;
mod checks;
mod custody;
mod error;
pub mod inspect;
mod keys;
mod limits;
mod listener;
mod money;
mod operator;
mod parts;
mod processor;
mod reconcile;
mod refunds;
#[cfg(feature = "sandbox")]
mod sandbox_chain;
mod settings;
mod start;
mod stores;
mod tasks;
mod unknowns;
mod upstream;
mod vitals;

pub use beside::{Beside, beside, quotas};
#[cfg(feature = "sandbox")]
pub use error::AppError;
pub use limits::coin_price;
pub use reconcile::reconciler;
pub use refunds::usdc_refunds;
#[cfg(feature = "sandbox")]
pub use start::{Running, start_on};
pub use start::{serve_core, start};
pub use stores::{migrate, missing_migrations};
pub use unknowns::resolve_rules;
