//! The books in one SQLite file: WAL, full sync, one writer. One process at a time may serve from a file; an operator's commands may join at any time.

mod cards;
mod charges;
mod claim;
mod credits;
mod finality;
mod funding;
mod gas;
mod inspect;
mod journal;
mod leases;
mod location;
mod marks;
mod migrate;
mod proofs;
mod reads;
mod requests;
mod rows;
#[cfg(test)]
mod tests;
mod transitions;

use std::{fs::File, path::Path, time::Duration};

use async_trait::async_trait;
use payments::{
    agent::{Payer, Wallet},
    ids::PaymentId,
    intent::{Guard, Intent, Transition},
    ports::{
        Books, BooksError, ClaimKey, Claimed, Evidence, IdentityClaim, IntentSummary, JournalLine, Known, LedgerPage, NewClaim,
        RequestNote, Sighting, Usage,
    },
    settlement::{Attempt, ChainHash, GasSpent},
    time::{Month, UnixMs},
};
use sqlx::{Sqlite, SqlitePool, Transaction, sqlite::SqlitePoolOptions};

pub use inspect::Agreement;
pub use location::OpenError;
use location::{lock, options, path_of};
use marks::Marks;

/// Connections that only read.
const READERS: u32 = 4;
/// After how long a file in use is looked at again: a command may have held it for an instant to see whether anybody serves.
const SECOND_LOOK: Duration = Duration::from_millis(50);

/// The books in a SQLite file.
pub struct SqliteBooks {
    writer: SqlitePool,
    readers: SqlitePool,
    marks: Marks,
    requests: requests::Waiting,
    /// Held for the life of the process: a second server on the same file would break the leases of the first.
    _lock: Option<File>,
}

// === impl SqliteBooks ===

impl SqliteBooks {
    /// Opens or makes the file for serving: takes its lock, migrates, and ends the leases of the process before.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let path = path_of(url)?;
        let lock = match lock(&path) {
            Err(OpenError::InUse(_)) => {
                tokio::time::sleep(SECOND_LOOK).await;
                lock(&path)?
            }
            first => first?,
        };
        migrate::migrate(options(&path).create_if_missing(true)).await?;
        let books = Self::connect(&path, Some(lock)).await?;
        sqlx::query("UPDATE intents SET lease_until_ms = 0, attended_until_ms = 0 WHERE lease_until_ms > 0 OR attended_until_ms > 0")
            .execute(&books.writer)
            .await?;
        Ok(books)
    }

    /// Whether a server has the file open now.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn is_served(url: &str) -> Result<bool, OpenError> {
        location::is_served(&path_of(url)?)
    }

    /// Opens an existing file beside a server. Reading disturbs nobody; a change waits for its turn at the file, as the server's own do.
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

    async fn connect(path: &Path, lock: Option<File>) -> Result<Self, OpenError> {
        let options = options(path);
        let pool = |connections| SqlitePoolOptions::new().max_connections(connections).min_connections(1).idle_timeout(None);
        let writer = pool(1).connect_with(options.clone()).await?;
        let readers = pool(READERS).connect_with(options).await?;
        Ok(Self { writer, readers, marks: Marks::default(), requests: requests::Waiting::default(), _lock: lock })
    }

    /// A write transaction that holds the file from its first statement, with the waiting marks written into it.
    async fn write(&self, at_ms: Option<i64>) -> Result<Write, BooksError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        let marks = self.marks.take();
        marks::write(&mut transaction, &marks, at_ms).await?;
        Ok(Write { transaction, marks })
    }

    async fn commit(&self, write: Write) -> Result<(), BooksError> {
        let Write { transaction, marks } = write;
        transaction.commit().await.map_err(unavailable)?;
        marks.written();
        Ok(())
    }

    async fn roll_back(&self, write: Write) {
        let Write { transaction, marks: _waiting_again } = write;
        if let Err(error) = transaction.rollback().await {
            tracing::warn!(%error, "a rollback failed; the connection is dropped");
        }
    }
}

/// One write transaction and the marks that become durable with it.
struct Write {
    transaction: Transaction<'static, Sqlite>,
    marks: marks::Taken,
}

#[async_trait]
impl Books for SqliteBooks {
    async fn known(&self, key: &ClaimKey) -> Result<Option<Known>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        proofs::known(&mut connection, key).await
    }

    async fn claim(&self, claim: NewClaim<'_>) -> Result<Claimed, BooksError> {
        let mut write = self.write(Some(claim.at.ms())).await?;
        let claimed = claim::claim(&mut write.transaction, claim).await;
        match claimed {
            Ok(claimed @ (Claimed::New(_) | Claimed::Joined(_))) => self.commit(write).await.map(|()| claimed),
            unchanged => {
                self.roll_back(write).await;
                unchanged
            }
        }
    }

    async fn claim_identities(&self, claims: &[IdentityClaim]) -> Result<Vec<bool>, BooksError> {
        let mut write = self.write(claims.first().map(|claim| claim.at.ms())).await?;
        let fresh = claim::identities(&mut write.transaction, claims).await?;
        self.commit(write).await?;
        Ok(fresh)
    }

    async fn intent(&self, id: PaymentId) -> Result<Option<Intent>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        rows::intent(&mut connection, id).await
    }

    async fn apply(&self, transition: Transition) -> Result<Intent, BooksError> {
        let mut write = self.write(Some(transition.at().ms())).await?;
        let intent = transitions::apply(&mut write.transaction, transition).await;
        self.finish(write, intent).await
    }

    async fn save_attempt(&self, id: PaymentId, guard: Guard, attempt: &Attempt) -> Result<Intent, BooksError> {
        let mut write = self.write(Some(attempt.saved_at.ms())).await?;
        let intent = transitions::save_attempt(&mut write.transaction, id, guard, attempt).await;
        self.finish(write, intent).await
    }

    async fn renew_lease(&self, id: PaymentId, fence: i64, until: UnixMs) -> Result<bool, BooksError> {
        leases::renew(&self.writer, id, fence, until).await
    }

    async fn release_lease(&self, id: PaymentId, fence: i64) -> Result<(), BooksError> {
        leases::release(&self.writer, id, fence).await
    }

    async fn take_stuck(&self, now: UnixMs, lease_until: UnixMs, limit: u32) -> Result<Vec<Intent>, BooksError> {
        let mut write = self.write(Some(now.ms())).await?;
        let taken = leases::take_stuck(&mut write.transaction, now, lease_until, limit).await;
        self.finish(write, taken).await
    }

    async fn open_nonces(&self, limit: u32) -> Result<Vec<Intent>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        leases::open_nonces(&mut connection, limit).await
    }

    async fn close_nonce(&self, signer: Wallet, eoa_nonce: u64) -> Result<(), BooksError> {
        let mut connection = self.writer.acquire().await.map_err(unavailable)?;
        leases::close_nonce(&mut connection, signer, eoa_nonce).await
    }

    async fn note_fees(&self, fees_wei: &[(ChainHash, u128)]) -> Result<(), BooksError> {
        let mut write = self.write(None).await?;
        let noted = gas::note_all(&mut write.transaction, fees_wei).await;
        self.finish(write, noted).await
    }

    async fn gas_spent(&self) -> Result<GasSpent, BooksError> {
        gas::spent(&self.readers).await
    }

    async fn recent_settlements(&self, due: UnixMs, limit: u32) -> Result<Vec<Intent>, BooksError> {
        finality::recent(&self.readers, due, limit).await
    }

    async fn note_sightings(&self, sightings: &[Sighting]) -> Result<(), BooksError> {
        let mut write = self.write(sightings.first().map(|sighting| sighting.at.ms())).await?;
        let noted = finality::note(&mut write.transaction, sightings).await;
        self.finish(write, noted).await
    }

    fn delivered(&self, id: PaymentId) {
        self.marks.push(marks::Mark::Delivered(id));
    }

    fn unattended(&self, id: PaymentId) {
        self.marks.push(marks::Mark::Unattended(id));
    }

    fn note_request(&self, note: RequestNote) {
        self.requests.push(note);
    }

    async fn request(&self, request_id: &str) -> Result<Option<RequestNote>, BooksError> {
        requests::find(&self.readers, request_id).await
    }

    async fn flush(&self) -> Result<(), BooksError> {
        if !self.marks.is_empty() {
            let write = self.write(None).await?;
            self.commit(write).await?;
        }
        self.requests.write(&self.writer).await
    }

    async fn expire_entitlements(&self, now: UnixMs) -> Result<u64, BooksError> {
        leases::expire_entitlements(&self.writer, now).await
    }

    async fn usage(&self, payer: &Payer, month: Month) -> Result<Usage, BooksError> {
        reads::usage(&self.readers, payer, month).await
    }

    async fn intents(&self, page: &LedgerPage) -> Result<Vec<IntentSummary>, BooksError> {
        reads::intents(&self.readers, page).await
    }

    async fn evidence(&self, id: PaymentId) -> Result<Option<Evidence>, BooksError> {
        reads::evidence(&self.readers, id).await
    }

    async fn trial_balance(&self) -> Result<Vec<JournalLine>, BooksError> {
        reads::trial_balance(&self.readers).await
    }

    async fn ready(&self) -> Result<(), BooksError> {
        sqlx::query("SELECT 1 FROM intents LIMIT 1").fetch_optional(&self.readers).await.map(drop).map_err(unavailable)
    }
}

impl SqliteBooks {
    async fn finish<T>(&self, write: Write, outcome: Result<T, BooksError>) -> Result<T, BooksError> {
        match outcome {
            Ok(value) => self.commit(write).await.map(|()| value),
            Err(error) => {
                self.roll_back(write).await;
                Err(error)
            }
        }
    }
}

fn unavailable(error: sqlx::Error) -> BooksError {
    BooksError::Unavailable(Box::new(error))
}
