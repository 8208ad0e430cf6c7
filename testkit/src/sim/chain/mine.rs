//! Making blocks, and taking them back.

use std::sync::Arc;

use super::{Block, Chain, Deed, Ledger, Receipt, Tx, Use};
use crate::sim::rng::Rng;
use payments::{settlement::ChainHash, time::UnixMs};

impl Chain {
    /// Makes the next block. Who comes first is drawn; our own transactions keep the order of their
    /// nonces.
    pub fn mine(&mut self, now: UnixMs, rng: &mut Rng) {
        let mut ours = self.includable();
        ours.reverse();
        let mut order: Vec<Tx> = Vec::new();
        let mut outside: Vec<Tx> = self.outside.drain(..).collect();
        while !ours.is_empty() || !outside.is_empty() {
            let mine_first = outside.is_empty() || (!ours.is_empty() && rng.chance(400));
            order.extend(if mine_first {
                ours.pop()
            } else {
                Some(outside.swap_remove(rng.index(outside.len())))
            });
        }
        let unix_s = now.protocol_s().max(self.latest().unix_s);
        self.append(order, unix_s);
    }

    /// Replaces the newest blocks. Kept transactions happen again in the same order at the same
    /// times; a hostile reorganisation loses some and puts the rest back where they waited.
    pub fn reorganise(&mut self, depth: u64, hostile: bool, rng: &mut Rng) {
        let depth = usize::try_from(depth).unwrap_or(1).min(self.blocks.len() - 1);
        let gone = self.blocks.split_off(self.blocks.len() - depth);
        for block in gone {
            if !hostile {
                self.append(block.mined, block.unix_s);
                continue;
            }
            for tx in block.mined {
                // What nobody includes again is known to nobody but its sender.
                if rng.chance(700) || matches!(tx.deed, Deed::TopUp(..)) {
                    let _ = self.take(tx);
                }
            }
            self.mine(UnixMs::from_s(i64::try_from(block.unix_s).unwrap_or(0)), rng);
        }
    }

    /// Our waiting transactions that bid enough and stand in line without a gap.
    fn includable(&self) -> Vec<Tx> {
        let mut next = self.ledger().nonces.clone();
        let mut found = Vec::new();
        for ((signer, nonce), tx) in &self.pool {
            let next = next.entry(*signer).or_insert(0);
            if nonce == next && tx.ours.is_some_and(|(_, _, fee_wei)| fee_wei >= self.base_fee_wei)
            {
                *next += 1;
                found.push(tx.clone());
            }
        }
        found
    }

    fn append(&mut self, txs: Vec<Tx>, unix_s: u64) {
        let number = self.latest().number + 1;
        let mut after = Arc::clone(&self.latest().after);
        if !txs.is_empty() {
            let mut ledger = Ledger::clone(&after);
            for (index, tx) in (0_u64..).zip(&txs) {
                ledger.execute(tx, number, index * 2 + 1, unix_s);
            }
            after = Arc::new(ledger);
        }
        let hash: ChainHash = self.fresh(b"block");
        self.blocks.push(Block { number, hash, unix_s, mined: txs, after });
        let nonces = &self.blocks[self.blocks.len() - 1].after.nonces;
        self.pool.retain(|(signer, nonce), _| *nonce >= nonces.get(signer).copied().unwrap_or(0));
    }
}

impl Ledger {
    fn execute(&mut self, tx: &Tx, block: u64, log_index: u64, unix_s: u64) {
        let success = match &tx.deed {
            Deed::Settle(terms) => {
                let balance = self.balances.entry(terms.key.from).or_insert(0);
                let value = terms.value.get();
                let valid = !self.uses.contains_key(&terms.key)
                    && unix_s < terms.valid_before_unix_s
                    && *balance >= value;
                if valid {
                    *balance -= value;
                    self.received += value;
                    self.uses.insert(
                        terms.key,
                        Use {
                            paid: true,
                            units: terms.value.get(),
                            tx_hash: tx.hash,
                            block,
                            log_index,
                        },
                    );
                }
                valid
            }
            Deed::Cancel(key) => {
                let valid = !self.uses.contains_key(key);
                if valid {
                    self.uses.insert(
                        *key,
                        Use { paid: false, units: 0, tx_hash: tx.hash, block, log_index },
                    );
                }
                valid
            }
            Deed::GiveAway(wallet, units) => {
                let balance = self.balances.entry(*wallet).or_insert(0);
                *balance = balance.saturating_sub(*units);
                true
            }
            Deed::TopUp(wallet, units) => {
                *self.balances.entry(*wallet).or_insert(0) += units;
                true
            }
            Deed::Void => true,
        };
        if let Some((signer, nonce, _)) = tx.ours {
            self.nonces.insert(signer, nonce + 1);
            self.receipts.insert(tx.hash.0, Receipt { block, success, log_index });
        }
    }
}
