//! Whether settlements that were seen are still where they were, and whether that can change.
//!
//! A block that has the hash of then holds what it held then, so that one question per block
//! answers for all settlements in it. Final is what the chain itself calls `finalized`; where it
//! knows no such block what it calls `safe`, and where it knows neither what is deep enough.

use std::collections::BTreeMap;

use payments::{
    ports::{RailError, Standing},
    settlement::SettlementProof,
};
use serde_json::json;

use super::{BaseRail, outcome::safe_block, wire::Block};

/// Blocks that must be on a settlement's own where the chain calls no block final: two epochs.
pub(super) const DEPTH_BLOCKS: u64 = 64;

impl BaseRail {
    /// See the module; in one batch.
    pub(super) async fn standing_of(
        &self,
        booked: &[SettlementProof],
    ) -> Result<Vec<Standing>, RailError> {
        if booked.is_empty() {
            return Ok(Vec::new());
        }
        let mut batch = self.node.batch();
        let latest = batch.ask::<Block>("eth_getBlockByNumber", json!(["latest", false]));
        let safe = batch.ask::<Option<Block>>("eth_getBlockByNumber", json!(["safe", false]));
        let finalized =
            batch.ask::<Option<Block>>("eth_getBlockByNumber", json!(["finalized", false]));
        let mut asked = BTreeMap::new();
        for number in booked.iter().map(|proof| proof.block_number) {
            if let std::collections::btree_map::Entry::Vacant(place) = asked.entry(number) {
                place.insert(batch.ask::<Option<Block>>(
                    "eth_getBlockByNumber",
                    json!([format!("{number:#x}"), false]),
                ));
            }
        }
        batch.send().await?;
        let latest = latest.get().await?.number();
        let (safe, finalized) =
            (safe_block(safe.try_get().await)?, safe_block(finalized.try_get().await)?);
        let deep = || latest.saturating_sub(self.confirmations.max(DEPTH_BLOCKS));
        let final_until = finalized.or(safe).map_or_else(deep, |block| block.number());
        let mut hashes = BTreeMap::new();
        for (number, answer) in asked {
            let block = answer.get().await?.filter(|block| block.number() == number);
            hashes.insert(number, block.and_then(|block| block.hash));
        }
        Ok(booked
            .iter()
            .map(|proof| {
                stands(
                    proof,
                    hashes.get(&proof.block_number).copied().flatten(),
                    latest,
                    final_until,
                )
            })
            .collect())
    }
}

fn stands(
    booked: &SettlementProof,
    shown: Option<alloy_primitives::B256>,
    latest: u64,
    final_until: u64,
) -> Standing {
    match shown {
        None => Standing::NotKnown,
        Some(_) if booked.block_number > latest => Standing::NotKnown,
        Some(hash) if hash.0 != booked.block_hash.0 => Standing::Displaced,
        Some(_) if booked.block_number <= final_until => Standing::Final,
        Some(_) => Standing::Stands,
    }
}
