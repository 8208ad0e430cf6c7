//! `eth_getLogs`.

use alloy_eips::BlockNumberOrTag;
use alloy_rpc_types_eth::{Filter, FilterBlockOption};

use super::error::RpcError;
use super::params::Params;
use super::transactions::rpc_logs;
use super::{Answer, to_value};
use crate::chain::Inner;
use crate::chain::block::Block;

pub(super) fn get(chain: &Inner, params: &Params<'_>) -> Answer {
    let filter: Filter = params.required(0)?;
    let (from, to) = match filter.block_option {
        FilterBlockOption::AtBlockHash(hash) => {
            let block = chain.world.block_by_hash(hash);
            let number = block.ok_or_else(|| RpcError::server("unknown block"))?.header.number;
            (number, number)
        }
        FilterBlockOption::Range { from_block, to_block } => {
            let number = |tag: Option<BlockNumberOrTag>| chain.number_of(tag.unwrap_or_default());
            (number(from_block), number(to_block))
        }
    };
    if from > to {
        return Err(RpcError::invalid_params("invalid block range params"));
    }
    let blocks = (from..=to.min(chain.world.head().number)).filter_map(|n| chain.world.block(n));
    let found: Vec<_> = blocks
        .filter(|block| may_match(&filter, block))
        .flat_map(rpc_logs)
        .filter(|log| filter.matches(&log.inner))
        .collect();
    to_value(found)
}

/// Cheaper than looking at each log.
fn may_match(filter: &Filter, block: &Block) -> bool {
    block.body.is_some() && filter.matches_bloom(block.header.logs_bloom)
}
