//! A chain that says what it is told and remembers what it was asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::{
    agent::Wallet,
    ids::PaymentId,
    ports::{ChainRail, ChainView, FeeQuote, Outcome, PreparationError, Preparer, RailError, Sent, Standing},
    settlement::{Attempt, AttemptKind, ChainHash, PaymentFailure, Settlement, SettlementProof, TransferTerms},
    testing::{memory::MemoryBooks, upstream::next},
    time::UnixMs,
    x402::verify::LiveTransfer,
};

/// The signer of the fake rail.
pub const SIGNER: Wallet = Wallet::new([0x51; 20]);
/// What a fake settlement costs us, in wei.
pub const FEE_WEI: u128 = 21_000;

/// What the chain says next of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Say {
    /// Settled by our newest transaction.
    Settled,
    /// Settled by a transaction that is not ours.
    SettledByStranger,
    /// Proven not paid.
    Failed(PaymentFailure),
    /// Not known, and whether it may be sent again.
    Pending {
        /// The authorization can still be used.
        may_send: bool,
    },
    /// No answer.
    Unreachable,
}

/// What the rail was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Send these bytes.
    Send(ChainHash),
    /// What became of the payment.
    Outcome,
    /// Raise the fee.
    Bump,
    /// Make an empty transaction.
    Void,
    /// Is this nonce used.
    NonceUsed(u64),
}

/// The chain. The last of each list that it was told is repeated for ever; told nothing, it takes what is sent and settles it.
pub struct FakeRail {
    books: Arc<MemoryBooks>,
    inner: Mutex<Inner>,
}

struct Inner {
    view: Result<ChainView, RailError>,
    preparation: Option<PreparationError>,
    outcomes: VecDeque<Say>,
    sent: VecDeque<Sent>,
    bumps: VecDeque<bool>,
    nonces_used: VecDeque<Result<bool, RailError>>,
    standings: VecDeque<Result<Standing, RailError>>,
    fees_wei: VecDeque<Result<Option<u128>, RailError>>,
    expired: bool,
    asked: Vec<Asked>,
}

/// A wallet with 10 USDC that never used the authorization, at block 100.
pub fn usual_view() -> ChainView {
    ChainView {
        authorization_used: false,
        balance_units: 10_000_000,
        would_revert: None,
        token_paused: false,
        block_number: 100,
        signer_next_nonce: 0,
        fees: FeeQuote { max_fee_per_gas_wei: 1_000, max_priority_fee_per_gas_wei: 10, signer_balance_wei: 1_000_000_000 },
    }
}

/// A node that does not answer.
pub fn unreachable() -> RailError {
    RailError::Unreachable(String::from("timeout"))
}

/// One signed transaction, unique per intent, nonce, kind and fee.
pub fn attempt(kind: AttemptKind, intent: PaymentId, eoa_nonce: u64, max_fee_per_gas_wei: u128, saved_at: UnixMs) -> Attempt {
    let named = format!("{} {intent} {eoa_nonce} {max_fee_per_gas_wei}", kind.word());
    let tx_hash = ChainHash(Sha256::digest(named.as_bytes()).into());
    Attempt { kind, tx_hash, signer: SIGNER, eoa_nonce, max_fee_per_gas_wei, sealed_tx: named.into_bytes(), saved_at, fee_wei: None }
}

/// The proof that a transaction settled, in a block and at a log of its own.
pub fn proof(tx_hash: ChainHash, fee_wei: u128) -> SettlementProof {
    let block_hash = ChainHash(Sha256::digest(tx_hash.0).into());
    SettlementProof { tx_hash, block_number: 101, block_hash, log_index: 1, fee_wei }
}

/// The same, as what an intent is funded by.
pub fn by_transfer(tx_hash: ChainHash, fee_wei: u128) -> Settlement {
    Settlement::Transfer(proof(tx_hash, fee_wei))
}

// === impl FakeRail ===

impl FakeRail {
    /// A rail that panics when it is asked to send a transaction that these books did not save, or that was wiped.
    pub fn new(books: Arc<MemoryBooks>) -> Self {
        let inner = Inner {
            view: Ok(usual_view()),
            preparation: None,
            outcomes: VecDeque::from([Say::Settled]),
            sent: VecDeque::from([Sent::Accepted]),
            bumps: VecDeque::from([false]),
            nonces_used: VecDeque::from([Ok(true)]),
            standings: VecDeque::from([Ok(Standing::Stands)]),
            fees_wei: VecDeque::from([Ok(Some(FEE_WEI))]),
            expired: false,
            asked: Vec::new(),
        };
        Self { books, inner: Mutex::new(inner) }
    }

    /// What the batch of reads says from now on.
    pub fn view_is(&self, view: Result<ChainView, RailError>) {
        self.inner().view = view;
    }

    /// Whether transactions can be prepared from now on.
    pub fn preparation_fails(&self, error: Option<PreparationError>) {
        self.inner().preparation = error;
    }

    /// What becomes of payments, in this order.
    pub fn say_next(&self, outcomes: impl IntoIterator<Item = Say>) {
        self.inner().outcomes = outcomes.into_iter().collect();
    }

    /// What the node says to what is sent, in this order.
    pub fn sent_next(&self, sent: impl IntoIterator<Item = Sent>) {
        self.inner().sent = sent.into_iter().collect();
    }

    /// Whether a higher fee is called for, in this order.
    pub fn bump_next(&self, bumps: impl IntoIterator<Item = bool>) {
        self.inner().bumps = bumps.into_iter().collect();
    }

    /// Whether nonces are used, in this order.
    pub fn nonce_used_next(&self, used: impl IntoIterator<Item = Result<bool, RailError>>) {
        self.inner().nonces_used = used.into_iter().collect();
    }

    /// What the newest of the transactions that are asked for cost, if it is mined, in this order.
    pub fn fees_next(&self, fees_wei: impl IntoIterator<Item = Result<Option<u128>, RailError>>) {
        self.inner().fees_wei = fees_wei.into_iter().collect();
    }

    /// Where each settlement stands that is asked for, in this order.
    pub fn standing_next(&self, standings: impl IntoIterator<Item = Result<Standing, RailError>>) {
        self.inner().standings = standings.into_iter().collect();
    }

    /// Whether authorizations count as expired.
    pub fn expire(&self, expired: bool) {
        self.inner().expired = expired;
    }

    /// What it was asked, oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        self.inner().asked.clone()
    }

    /// The transactions that it was asked to send.
    pub fn sends(&self) -> Vec<ChainHash> {
        self.inner().asked.iter().filter_map(|asked| if let Asked::Send(hash) = asked { Some(*hash) } else { None }).collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ChainRail for FakeRail {
    async fn view(&self, _: &LiveTransfer) -> Result<ChainView, RailError> {
        self.inner().view.clone()
    }

    fn preparer(&self, _: &LiveTransfer, view: &ChainView) -> Box<dyn Preparer> {
        Box::new(FakePreparer { max_fee_per_gas_wei: view.fees.max_fee_per_gas_wei, refuse: self.inner().preparation })
    }

    fn terms(&self, transfer: &LiveTransfer, view: &ChainView) -> TransferTerms {
        TransferTerms {
            key: transfer.key(),
            pay_to: *transfer.pay_to(),
            value: transfer.value(),
            valid_before_unix_s: transfer.valid_before_unix_s(),
            claimed_at_block: view.block_number,
        }
    }

    async fn send(&self, attempt: &Attempt) -> Sent {
        assert!(self.books.has_attempt(attempt), "{attempt:?} was sent and not saved");
        assert!(!attempt.sealed_tx.is_empty(), "{attempt:?} was sent after its bytes were wiped");
        let mut inner = self.inner();
        inner.asked.push(Asked::Send(attempt.tx_hash));
        next(&mut inner.sent).unwrap_or(Sent::Accepted)
    }

    async fn outcome(&self, _: &TransferTerms, attempts: &[Attempt]) -> Result<Outcome, RailError> {
        let mut inner = self.inner();
        inner.asked.push(Asked::Outcome);
        let ours = attempts.last().map(|attempt| attempt.tx_hash);
        match (next(&mut inner.outcomes).unwrap_or(Say::Unreachable), ours) {
            (Say::Settled, Some(tx_hash)) => Ok(Outcome::Settled(proof(tx_hash, FEE_WEI))),
            (Say::SettledByStranger, Some(ours)) => {
                let stranger = ChainHash(Sha256::digest([ours.0, ours.0].concat()).into());
                Ok(Outcome::Settled(proof(stranger, 0)))
            }
            (Say::Failed(failure), _) => Ok(Outcome::Failed(failure)),
            (Say::Pending { may_send }, _) => Ok(Outcome::Pending { may_send }),
            (Say::Unreachable, _) | (_, None) => Err(unreachable()),
        }
    }

    async fn standing(&self, booked: &[SettlementProof]) -> Result<Vec<Standing>, RailError> {
        let mut inner = self.inner();
        booked.iter().map(|_| next(&mut inner.standings).unwrap_or_else(|| Err(unreachable()))).collect()
    }

    async fn fees_paid(&self, attempts: &[Attempt]) -> Result<Vec<(ChainHash, u128)>, RailError> {
        let fee_wei = next(&mut self.inner().fees_wei).unwrap_or_else(|| Err(unreachable()))?;
        Ok(attempts.last().zip(fee_wei).map(|(attempt, fee_wei)| (attempt.tx_hash, fee_wei)).into_iter().collect())
    }

    fn signers(&self) -> Vec<Wallet> {
        vec![SIGNER]
    }

    async fn bump(&self, intent: PaymentId, last: &Attempt, at: UnixMs) -> Result<Option<Attempt>, RailError> {
        let mut inner = self.inner();
        inner.asked.push(Asked::Bump);
        let raised = next(&mut inner.bumps).unwrap_or(false);
        Ok(raised.then(|| attempt(last.kind, intent, last.eoa_nonce, last.max_fee_per_gas_wei * 2, at)))
    }

    async fn expired_on_chain(&self, _: u64) -> Result<bool, RailError> {
        Ok(self.inner().expired)
    }

    async fn void(&self, intent: PaymentId, last: &Attempt, at: UnixMs) -> Result<Attempt, RailError> {
        self.inner().asked.push(Asked::Void);
        Ok(attempt(AttemptKind::Void, intent, last.eoa_nonce, last.max_fee_per_gas_wei * 2, at))
    }

    async fn nonce_used(&self, _: Wallet, eoa_nonce: u64) -> Result<bool, RailError> {
        let mut inner = self.inner();
        inner.asked.push(Asked::NonceUsed(eoa_nonce));
        next(&mut inner.nonces_used).unwrap_or_else(|| Err(unreachable()))
    }

    async fn ready(&self) -> Result<(), RailError> {
        self.inner().view.clone().map(drop)
    }

    fn on_wrong_chain(&self) -> bool {
        matches!(self.inner().view, Err(RailError::WrongChain(_)))
    }
}

/// Prepares, or refuses to.
pub(super) struct FakePreparer {
    pub(super) max_fee_per_gas_wei: u128,
    pub(super) refuse: Option<PreparationError>,
}

impl Preparer for FakePreparer {
    fn signer(&self) -> Wallet {
        SIGNER
    }

    fn prepare(&self, intent: PaymentId, eoa_nonce: u64, at: UnixMs) -> Result<Attempt, PreparationError> {
        match self.refuse {
            Some(error) => Err(error),
            None => Ok(attempt(AttemptKind::Transfer, intent, eoa_nonce, self.max_fee_per_gas_wei, at)),
        }
    }
}
