//! The books in PostgreSQL 15 or newer, for any number of processes at once.

#![allow(
    clippy::duplicate_mod,
    reason = "what both databases say in the same words is compiled into each of them"
)]

mod apply;
mod batch;
mod claim;
mod connect;
mod dialect;
mod driving;
mod faults;
mod folding;
mod health;
mod known;
mod liveness;
mod marks;
mod queue;
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

use std::sync::LazyLock;

use payments::ports::BooksError;
use sqlx::{PgPool, migrate::Migrator};

use crate::books::errors;

pub use connect::OpenError;
use liveness::Alive;
use marks::Marks;

/// The tables of this program's version.
static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrations = sqlx::migrate!("./migrations/postgres");
    // During a rolling release a process of the release before may start again on the newer tables:
    // they are made for both.
    migrations.set_ignore_missing(true);
    migrations
});

/// The shared half's name for these books.
type Store = PostgresBooks;

/// The books in a PostgreSQL database.
pub struct PostgresBooks {
    writer: PgPool,
    /// The same connections: a reader holds nobody up here.
    readers: PgPool,
    /// Connections of operators, made when they are asked for: no payment waits for one of these.
    desk: PgPool,
    suspects: connect::Suspects,
    marks: Marks,
    nonces: claim::Nonces,
    requests: requests::Waiting,
    /// None beside a server: a command drives nothing.
    alive: Option<Alive>,
}

// === impl PostgresBooks ===

impl PostgresBooks {
    /// Brings the database to this program's tables and opens it for serving.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(url: &str, connections: u32) -> Result<Self, OpenError> {
        Self::migrate(url).await?;
        let (pool, suspects) = connect::pool(url, connections, connect::SERVING).await?;
        let mut books = Self::over(pool, suspects, connect::desk(url)?);
        books.alive =
            Some(Alive::take(connect::options(url, connect::ALIVE)?, books.marks.clone()).await?);
        Ok(books)
    }

    /// Brings the database to this program's tables, as [`PostgresBooks::open`] does. Processes
    /// that start together take turns.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn migrate(url: &str) -> Result<(), OpenError> {
        let mut connection = connect::unlimited(url).await?;
        Ok(MIGRATIONS.run(&mut connection).await?)
    }

    /// The numbers of this program's migrations.
    pub fn migrations() -> Vec<i64> {
        MIGRATIONS.iter().map(|migration| migration.version).collect()
    }

    /// Opens a database that has its tables, for an operator's command.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open_beside(url: &str) -> Result<Self, OpenError> {
        let (pool, suspects) = connect::pool(url, 2, connect::BESIDE).await?;
        sqlx::query("SELECT 1 FROM intents LIMIT 1")
            .fetch_optional(&pool)
            .await
            .map_err(connect::missing)?;
        Ok(Self::over(pool, suspects, connect::desk(url)?))
    }

    /// Whether a server has the database open now.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn is_served(url: &str) -> Result<bool, OpenError> {
        let (pool, _) = connect::pool(url, 1, connect::BESIDE).await?;
        Ok(liveness::any(&pool).await?)
    }

    fn over(pool: PgPool, suspects: connect::Suspects, desk: PgPool) -> Self {
        Self {
            writer: pool.clone(),
            readers: pool,
            desk,
            suspects,
            marks: Marks::default(),
            nonces: claim::Nonces::default(),
            requests: requests::Waiting::default(),
            alive: None,
        }
    }

    /// A claim with this id may be written, and its answer was lost: whoever asks for the same
    /// again joins it, as nobody may be there any more to hear of it. What connections there are is
    /// not taken for granted.
    fn doubt(&self, id: payments::ids::PaymentId) {
        self.marks.push(marks::Mark::Unattended(id));
        self.suspects.are(self.writer.size());
    }

    /// The number of this process among those that serve.
    fn instance(&self) -> Option<i64> {
        self.alive.as_ref().map(Alive::instance)
    }
}

fn unavailable(error: sqlx::Error) -> BooksError {
    BooksError::Unavailable(errors::counted(error))
}

/// Others were first as often as one tries.
fn contended() -> BooksError {
    BooksError::Unavailable("too many changes of the same rows at once".into())
}
