//! The one log that tells what an authorization was used for, in windows of as many blocks as the
//! node lists.
//!
//! The search begins at the claim's block: whoever settles or cancels an authorization does it
//! after it was shown to us. Only then come the blocks before, where a node that was behind at the
//! claim may have it. A node that limits the blocks of a question says so by refusing: the window
//! halves. One block that is refused is a question that stays refused.

use alloy_primitives::{B256, U64};
use alloy_sol_types::SolEvent;
use payments::{ports::RailError, settlement::TransferTerms};
use serde_json::json;

use super::{
    BaseRail,
    calls::{self, Transfer, address},
    limits::{Limit, MAX_BATCH_CALLS},
    node::NoAnswer,
    wire::{Block, Log},
};

/// Blocks before the claim that are searched too: the node that was asked then may have been behind
/// (ten minutes on Base).
const CLAIM_MARGIN_BLOCKS: u64 = 300;

impl BaseRail {
    /// The log, if it is there.
    ///
    /// # Errors
    /// [`RailError::Refused`] when not even one block is listed.
    pub(super) async fn find_fate(
        &self,
        terms: &TransferTerms,
        latest: u64,
    ) -> Result<Option<Log>, RailError> {
        let claimed = terms.claimed_at_block;
        if let Some(log) = self.fate_in(terms, claimed, latest).await? {
            return Ok(Some(log));
        }
        match claimed.checked_sub(1) {
            Some(last) => {
                self.fate_in(terms, claimed.saturating_sub(CLAIM_MARGIN_BLOCKS), last.min(latest))
                    .await
            }
            None => Ok(None),
        }
    }

    async fn fate_in(
        &self,
        terms: &TransferTerms,
        first: u64,
        last: u64,
    ) -> Result<Option<Log>, RailError> {
        let topics = calls::fate_topics(&terms.key.from, &terms.key.nonce);
        let filter = json!({ "address": address(&terms.key.token), "topics": topics });
        let mut from = first;
        while from <= last {
            let (logs, next) = self.window(&filter, from, last).await?;
            if let Some(log) = logs.into_iter().find(|log| !log.removed) {
                return Ok(Some(log));
            }
            from = next;
        }
        Ok(None)
    }

    /// The logs of the first blocks of a range, of as many as the node lists, and the block after
    /// them.
    pub(super) async fn window(
        &self,
        filter: &serde_json::Value,
        first: u64,
        last: u64,
    ) -> Result<(Vec<Log>, u64), RailError> {
        let limits = &self.node.limits;
        let mut blocks = limits.log_blocks();
        let mut refused: Option<String> = None;
        loop {
            let to = first.saturating_add(blocks.saturating_sub(1)).min(last);
            let mut filter = filter.clone();
            filter["fromBlock"] = json!(U64::from(first));
            filter["toBlock"] = json!(U64::from(to));
            let mut batch = self.node.batch();
            let logs = batch.ask::<Vec<Log>>("eth_getLogs", json!([filter]));
            batch.send().await?;
            match logs.try_get().await {
                Ok(logs) => {
                    if let Some(words) = refused {
                        limits.learn_log_blocks(blocks, &words);
                    }
                    return Ok((logs, to.saturating_add(1)));
                }
                Err(NoAnswer::Refused(refusal)) if refusal.is_throttled() => {
                    return Err(NoAnswer::Refused(refusal).into());
                }
                Err(NoAnswer::Refused(refusal)) => {
                    limits.count(Limit::Logs);
                    let words = format!("error {}: {}", refusal.code, refusal.message);
                    if to <= first {
                        return Err(RailError::Refused(format!(
                            "eth_getLogs of block {first}: {words}"
                        )));
                    }
                    blocks = to.saturating_sub(first).div_ceil(2);
                    refused = Some(words);
                }
                Err(lost) => return Err(lost.into()),
            }
        }
    }

    /// Asks for logs and for a batch as large as this rail ever does, so that what the node limits
    /// is learned.
    ///
    /// # Errors
    /// [`RailError`]: what it refuses however small the question is.
    pub async fn try_limits(&self) -> Result<(), RailError> {
        let mut batch = self.node.batch();
        let latest = batch.ask::<Block>("eth_getBlockByNumber", json!(["latest", false]));
        batch.send().await?;
        let latest = latest.get().await?.number();
        let filter = json!({ "address": address(self.token.address()), "topics": [Transfer::SIGNATURE_HASH, B256::ZERO, B256::ZERO] });
        let first = latest.saturating_sub(self.node.limits.log_blocks().saturating_sub(1));
        self.window(&filter, first, latest).await?;
        let mut batch = self.node.batch();
        let many: Vec<_> =
            (1..MAX_BATCH_CALLS).map(|_| batch.ask::<U64>("eth_blockNumber", json!([]))).collect();
        batch.send().await?;
        for answer in many {
            answer.get().await?;
        }
        Ok(())
    }
}
