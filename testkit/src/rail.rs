//! A chain that says what it is told and remembers what it was asked.

mod answers;
mod kept;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest, Sha256};

use crate::memory::MemoryBooks;
pub use kept::{kept, reopened};
use payments::{
    agent::Wallet,
    ids::PaymentId,
    ports::{
        ChainNonces, ChainView, FeeQuote, PreparationError, RailError, Sent, SigningAccount,
        Standing,
    },
    settlement::{Attempt, AttemptKind, ChainHash, PaymentFailure, Settlement, SettlementProof},
    time::UnixMs,
};

/// The signer of the fake rail.
pub const SIGNER: Wallet = Wallet::new([0x51; 20]);
/// Who settles what we did not send, on the fake rail.
pub const STRANGER: Wallet = Wallet::new([0x5a; 20]);
/// The chain of the fake rail.
pub const CHAIN_ID: u64 = 84_532;
/// The signer on its chain.
pub const ACCOUNT: SigningAccount = SigningAccount { chain_id: CHAIN_ID, address: SIGNER };
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
    /// The node refuses the question.
    Refused,
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
    /// Make an empty transaction under a nonce that no payment has.
    Fill(u64),
}

/// The chain. The last of each list that it was told is repeated for ever; told nothing, it takes
/// what is sent and settles it.
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
    at_bound: bool,
    outrun: VecDeque<bool>,
    nonces: Result<ChainNonces, RailError>,
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
        fees: FeeQuote {
            max_fee_per_gas_wei: 1_000,
            max_priority_fee_per_gas_wei: 10,
            signer_balance_wei: 1_000_000_000,
        },
    }
}

/// A node that does not answer.
pub fn unreachable() -> RailError {
    RailError::Unreachable(String::from("timeout"))
}

/// One signed transaction, unique per intent, nonce, kind and fee.
pub fn attempt(
    kind: AttemptKind,
    intent: PaymentId,
    eoa_nonce: u64,
    max_fee_per_gas_wei: u128,
    saved_at: UnixMs,
) -> Attempt {
    let named = format!("{} {intent} {eoa_nonce} {max_fee_per_gas_wei}", kind.word());
    let tx_hash = ChainHash(Sha256::digest(named.as_bytes()).into());
    Attempt {
        kind,
        tx_hash,
        signer: SIGNER,
        eoa_nonce,
        max_fee_per_gas_wei,
        sealed_tx: named.into_bytes(),
        saved_at,
        fee_wei: None,
    }
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
    /// A rail that panics when it is asked to send a transaction that these books did not save, or
    /// that was wiped.
    pub fn new(books: Arc<MemoryBooks>) -> Self {
        let inner = Inner {
            view: Ok(usual_view()),
            preparation: None,
            outcomes: VecDeque::from([Say::Settled]),
            sent: VecDeque::from([Sent::Accepted]),
            bumps: VecDeque::from([false]),
            at_bound: false,
            outrun: VecDeque::from([false]),
            nonces: Ok(ChainNonces { confirmed: 0, mined: 0, pending: 0 }),
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

    /// Whether the fee that is called for is above what may be paid.
    pub fn at_bound(&self, at_bound: bool) {
        self.inner().at_bound = at_bound;
    }

    /// Whether somebody else's transaction used the nonce, in this order.
    pub fn outrun_next(&self, outrun: impl IntoIterator<Item = bool>) {
        self.inner().outrun = outrun.into_iter().collect();
    }

    /// What the node says of the signer's nonces from now on.
    pub fn nonces_are(&self, nonces: Result<ChainNonces, RailError>) {
        self.inner().nonces = nonces;
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
        self.inner()
            .asked
            .iter()
            .filter_map(|asked| if let Asked::Send(hash) = asked { Some(*hash) } else { None })
            .collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
