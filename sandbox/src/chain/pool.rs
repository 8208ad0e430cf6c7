//! Transactions that wait: for the nonces before theirs, or while mining is held. In memory only,
//! as with real nodes.

use std::collections::{BTreeMap, HashMap};

use alloy_consensus::transaction::Recovered;
use alloy_consensus::{Transaction as _, TxEnvelope};
use alloy_primitives::{Address, B256};

/// Waiting transactions of one sender.
const MAX_PER_SENDER: usize = 64;
/// Waiting transactions of all senders.
const MAX_IN_ALL: usize = 1024;
/// By how much a replacement must raise both fees, in percent.
const PRICE_BUMP_PERCENT: u128 = 10;

#[derive(Default)]
pub(super) struct Pool {
    by_sender: BTreeMap<Address, BTreeMap<u64, Recovered<TxEnvelope>>>,
    by_hash: HashMap<B256, (Address, u64)>,
}

/// Why a transaction may not wait here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotPooled {
    /// It waits already.
    Known,
    /// One with the same nonce waits and pays nearly as much.
    Underpriced,
    /// There is no room.
    Full,
}

impl Pool {
    pub(super) fn get(&self, hash: B256) -> Option<&Recovered<TxEnvelope>> {
        let (sender, nonce) = self.by_hash.get(&hash)?;
        self.by_sender.get(sender)?.get(nonce)
    }

    pub(super) fn insert(&mut self, tx: Recovered<TxEnvelope>) -> Result<(), NotPooled> {
        let (hash, place) = (*tx.tx_hash(), (tx.signer(), tx.nonce()));
        if self.by_hash.contains_key(&hash) {
            return Err(NotPooled::Known);
        }
        let waiting = self.by_sender.get(&place.0);
        match waiting.and_then(|waiting| waiting.get(&place.1)) {
            Some(old) if !outbids(&tx, old) => return Err(NotPooled::Underpriced),
            Some(old) => {
                self.by_hash.remove(old.tx_hash());
            }
            None if self.by_hash.len() >= MAX_IN_ALL => return Err(NotPooled::Full),
            None if waiting.is_some_and(|waiting| waiting.len() >= MAX_PER_SENDER) => {
                return Err(NotPooled::Full);
            }
            None => {}
        }
        self.by_hash.insert(hash, place);
        let waiting = self.by_sender.entry(place.0).or_default();
        waiting.insert(place.1, tx);
        Ok(())
    }

    /// The nonce that the sender should use next, if `next` is the one that the state asks for.
    pub(super) fn next_nonce(&self, sender: Address, next: u64) -> u64 {
        let Some(waiting) = self.by_sender.get(&sender) else {
            return next;
        };
        let gap = (next..).find(|nonce| !waiting.contains_key(nonce));
        gap.unwrap_or(u64::MAX)
    }

    /// Takes out a transaction whose turn it is. Those whose nonce was used meanwhile are dropped.
    pub(super) fn take_ready(
        &mut self,
        next_nonce: impl Fn(Address) -> u64,
    ) -> Option<Recovered<TxEnvelope>> {
        let mut ready = None;
        for (sender, waiting) in &mut self.by_sender {
            let next = next_nonce(*sender);
            let later = waiting.split_off(&next);
            for stale in std::mem::replace(waiting, later).into_values() {
                self.by_hash.remove(stale.tx_hash());
            }
            ready = waiting.remove(&next);
            if ready.is_some() {
                break;
            }
        }
        self.by_sender.retain(|_, waiting| !waiting.is_empty());
        if let Some(tx) = &ready {
            self.by_hash.remove(tx.tx_hash());
        }
        ready
    }
}

fn outbids(new: &TxEnvelope, old: &TxEnvelope) -> bool {
    let tip = |tx: &TxEnvelope| tx.max_priority_fee_per_gas().unwrap_or(tx.max_fee_per_gas());
    let raised = |new: u128, old: u128| {
        let wanted = old.saturating_mul(100 + PRICE_BUMP_PERCENT).div_ceil(100);
        new >= wanted && new > old
    };
    raised(new.max_fee_per_gas(), old.max_fee_per_gas()) && raised(tip(new), tip(old))
}
