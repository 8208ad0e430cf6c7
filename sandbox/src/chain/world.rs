//! The chain in memory: the state, all blocks, and the way to the next one.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;

use alloy_consensus::transaction::Recovered;
use alloy_consensus::{Header, Sealed, TxEnvelope};
use alloy_primitives::{Address, B256, U256};
use revm::database::{CacheDB, DbAccount};
use revm::database_interface::{DatabaseCommit as _, DatabaseRef};
use revm::state::{AccountInfo, EvmState};

use super::ChainError;
use super::block::{Block, Body, Undo, next_state_root, open_header};
use super::evm::{self, Refusal, Rules, State};
use super::genesis::Genesis;

/// How many blocks back the state can be read, as with a node that keeps no archive.
const HISTORY_BLOCKS: usize = 1024;

/// Everything that is known, nothing that is only planned.
pub(super) struct World {
    pub genesis: Genesis,
    state: State,
    blocks: Vec<Block>,
    by_hash: HashMap<B256, u64>,
    by_tx: HashMap<B256, u64>,
    /// Of the newest blocks, the newest last.
    undo: VecDeque<Undo>,
}

/// A block that could follow the head, not yet part of the chain.
pub(super) struct Draft {
    pub block: Block,
    changes: EvmState,
}

/// The state as it was after some block.
pub(super) type StateView<'a> = CacheDB<&'a State>;

impl World {
    pub(super) fn new(genesis: Genesis) -> Result<Self, ChainError> {
        let header = open_header(None, genesis.timestamp_unix_s);
        let mut world = Self {
            state: genesis.state(),
            blocks: Vec::new(),
            by_hash: HashMap::new(),
            by_tx: HashMap::new(),
            undo: VecDeque::new(),
            genesis,
        };
        let root = world.genesis.digest()?;
        world.index(Block::seal(header, None, root));
        Ok(world)
    }

    /// The newest block. There is always one: block 0 is made with the world.
    pub(super) fn head(&self) -> &Sealed<Header> {
        &self.blocks[self.blocks.len() - 1].header
    }

    pub(super) fn block(&self, number: u64) -> Option<&Block> {
        self.blocks.get(usize::try_from(number).ok()?)
    }

    pub(super) fn block_by_hash(&self, hash: B256) -> Option<&Block> {
        self.block(*self.by_hash.get(&hash)?)
    }

    /// The block that holds a transaction.
    pub(super) fn block_of_tx(&self, hash: B256) -> Option<&Block> {
        self.block(*self.by_tx.get(&hash)?)
    }

    /// An account after the head; one that does not exist is empty.
    pub(super) fn account(&self, address: Address) -> AccountInfo {
        account_in(&self.state, address)
    }

    /// The state after block `number`, or `None` if that is not kept (or not yet mined).
    pub(super) fn state_after(&self, number: u64) -> Option<StateView<'_>> {
        let back = usize::try_from(self.head().number.checked_sub(number)?).ok()?;
        if back > self.undo.len() {
            return None;
        }
        let mut view = CacheDB::new(&self.state);
        for undo in self.undo.iter().rev().take(back) {
            for before in &undo.accounts {
                let Some(info) = &before.info else {
                    let gone = DbAccount::new_not_existing();
                    view.cache.accounts.insert(before.address, gone);
                    continue;
                };
                view.insert_account_info(before.address, info.clone());
                let account = view.cache.accounts.entry(before.address).or_default();
                account.storage.extend(before.slots.iter().copied());
            }
        }
        Some(view)
    }

    /// Runs a transaction as the next block without changing anything.
    pub(super) fn try_next(
        &self,
        tx: &Recovered<TxEnvelope>,
        timestamp_unix_s: u64,
        rules: Rules,
    ) -> Result<Draft, Refusal> {
        let header = open_header(Some(self.head()), timestamp_unix_s);
        let done = evm::execute(
            &self.state,
            self.genesis.chain_id,
            evm::block_env(&header),
            evm::tx_env(tx),
            rules,
        )?;
        let root = next_state_root(self.head().state_root, &done.state);
        let body = Body::new(tx.clone(), done.result);
        Ok(Draft { block: Block::seal(header, Some(body), root), changes: done.state })
    }

    /// The next block without a transaction.
    pub(super) fn empty_next(&self, timestamp_unix_s: u64) -> Draft {
        let header = open_header(Some(self.head()), timestamp_unix_s);
        Draft {
            block: Block::seal(header, None, self.head().state_root),
            changes: EvmState::default(),
        }
    }

    /// Makes a draft the head. It must have been drafted on the present head.
    pub(super) fn apply(&mut self, draft: Draft) {
        self.undo.push_back(Undo::of(&self.state, &draft.changes));
        if self.undo.len() > HISTORY_BLOCKS {
            self.undo.pop_front();
        }
        self.state.commit(draft.changes);
        self.index(draft.block);
    }

    fn index(&mut self, block: Block) {
        let (number, hash) = (block.header.number, block.header.hash());
        self.by_hash.insert(hash, number);
        let hashes = &mut self.state.cache.block_hashes;
        hashes.insert(U256::from(number), hash);
        if let Some(body) = &block.body {
            self.by_tx.insert(*body.tx.tx_hash(), number);
        }
        self.blocks.push(block);
    }
}

/// An account in some state; one that does not exist is empty.
pub(super) fn account_in(
    state: &impl DatabaseRef<Error = Infallible>,
    address: Address,
) -> AccountInfo {
    let Ok(account) = state.basic_ref(address);
    account.unwrap_or_default()
}
