//! The durable truth.

mod views;

pub use views::{Evidence, IntentSummary, JournalLine, LedgerPage, Usage};

use async_trait::async_trait;

use crate::{
    agent::{Payer, Wallet},
    free_quota::QuotaWindow,
    ids::PaymentId,
    intent::{Guard, Intent, Transition},
    ports::{
        claim::{ClaimKey, Claimed, IdentityClaim, Known, NewClaim},
        finality::Sighting,
        finding::Found,
        parking::Parking,
        queue::SettlementQueue,
        rail::PreparationError,
        request::RequestNote,
        seal::SealedRow,
        signing::{OpenNonce, Renewal, Sequence, SigningAccount},
        unclaimed::{UnclaimedBooked, UnclaimedReceipt},
    },
    settlement::{Attempt, ChainHash, GasSpent},
    time::{Month, UnixMs},
};

/// A fault of the books. The client gets 503 or 500 without details.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// The guard did not hold: another driver moved the intent, or holds its lease.
    #[error("intent {0} was moved by somebody else")]
    Stale(PaymentId),
    /// The database does not answer, or refused. What was asked for was not written.
    #[error("the books are unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer to a change was lost, and so far nothing says whether it was written.
    #[error("whether the books were changed is not known")]
    NotKnown(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row that cannot be: table, column and key say which.
    #[error("impossible value in {table}.{column} of {key}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        key: String,
    },
}

/// Intents, claims, slots, settlements and the journal. One transaction per method.
#[async_trait]
pub trait Books: Parking + SettlementQueue + Send + Sync {
    /// What is known of a request's keys.
    ///
    /// # Errors
    /// [`BooksError`]; so for every method here.
    async fn known(&self, key: &ClaimKey) -> Result<Option<Known>, BooksError>;

    /// Takes the proof and decides the funding, in one transaction. Where its answer is lost, the
    /// intent is looked for by its id until the lease would end, and counts as unattended from then
    /// on.
    ///
    /// # Errors
    /// [`BooksError::NotKnown`] when it may be there all the same: nobody may be told then that
    /// nothing was charged.
    async fn claim(&self, claim: NewClaim<'_>) -> Result<Claimed, BooksError>;

    /// Claims proofs that only identify; says for each whether it was still unclaimed.
    async fn claim_identities(&self, claims: &[IdentityClaim]) -> Result<Vec<bool>, BooksError>;

    /// One intent.
    async fn intent(&self, id: PaymentId) -> Result<Option<Intent>, BooksError>;

    /// Applies a transition: one guarded update of one row, with all that belongs to it.
    ///
    /// # Errors
    /// [`BooksError::Stale`] when the guard does not hold; nothing changed then.
    async fn apply(&self, transition: Transition) -> Result<Intent, BooksError>;

    /// Saves a further transaction of an intent before it is sent.
    async fn save_attempt(
        &self,
        id: PaymentId,
        guard: Guard,
        attempt: &Attempt,
    ) -> Result<Intent, BooksError>;

    /// Renews the lease; false when another driver has it.
    async fn renew_lease(
        &self,
        id: PaymentId,
        fence: i64,
        until: UnixMs,
    ) -> Result<bool, BooksError>;

    /// Lets go of a lease so that the recovery loop may take the intent at once.
    async fn release_lease(&self, id: PaymentId, fence: i64) -> Result<(), BooksError>;

    /// Takes intents in a transient state that nobody drives, with a new fence each. Their clients
    /// went with the process that drove them: an equal request with a new proof may join.
    async fn take_stuck(
        &self,
        now: UnixMs,
        lease_until: UnixMs,
        limit: u32,
    ) -> Result<Vec<Intent>, BooksError>;

    /// Nonces of this account, of terminal intents, which no mined transaction is known to use, the
    /// oldest intent first.
    async fn open_nonces(
        &self,
        account: SigningAccount,
        limit: u32,
    ) -> Result<Vec<OpenNonce>, BooksError>;

    /// What is known of this account's nonces from this one on.
    async fn sequence(
        &self,
        account: SigningAccount,
        from_nonce: u64,
    ) -> Result<Sequence, BooksError>;

    /// Saves an empty transaction that fills a hole of this account, before it is sent.
    async fn save_fill(&self, account: SigningAccount, fill: &Attempt) -> Result<(), BooksError>;

    /// Signs a payment anew under the next nonce, and saves that with the finding
    /// `foreign_transaction` before anything is sent: in one transaction, under the guard.
    ///
    /// # Errors
    /// [`BooksError::Stale`] when the guard does not hold; nothing changed then, nor when it cannot
    /// be prepared.
    async fn renew(
        &self,
        id: PaymentId,
        guard: Guard,
        renewal: Renewal<'_>,
    ) -> Result<Result<Intent, PreparationError>, BooksError>;

    /// How many nonces of each signer are not over, sorted by signer: those that no mined
    /// transaction is known to use, and those whose settlement a reorganisation may still take
    /// back. A signer that is not in the list will never have to sign for what it began.
    async fn signers_at_work(&self) -> Result<Vec<(Wallet, u64)>, BooksError>;

    /// What is kept sealed for open work, at most `limit` rows.
    async fn sealed(&self, limit: u32) -> Result<Vec<SealedRow>, BooksError>;

    /// Notes that a mined transaction used the nonce.
    async fn close_nonce(&self, account: SigningAccount, eoa_nonce: u64) -> Result<(), BooksError>;

    /// Notes that no mined transaction uses the nonce any more, with what it had cost: a
    /// reorganisation took it back.
    async fn reopen_nonce(&self, account: SigningAccount, eoa_nonce: u64)
    -> Result<(), BooksError>;

    /// Notes what the chain took for mined transactions of ours, in wei.
    async fn note_fees(&self, fees_wei: &[(ChainHash, u128)]) -> Result<(), BooksError>;

    /// What gas has cost so far, by what came of it.
    async fn gas_spent(&self) -> Result<GasSpent, BooksError>;

    /// Intents with a settlement on this chain that is not final and whose look is due, the longest
    /// due first.
    async fn recent_settlements(
        &self,
        chain_id: u64,
        due: UnixMs,
        limit: u32,
    ) -> Result<Vec<Intent>, BooksError>;

    /// Saves what looks at settlements showed, in one transaction: see
    /// [`Seen`](crate::ports::Seen). A look whose row names another block by now changes nothing.
    /// Neither postings nor the intent's state change: what was delivered stays delivered.
    async fn note_sightings(&self, sightings: &[Sighting]) -> Result<(), BooksError>;

    /// Books money that came by a proof which the books do not know, once: owed to who signed, or
    /// in suspense.
    ///
    /// # Errors
    /// [`BooksError`]; so of books that are never restored.
    async fn book_unclaimed(
        &self,
        _receipt: &UnclaimedReceipt,
        _at: UnixMs,
    ) -> Result<UnclaimedBooked, BooksError> {
        Err(BooksError::Unavailable("these books know every proof".into()))
    }

    /// Opens a finding about a payment, under its id; what is open stays as it is, and what an
    /// operator closed stays closed.
    async fn note_finding(&self, found: &Found, at: UnixMs) -> Result<(), BooksError>;

    /// Notes that the answer was handed to the client's connection. Travels with the next commit,
    /// at the latest with [`Books::flush`].
    fn delivered(&self, id: PaymentId);

    /// Notes that no client waits for the answer any more: an equal request with a new proof may
    /// join. Travels like [`Books::delivered`].
    fn unattended(&self, id: PaymentId);

    /// Notes how a request of a proven payer was answered. Written with the next [`Books::flush`],
    /// kept for [`REQUESTS_KEPT_MS`](crate::ports::REQUESTS_KEPT_MS); beyond
    /// [`MAX_WAITING_NOTES`](crate::ports::MAX_WAITING_NOTES) it is dropped.
    fn note_request(&self, note: RequestNote);

    /// How a request was answered.
    async fn request(&self, request_id: &str) -> Result<Option<RequestNote>, BooksError>;

    /// Writes the notes that are waiting for a commit.
    async fn flush(&self) -> Result<(), BooksError>;

    /// Entitlements whose deadline has passed become refunds that are due; says how many.
    async fn expire_entitlements(&self, now: UnixMs) -> Result<u64, BooksError>;

    /// How many free calls all wallets together have taken on a UTC day, `YYYY-MM-DD`.
    async fn free_calls_on(&self, day: &str) -> Result<u32, BooksError>;

    /// Drops the notes of proofs that were refused because a day's free calls were used up, once
    /// that day and the proofs' validity are over; says how many.
    async fn drop_refused_proofs(&self, now: UnixMs) -> Result<u64, BooksError>;

    /// What a payer has used in a month, and of one quota in its window.
    async fn usage(
        &self,
        payer: &Payer,
        month: Month,
        free: Option<&QuotaWindow>,
    ) -> Result<Usage, BooksError>;

    /// A page of intents, newest first, by key and not by offset.
    async fn intents(&self, page: &LedgerPage) -> Result<Vec<IntentSummary>, BooksError>;

    /// Everything about one intent.
    async fn evidence(&self, id: PaymentId) -> Result<Option<Evidence>, BooksError>;

    /// The balance of every account and currency that was ever booked, sorted by name.
    async fn trial_balance(&self) -> Result<Vec<JournalLine>, BooksError>;

    /// Whether the database answers, and takes a write.
    async fn ready(&self) -> Result<(), BooksError>;
}
