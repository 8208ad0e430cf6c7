//! The signers' own sequences. Of one signer one claim at a time signs and writes, so that no nonce
//! is given twice and none is left out; the guard of the write keeps that true when two processes
//! were given one key.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use payments::{
    ports::{SigningAccount, TransferPayment},
    settlement::Attempt,
};
use sqlx::PgPool;
use tokio::sync::OwnedMutexGuard;

use super::{
    super::{batch::Batch, connect, rows, sequence},
    corrupt,
};

/// How long a claim waits for its signer before its payment is queued: claims that meet by chance
/// are signed one after the other, which is sooner than a round of a settler.
const BRIEFLY: Duration = Duration::from_millis(250);

type Next = Arc<tokio::sync::Mutex<Option<u64>>>;

/// The next nonce of each signer, where it is known.
#[derive(Default)]
pub(in super::super) struct Nonces(Mutex<HashMap<SigningAccount, Next>>);

/// The right to use a signer's next nonce. Given up without a word, as by a write whose outcome
/// nobody knows, the next turn asks the books.
pub(in super::super) struct Turn {
    next: OwnedMutexGuard<Option<u64>>,
    remembered: Option<u64>,
    nonce: u64,
}

// === impl Nonces ===

impl Nonces {
    /// Waits for the turn at this signer, as long as for a connection: behind a database that holds
    /// everybody up nobody queues without end. The nonce is never below what the chain has seen.
    pub(in super::super) async fn turn(
        &self,
        readers: &PgPool,
        account: SigningAccount,
        chain_next_nonce: u64,
    ) -> Result<Turn, sqlx::Error> {
        let lane = tokio::time::timeout(connect::ACQUIRE, self.lane(account).lock_owned()).await;
        let next = lane.map_err(|_| sqlx::Error::PoolTimedOut)?;
        begin(next, readers, account, chain_next_nonce).await
    }

    /// The turn at this signer, if it comes at once or nearly so.
    pub(super) async fn brief_turn(
        &self,
        readers: &PgPool,
        payment: &TransferPayment<'_>,
    ) -> Result<Option<Turn>, sqlx::Error> {
        let account = payment.account();
        let lane = tokio::time::timeout(BRIEFLY, self.lane(account).lock_owned()).await;
        let Ok(next) = lane else { return Ok(None) };
        begin(next, readers, account, payment.chain_next_nonce).await.map(Some)
    }

    fn lane(&self, account: SigningAccount) -> Next {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.entry(account).or_default())
    }
}

async fn begin(
    mut next: OwnedMutexGuard<Option<u64>>,
    readers: &PgPool,
    account: SigningAccount,
    chain_next_nonce: u64,
) -> Result<Turn, sqlx::Error> {
    let remembered = next.take();
    let booked = match remembered {
        Some(nonce) => nonce,
        None => booked(readers, account).await?,
    };
    Ok(Turn { next, remembered, nonce: booked.max(chain_next_nonce) })
}

async fn booked(readers: &PgPool, account: SigningAccount) -> Result<u64, sqlx::Error> {
    let mut connection = readers.acquire().await?;
    sequence::next_nonce(&mut connection, account).await.map_err(corrupt)
}

// === impl Turn ===

impl Turn {
    pub(in super::super) fn nonce(&self) -> u64 {
        self.nonce
    }

    /// It was written.
    pub(super) fn used(&mut self) {
        *self.next = self.nonce.checked_add(1);
    }

    /// Several nonces were written, up to the one before this.
    pub(in super::super) fn used_up_to(&mut self, next_nonce: u64) {
        *self.next = Some(next_nonce);
    }

    /// It was certainly not written.
    pub(in super::super) fn unused(&mut self) {
        *self.next = self.remembered;
    }
}

/// Takes the attempt's nonce where the wallet's balance bears the claim: a nonce that nothing is
/// sent under would hold up all later ones. Leaves one row then.
pub(super) fn take(batch: &mut Batch, payment: &TransferPayment<'_>, attempt: &Attempt) {
    let chain_id = batch.bind(rows::integer(payment.account().chain_id));
    let (signer, nonce) =
        (batch.bind(attempt.signer.to_string()), batch.bind(rows::integer(attempt.eoa_nonce)));
    let next = batch.bind(after(attempt.eoa_nonce));
    let taken = format!(
        "INSERT INTO signer_nonces (chain_id, signer, next_nonce) SELECT {chain_id}, {signer}, {next} FROM promised
         ON CONFLICT (chain_id, signer) DO UPDATE SET next_nonce = excluded.next_nonce WHERE signer_nonces.next_nonce <= {nonce} RETURNING 1"
    );
    batch.part("held", &taken);
}

/// The nonce after this one, as the books have it.
pub(in super::super) fn after(nonce: u64) -> i64 {
    rows::integer(nonce.saturating_add(1))
}
