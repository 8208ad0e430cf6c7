//! What a transaction should pay. The base fee never moves, so this is mostly constants.

use alloy_consensus::Transaction as _;
use alloy_eips::BlockNumberOrTag;
use alloy_primitives::U64;
use serde_json::{Map, Number, Value, json};

use super::error::RpcError;
use super::params::Params;
use super::{Answer, to_value};
use crate::chain::Inner;
use crate::chain::block::Block;
use crate::chain::evm::BASE_FEE_WEI;

/// The tip that is proposed, in wei per gas.
pub(super) const PRIORITY_FEE_WEI: u64 = 1_000_000;
/// What a transaction without fee fields should offer, in wei per gas.
pub(super) const GAS_PRICE_WEI: u64 = BASE_FEE_WEI + PRIORITY_FEE_WEI;
const MAX_BLOCKS: u64 = 1024;
const MAX_PERCENTILES: usize = 100;

pub(super) fn history(chain: &Inner, params: &Params<'_>) -> Answer {
    let count = params.required::<U64>(0)?.to::<u64>();
    let newest: BlockNumberOrTag = params.required(1)?;
    let percentiles: Option<Vec<Number>> = params.optional(2)?;
    let newest = chain.number_of(newest);
    if newest > chain.world.head().number {
        return Err(RpcError::server(
            "request beyond head block: requested block is in the future",
        ));
    }
    let percentiles = percentiles.map(|percentiles| percentiles.len());
    if percentiles.is_some_and(|many| many > MAX_PERCENTILES) {
        return Err(RpcError::invalid_params("too many reward percentiles"));
    }
    let count = count.min(newest + 1).min(MAX_BLOCKS);
    if count == 0 {
        return Ok(json!({"oldestBlock": "0x0", "gasUsedRatio": []}));
    }
    let oldest = newest + 1 - count;
    let blocks: Vec<&Block> =
        (oldest..=newest).filter_map(|number| chain.world.block(number)).collect();
    let base_fee = to_value(U64::from(BASE_FEE_WEI))?;
    let mut answer = Map::new();
    answer.insert("oldestBlock".to_owned(), to_value(U64::from(oldest))?);
    answer.insert("baseFeePerGas".to_owned(), Value::Array(vec![base_fee; blocks.len() + 1]));
    let ratios: Vec<Value> = blocks.iter().map(|block| used_ratio(block)).collect();
    answer.insert("gasUsedRatio".to_owned(), Value::Array(ratios));
    // Blobs cost what they cost at least, and nobody sends any.
    answer
        .insert("baseFeePerBlobGas".to_owned(), Value::Array(vec![json!("0x1"); blocks.len() + 1]));
    answer.insert("blobGasUsedRatio".to_owned(), Value::Array(vec![json!(0); blocks.len()]));
    if let Some(columns) = percentiles {
        // With one transaction in a block, every percentile is its tip.
        let rewards = blocks.iter().map(|block| vec![tip(block); columns]);
        answer.insert("reward".to_owned(), to_value(rewards.collect::<Vec<_>>())?);
    }
    Ok(Value::Object(answer))
}

fn tip(block: &Block) -> U64 {
    let tip = block.body.as_ref().map(|body| {
        let tip = body.tx.effective_tip_per_gas(BASE_FEE_WEI);
        tip.unwrap_or_default()
    });
    U64::saturating_from(tip.unwrap_or_default())
}

/// A fraction as a JSON number, written out in millionths.
fn used_ratio(block: &Block) -> Value {
    let millionths = block.header.gas_used.saturating_mul(1_000_000) / block.header.gas_limit;
    let text = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
    let ratio = text.parse().ok().and_then(Number::from_f64);
    ratio.map_or(Value::from(0), Value::Number)
}
