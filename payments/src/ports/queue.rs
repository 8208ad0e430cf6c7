//! Claimed transfers that wait for a signer. Nothing of them has left the process.

use async_trait::async_trait;

use crate::{
    ids::PaymentId,
    intent::{Guard, Intent},
    ports::{
        BooksError,
        rail::{PreparationError, Preparer},
        signing::SigningAccount,
    },
    time::UnixMs,
};

/// A payment that was taken out of the queue to be signed, under a lease of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedPayment {
    /// The payment, in [`State::Queued`](crate::intent::State::Queued).
    pub intent: Intent,
    /// What it takes to sign it, as [`Settler::keep`](crate::ports::Settler::keep) made it.
    pub sealed_authorization: Vec<u8>,
}

/// Queued payments that one account signs under consecutive nonces, in one commit.
pub struct SigningRound<'a> {
    /// Who signs.
    pub account: SigningAccount,
    /// The account's next nonce as the node sees it; the books never give out a lower one.
    pub chain_next_nonce: u64,
    /// What is signed, in the order of the nonces.
    pub payments: Vec<ToSign<'a>>,
    /// Now.
    pub at: UnixMs,
}

/// One payment of a round.
pub struct ToSign<'a> {
    /// Its name.
    pub id: PaymentId,
    /// The lease under which it was taken.
    pub guard: Guard,
    /// Signs and seals its transfer.
    pub preparer: &'a dyn Preparer,
}

/// The queue between claim and signature, shared by all processes of the books.
#[async_trait]
pub trait SettlementQueue: Send + Sync {
    /// Takes queued payments that no settler holds, those whose authorization ends first, with a
    /// new fence each. What another process takes at the same time is left to it. Where another
    /// process claimed it, its client is taken for gone, as by
    /// [`Books::take_stuck`](crate::ports::Books::take_stuck): an equal request may join.
    ///
    /// # Errors
    /// [`BooksError`]; so for every method here.
    async fn take_queued(
        &self,
        now: UnixMs,
        lease_until: UnixMs,
        limit: u32,
    ) -> Result<Vec<QueuedPayment>, BooksError>;

    /// Signs them, and saves signatures, nonces and the new state in one commit, before anything is
    /// sent. A payment whose guard does not hold is left out and takes no nonce. Where one of them
    /// cannot be prepared, nothing changes for any of them.
    async fn sign_queued(
        &self,
        round: SigningRound<'_>,
    ) -> Result<Result<Vec<Intent>, PreparationError>, BooksError>;
}
