//! A chain in process: an EVM (revm) that runs the test USDC, answers as Base Sepolia over JSON-RPC
//! and keeps its blocks in a file.
//!
//! - Each accepted transaction is mined at once, in a block of its own, which is final at once:
//!   `latest`, `safe` and `finalized` are the same block. A transaction whose nonce is ahead waits
//!   in memory until the gap closes.
//! - The time of a block is the clock's, and never before that of its parent. Between transactions
//!   no block is mined, unless [`Chain::tick`] is called; a call on `latest` sees the clock's time
//!   all the same, as it would on a chain that mines every two seconds.
//! - The base fee is the same in each block.
//! - A block is on the disk before its transaction's hash is answered, so a killed process comes
//!   back to the same chain.

mod block;
mod evm;
mod genesis;
mod pool;
mod record;
mod rpc;
mod serve;
mod submit;
mod world;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use alloy_primitives::{Address, U256};

pub use genesis::test_usdc_code;
pub use serve::serve;

use crate::log::{Log, LogError, Opened};
use genesis::Genesis;
use pool::Pool;
use record::{FILE_NAME, MAGIC};
use world::World;

/// What a chain is made of, and where it is kept.
#[derive(Clone, Debug)]
pub struct ChainConfig {
    /// The folder of the chain's file; made if it is not there.
    pub dir: PathBuf,
    /// The id that it answers with. Those of Ethereum and Base mainnet are refused.
    pub chain_id: u64,
    /// Where the test USDC stands.
    pub token: Address,
    /// Accounts that hold ETH at the beginning, in wei.
    pub eth_accounts: Vec<(Address, U256)>,
    /// Accounts that hold test USDC at the beginning, in units (millionths of a dollar).
    pub usdc_accounts: Vec<(Address, u64)>,
}

/// Tells the time in seconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Why the chain could not be opened or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// Signatures made for this chain would be worth money on the real one.
    #[error("a sandbox chain must not answer as chain {chain_id}, which carries real money")]
    RealMoneyChain {
        /// The id that was asked for.
        chain_id: u64,
    },
    /// The folder holds a chain that began otherwise. Ask for what it began with, or give another
    /// folder.
    #[error(
        "the stored chain began with something else in {differing}: keep that, or use another folder"
    )]
    GenesisDiffers {
        /// What differs.
        differing: &'static str,
    },
    /// The first record cannot be made or read.
    #[error("the beginning of the chain is not usable: {0}")]
    Genesis(String),
    /// The token's code that was built in is not hex.
    #[error("the built-in code of the test token is not hex")]
    TokenCode,
    /// Another process, or another chain in this one, has the folder.
    #[error("{path} is in use by another process")]
    Locked {
        /// The file that is locked.
        path: PathBuf,
    },
    /// The file does not hold what was written to it.
    #[error(
        "{path} is damaged behind byte {at_byte}: restore it, or remove it to begin a new chain"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Up to here it is whole.
        at_byte: u64,
    },
    /// A stored block, run again, came out as another block.
    #[error("stored block {number} does not follow from the blocks before it")]
    Replay {
        /// Which block.
        number: u64,
    },
    /// An earlier write failed half-way. Opening the chain again repairs it.
    #[error("the chain stopped after a failed write: open it again")]
    Broken,
    /// A record is longer than its length field can say.
    #[error("a record is too long to be stored")]
    TooLong,
    /// The disk did not do what it was asked for.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl From<LogError> for ChainError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Locked { path } => Self::Locked { path },
            LogError::Damaged { path, at_byte } => Self::Damaged { path, at_byte },
            LogError::Broken => Self::Broken,
            LogError::TooLong => Self::TooLong,
            LogError::Io { path, source } => Self::Io { path, source },
        }
    }
}

/// A running chain. All methods may be called from any thread; one works at a time.
pub struct Chain {
    inner: Mutex<Inner>,
    clock: Clock,
}

struct Inner {
    world: World,
    pool: Pool,
    store: Log,
    /// While set, accepted transactions wait in the pool.
    hold: bool,
}

impl Chain {
    /// Opens the chain of `config.dir`, or begins one there.
    ///
    /// A stored chain is run again from its first block. It must have begun with the same chain id,
    /// token address and accounts; its token's code stays the one it began with.
    ///
    /// # Errors
    /// Each [`ChainError`] but `Broken` and `TooLong`.
    pub fn open(config: ChainConfig, clock: Clock) -> Result<Self, ChainError> {
        let wanted = Genesis::new(&config, clock())?;
        let Opened { log: mut store, payloads } = Log::open(&config.dir, FILE_NAME, &MAGIC)?;
        let genesis = match payloads.first() {
            Some(stored) => Genesis::decode(stored)?,
            None => {
                store.append(&wanted.encode()?)?;
                wanted.clone()
            }
        };
        genesis.check_matches(&wanted)?;
        let mut inner =
            Inner { world: World::new(genesis)?, pool: Pool::default(), store, hold: false };
        for payload in payloads.iter().skip(1) {
            inner.replay(payload)?;
        }
        let inner = Mutex::new(inner);
        Ok(Self { inner, clock })
    }

    /// Mines an empty block if the newest is at least `max_age_s` seconds old, so that the chain's
    /// time goes on when nobody pays. Says whether it did.
    ///
    /// # Errors
    /// [`ChainError::Io`] or [`ChainError::Broken`] if the block could not be stored.
    pub fn tick(&self, max_age_s: u64) -> Result<bool, ChainError> {
        let now = (self.clock)();
        let mut inner = self.lock()?;
        let due = now >= inner.world.head().timestamp.saturating_add(max_age_s);
        if due {
            let draft = inner.world.empty_next(now);
            inner.commit(draft)?;
        }
        Ok(due)
    }

    /// While `hold` is set, accepted transactions wait in the pool, pending and unmined; taking it
    /// back mines them.
    ///
    /// # Errors
    /// [`ChainError::Io`] or [`ChainError::Broken`] if a block could not be stored.
    pub fn set_next_block_hold(&self, hold: bool) -> Result<(), ChainError> {
        let mut inner = self.lock()?;
        inner.hold = hold;
        inner.mine_ready((self.clock)())
    }

    /// A panic while the lock was held may have left memory and disk apart; opening again makes
    /// them one.
    fn lock(&self) -> Result<MutexGuard<'_, Inner>, ChainError> {
        self.inner.lock().map_err(|_| ChainError::Broken)
    }
}
