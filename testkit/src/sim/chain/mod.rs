//! A chain with one token: blocks, a pool of waiting transactions, authorizations that work once,
//! and the signers' nonces.
//!
//! Every block keeps the state after it, so that a node may answer from any of them.

mod mine;
mod rail;
mod read;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use sha2::{Digest, Sha256};

pub use rail::SimRail;

use crate::sim::rng::Rng;
use payments::{
    agent::Wallet,
    proof::PaymentKey,
    settlement::{ChainHash, TransferTerms},
    time::UnixMs,
};

/// The base fee of calm times, in wei.
pub const CALM_BASE_FEE_WEI: u128 = 100;
/// The first block's number.
const FIRST_BLOCK: u64 = 1_000;
/// The deepest reorganisation, in blocks.
pub const MAX_REORG: u64 = 2;

/// What an authorization was used for, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The transfer to us happened. Otherwise the payer cancelled it.
    pub paid: bool,
    /// Of how many units.
    pub units: u64,
    /// In which transaction.
    pub tx_hash: ChainHash,
    /// In which block.
    pub block: u64,
    /// The index of its log.
    pub log_index: u64,
}

/// A mined transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// In which block.
    pub block: u64,
    /// It did what it was to do.
    pub success: bool,
    /// The index of its first log.
    pub log_index: u64,
}

/// The state after a block.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// Who holds how much of the token.
    pub balances: BTreeMap<Wallet, u64>,
    /// Used authorizations.
    pub uses: BTreeMap<PaymentKey, Use>,
    /// The next nonce of each signer.
    pub nonces: BTreeMap<Wallet, u64>,
    /// Mined transactions of our signers.
    pub receipts: BTreeMap<[u8; 32], Receipt>,
    /// What our receiving address got.
    pub received: u64,
}

/// A block with the state after it.
#[derive(Debug, Clone)]
pub struct Block {
    /// Its number.
    pub number: u64,
    /// Its hash: another one for each block that was ever made.
    pub hash: ChainHash,
    /// Its time.
    pub unix_s: u64,
    /// What happened in it.
    mined: Vec<Tx>,
    /// The state after it.
    pub after: Arc<Ledger>,
}

/// What a transaction does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Settles an authorization.
    Settle(TransferTerms),
    /// Nothing.
    Void,
    /// Makes an authorization worthless.
    Cancel(PaymentKey),
    /// The payer gives this much of its money to somebody else.
    GiveAway(Wallet, u64),
    /// Somebody gives the payer money.
    TopUp(Wallet, u64),
}

/// A transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tx {
    /// Its hash.
    pub hash: ChainHash,
    /// What it does.
    pub deed: Deed,
    /// Our signer's, with its nonce and fee cap. Strangers and payers pay whatever is asked.
    pub ours: Option<(Wallet, u64, u128)>,
}

/// The chain.
pub struct Chain {
    blocks: Vec<Block>,
    /// Our waiting transactions: one per signer and nonce.
    pool: BTreeMap<(Wallet, u64), Tx>,
    /// Other people's.
    outside: VecDeque<Tx>,
    /// What a transaction must bid now.
    pub base_fee_wei: u128,
    /// No blocks before this moment.
    pub halted_until: UnixMs,
    /// The fee is high until this moment.
    pub spike_until: UnixMs,
    /// Our signers' accounts are empty until this moment.
    pub poor_until: UnixMs,
    /// Until when nodes refuse questions about logs.
    pub logs_refused_until: UnixMs,
    made: u64,
}

/// Why a node does not take a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// It is there, or was mined.
    Known,
    /// Its nonce is used.
    NonceTooLow,
    /// It bids too little more than what it replaces.
    Underpriced,
}

impl Chain {
    /// One block, with money for these wallets.
    pub fn new(now: UnixMs, balances: BTreeMap<Wallet, u64>) -> Self {
        let after = Arc::new(Ledger { balances, ..Ledger::default() });
        let block = Block {
            number: FIRST_BLOCK,
            hash: named(b"block", 0),
            unix_s: now.protocol_s(),
            mined: Vec::new(),
            after,
        };
        let never = UnixMs::new(0);
        Self {
            blocks: vec![block],
            pool: BTreeMap::new(),
            outside: VecDeque::new(),
            base_fee_wei: CALM_BASE_FEE_WEI,
            halted_until: never,
            spike_until: never,
            poor_until: never,
            logs_refused_until: never,
            made: 0,
        }
    }

    /// The newest block.
    pub fn latest(&self) -> &Block {
        &self.blocks[self.blocks.len() - 1]
    }

    /// The block with this number, or the nearest that there is.
    pub fn block(&self, number: u64) -> &Block {
        let at = usize::try_from(number.saturating_sub(FIRST_BLOCK)).unwrap_or(usize::MAX);
        &self.blocks[at.min(self.blocks.len() - 1)]
    }

    /// The state after the newest block.
    pub fn ledger(&self) -> &Ledger {
        &self.latest().after
    }

    /// Takes one of our transactions into the pool.
    pub fn take(&mut self, tx: Tx) -> Result<(), NotTaken> {
        let Some((signer, nonce, fee_wei)) = tx.ours else {
            self.outside.push_back(tx);
            return Ok(());
        };
        if self.ledger().receipts.contains_key(&tx.hash.0) {
            return Err(NotTaken::Known);
        }
        if nonce < self.ledger().nonces.get(&signer).copied().unwrap_or(0) {
            return Err(NotTaken::NonceTooLow);
        }
        if let Some(waiting) = self.pool.get(&(signer, nonce)) {
            let waiting_fee_wei = waiting.ours.map_or(0, |(_, _, fee)| fee);
            if waiting.hash == tx.hash {
                return Err(NotTaken::Known);
            }
            if fee_wei < waiting_fee_wei + waiting_fee_wei / 10 {
                return Err(NotTaken::Underpriced);
            }
        }
        self.pool.insert((signer, nonce), tx);
        Ok(())
    }

    /// Takes somebody else's transaction.
    pub fn take_outside(&mut self, deed: Deed) {
        let hash = self.fresh(b"outside");
        self.outside.push_back(Tx { hash, deed, ours: None });
    }

    /// Another program with a signer's key sends something of its own: behind what waits there, or
    /// in the place of the first of it. Some of it bids too little to be ever mined, and waits
    /// until it is forgotten.
    pub fn interfere(&mut self, signer: Wallet, rng: &mut Rng) {
        let first = self.ledger().nonces.get(&signer).copied().unwrap_or(0);
        let nonce = if rng.chance(500) { first } else { self.pending_nonce(signer) };
        let fee_wei = if rng.chance(500) { 1 } else { self.base_fee_wei.saturating_mul(1_000) };
        let hash = self.fresh(b"foreign");
        let _ = self.take(Tx { hash, deed: Deed::Void, ours: Some((signer, nonce, fee_wei)) });
    }

    /// Forgets a waiting transaction.
    pub fn evict(&mut self, at: usize) {
        if let Some(key) = self.pool.keys().nth(at).copied() {
            self.pool.remove(&key);
        }
    }

    /// Transactions of ours that wait.
    pub fn waiting(&self) -> usize {
        self.pool.len()
    }

    /// The signer's next nonce with the waiting transactions counted.
    pub fn pending_nonce(&self, signer: Wallet) -> u64 {
        let mut next = self.ledger().nonces.get(&signer).copied().unwrap_or(0);
        while self.pool.contains_key(&(signer, next)) {
            next += 1;
        }
        next
    }

    fn fresh(&mut self, what: &[u8]) -> ChainHash {
        self.made += 1;
        named(what, self.made)
    }
}

fn named(what: &[u8], number: u64) -> ChainHash {
    ChainHash(Sha256::new().chain_update(what).chain_update(number.to_be_bytes()).finalize().into())
}
