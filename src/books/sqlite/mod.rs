//! The books in one SQLite file: WAL, full sync, one writer. One process at a time may serve from a
//! file; an operator's commands may join at any time.

#![allow(
    clippy::duplicate_mod,
    reason = "what both databases say in the same words is compiled into each of them"
)]

mod apply;
mod claim;
mod day_cap;
mod dialect;
mod driving;
mod entitlements;
mod folding;
mod funding;
mod health;
mod known;
mod location;
mod marks;
mod migrate;
mod proofs;
mod queue;
mod reverts;
#[cfg(test)]
mod tests;
mod write;

#[path = "../sql/agreements/mod.rs"]
mod agreements;
#[path = "../sql/cards/mod.rs"]
mod cards;
#[path = "../sql/chain.rs"]
mod chain;
#[path = "../sql/charges.rs"]
mod charges;
#[path = "../sql/clearing/mod.rs"]
mod clearing;
#[path = "../sql/credits.rs"]
mod credits;
#[path = "../sql/desk/mod.rs"]
mod desk;
#[path = "../sql/finality.rs"]
mod finality;
#[path = "../sql/gas.rs"]
mod gas;
#[path = "../sql/journal.rs"]
mod journal;
#[path = "../sql/leases.rs"]
mod leases;
#[path = "../sql/lost.rs"]
mod lost;
#[path = "../sql/parking.rs"]
mod parking;
#[path = "../sql/promised.rs"]
mod promised;
#[path = "../sql/pulse.rs"]
mod pulse;
#[path = "../sql/reads.rs"]
mod reads;
#[path = "../sql/reconcile/mod.rs"]
mod reconcile;
#[path = "../sql/refused_proofs.rs"]
mod refused_proofs;
#[path = "../sql/requests.rs"]
mod requests;
#[path = "../sql/rows/mod.rs"]
mod rows;
#[path = "../sql/sequence.rs"]
mod sequence;
#[path = "../sql/store/mod.rs"]
mod store;
#[path = "../sql/transitions/mod.rs"]
mod transitions;
#[path = "../sql/usdc_refunds/mod.rs"]
mod usdc_refunds;
#[path = "../sql/way.rs"]
mod way;

use std::{path::Path, time::Duration};

use payments::ports::BooksError;
use sqlx::{Connection, SqlitePool, sqlite::SqlitePoolOptions};

use crate::books::errors;
pub use location::OpenError;
use location::{Place, options, path_of};
use marks::Marks;

/// The shared half's name for these books.
type Store = SqliteBooks;

/// Connections that only read.
const READERS: u32 = 4;
/// Connections that only operators' lists read from.
const DESK: u32 = 2;
/// After how long a file in use is looked at again: a command may have held it for an instant to
/// see whether anybody serves.
const SECOND_LOOK: Duration = Duration::from_millis(50);

/// The books in a SQLite file.
pub struct SqliteBooks {
    writer: SqlitePool,
    readers: SqlitePool,
    /// Of operators: no payment waits for one of these.
    desk: SqlitePool,
    marks: Marks,
    requests: requests::Waiting,
    /// Held for the life of the process: a second server on the same file would break the leases of
    /// the first. None beside a server.
    place: Option<Place>,
}

// === impl SqliteBooks ===

impl SqliteBooks {
    /// Opens or makes the file for serving: takes its lock, migrates, and ends the leases of the
    /// process before.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let path = path_of(url)?;
        let place = match Place::take(&path) {
            Err(OpenError::InUse(_)) => {
                tokio::time::sleep(SECOND_LOOK).await;
                Place::take(&path)?
            }
            first => first?,
        };
        migrate::migrate(options(&path)).await?;
        let books = Self::connect(&path, Some(place)).await?;
        sqlx::query("UPDATE intents SET lease_until_ms = 0, attended_until_ms = 0 WHERE lease_until_ms > 0 OR attended_until_ms > 0")
            .execute(&books.writer)
            .await?;
        Ok(books)
    }

    /// The numbers of this program's migrations.
    pub fn migrations() -> Vec<i64> {
        migrate::MIGRATIONS.iter().map(|migration| migration.version).collect()
    }

    /// Whether a server has the file open now.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn is_served(url: &str) -> Result<bool, OpenError> {
        location::is_served(&path_of(url)?)
    }

    /// Opens an existing file beside a server. Reading disturbs nobody; a change waits for its turn
    /// at the file, as the server's own do.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open_beside(url: &str) -> Result<Self, OpenError> {
        let path = path_of(url)?;
        match path.try_exists() {
            Ok(false) => Err(OpenError::Missing(path)),
            _ => Self::connect(&path, None).await,
        }
    }

    /// Whether the file is where it was opened; beside a server there is nothing to compare.
    fn is_in_its_place(&self) -> Result<(), BooksError> {
        self.place.as_ref().map_or(Ok(()), Place::is_kept)
    }

    async fn connect(path: &Path, place: Option<Place>) -> Result<Self, OpenError> {
        let options = options(path);
        let writer = careful(1).min_connections(1).connect_with(options.clone()).await?;
        let readers = careful(READERS).min_connections(1).connect_with(options.clone()).await?;
        let desk = careful(DESK).connect_lazy_with(options);
        Ok(Self {
            writer,
            readers,
            desk,
            marks: Marks::default(),
            requests: requests::Waiting::default(),
            place,
        })
    }
}

/// Connections that come back are in no transaction. SQLite undoes one by itself after some errors
/// (a full disk, an I/O error, an interrupt, no memory), and what sqlx then believes of the
/// connection is no longer so: it is closed, and the next caller gets another one.
fn careful(connections: u32) -> SqlitePoolOptions {
    let pool = SqlitePoolOptions::new().max_connections(connections).idle_timeout(None);
    pool.after_release(|connection, _| {
        Box::pin(async move {
            // A rollback that was begun when its transaction was dropped is over behind this.
            connection.ping().await?;
            Ok(!connection.is_in_transaction())
        })
    })
}

fn unavailable(error: sqlx::Error) -> BooksError {
    BooksError::Unavailable(errors::counted(error))
}
