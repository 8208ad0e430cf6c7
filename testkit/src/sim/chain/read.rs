//! What a node says, and what is concluded from it: the rules of the rail on Base, on this chain.

use super::{Chain, MAX_REORG, Use};
use payments::{
    ports::{Outcome, RailError, Standing},
    settlement::{Attempt, AttemptKind, PaymentFailure, SettlementProof, TransferTerms},
};

/// One answer about a payment, from one node.
pub struct Facts {
    /// The node's newest block.
    pub latest: u64,
    latest_unix_s: u64,
    /// The newest block that stays, with its time.
    safe: u64,
    safe_unix_s: u64,
    used: bool,
    settled: Option<SettlementProof>,
    reverted_in: Option<u64>,
}

/// What the facts say, or what must be asked next.
pub enum Judgement {
    /// This.
    Said(Outcome),
    /// What the logs say.
    AskLogs,
    /// Whether the authorization was used by the end of this block, and what follows if it was not.
    AskUsedAt(u64, Outcome),
}

impl Chain {
    /// The facts as a node knows them that is so many blocks behind.
    pub fn facts(&self, lag: u64, terms: &TransferTerms, attempts: &[Attempt]) -> Facts {
        let head = self.block(self.latest().number.saturating_sub(lag));
        let safe = self.block(head.number.saturating_sub(MAX_REORG));
        let transfers = attempts.iter().filter(|attempt| attempt.kind == AttemptKind::Transfer);
        let receipts: Vec<_> = transfers
            .filter_map(|a| {
                head.after.receipts.get(&a.tx_hash.0).map(|receipt| (a.tx_hash, *receipt))
            })
            .collect();
        let settled =
            receipts.iter().find(|(_, receipt)| receipt.success).map(|(tx_hash, receipt)| {
                SettlementProof {
                    tx_hash: *tx_hash,
                    block_number: receipt.block,
                    block_hash: self.block(receipt.block).hash,
                    log_index: receipt.log_index,
                    fee_wei: 1,
                }
            });
        Facts {
            latest: head.number,
            latest_unix_s: head.unix_s,
            safe: safe.number,
            safe_unix_s: safe.unix_s,
            used: head.after.uses.contains_key(&terms.key),
            settled,
            reverted_in: receipts
                .iter()
                .filter(|(_, receipt)| !receipt.success)
                .map(|(_, receipt)| receipt.block)
                .max(),
        }
    }

    /// Whether the authorization was used by the end of a block. A node that does not have the
    /// block says so.
    pub fn used_at(&self, lag: u64, terms: &TransferTerms, block: u64) -> Result<bool, RailError> {
        if block > self.latest().number.saturating_sub(lag) {
            return Err(RailError::Unreachable(String::from("the node does not have the block")));
        }
        Ok(self.block(block).after.uses.contains_key(&terms.key))
    }

    /// Where a settlement stands, to a node that is so many blocks behind.
    pub fn standing(&self, lag: u64, booked: &SettlementProof) -> Standing {
        let head = self.latest().number.saturating_sub(lag);
        let is_there = self.block(booked.block_number).hash == booked.block_hash;
        if booked.block_number > head {
            Standing::NotKnown
        } else if !is_there {
            Standing::Displaced
        } else if booked.block_number.saturating_add(MAX_REORG) <= head {
            Standing::Final
        } else {
            Standing::Stands
        }
    }

    /// What the logs up to a block say of a used authorization.
    pub fn fate(
        &self,
        lag: u64,
        terms: &TransferTerms,
        attempts: &[Attempt],
        latest: u64,
        confirmations: u64,
    ) -> Outcome {
        let head = self.block(self.latest().number.saturating_sub(lag));
        let used = head.after.uses.get(&terms.key).filter(|used| used.block <= latest);
        let Some(Use { paid, tx_hash, block, log_index, .. }) = used else {
            return Outcome::Pending { may_send: false };
        };
        let fate = if *paid {
            let fee_wei = u128::from(attempts.iter().any(|attempt| attempt.tx_hash == *tx_hash));
            let block_hash = self.block(*block).hash;
            Outcome::Settled(SettlementProof {
                tx_hash: *tx_hash,
                block_number: *block,
                block_hash,
                log_index: *log_index,
                fee_wei,
            })
        } else {
            Outcome::Failed(PaymentFailure::Cancelled)
        };
        once_confirmed(*block, latest, confirmations, fate)
    }
}

impl Facts {
    /// What follows from them alone.
    pub fn judge(self, terms: &TransferTerms, confirmations: u64) -> Judgement {
        if let Some(proof) = self.settled {
            return Judgement::Said(once_confirmed(
                proof.block_number,
                self.latest,
                confirmations,
                Outcome::Settled(proof),
            ));
        }
        if self.used {
            return Judgement::AskLogs;
        }
        if let Some(block) = self.reverted_in {
            let fate = once_confirmed(
                block,
                self.latest,
                confirmations,
                Outcome::Failed(PaymentFailure::Reverted),
            );
            return Judgement::AskUsedAt(block, fate);
        }
        if self.safe_unix_s >= terms.valid_before_unix_s {
            return Judgement::AskUsedAt(self.safe, Outcome::Failed(PaymentFailure::Expired));
        }
        Judgement::Said(Outcome::Pending {
            may_send: self.latest_unix_s < terms.valid_before_unix_s,
        })
    }
}

fn once_confirmed(block: u64, latest: u64, confirmations: u64, fate: Outcome) -> Outcome {
    if block.saturating_add(confirmations.saturating_sub(1)) <= latest {
        fate
    } else {
        Outcome::Pending { may_send: false }
    }
}
