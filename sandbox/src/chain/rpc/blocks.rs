//! Blocks and all receipts of one.

use alloy_consensus::{Header as ConsensusHeader, Sealed};
use alloy_eips::BlockNumberOrTag;
use alloy_primitives::{B256, U256};
use alloy_rpc_types_eth::{Block as RpcBlock, BlockTransactions, Header, Transaction, Withdrawals};
use serde_json::Value;

use super::params::Params;
use super::{Answer, to_value, transactions};
use crate::chain::Inner;
use crate::chain::block::{Block, open_header};

pub(super) fn by_number(chain: &Inner, params: &Params<'_>, now: u64) -> Answer {
    let tag: BlockNumberOrTag = params.required(0)?;
    let full = params.optional(1)?.unwrap_or(false);
    if tag == BlockNumberOrTag::Pending {
        // Whatever could be mined is mined already: the next block has nothing in it yet.
        let next = open_header(Some(chain.world.head()), now);
        let next = Block::seal(next, None, chain.world.head().state_root);
        return to_value(rpc_block(&next, full));
    }
    let block = chain.world.block(chain.number_of(tag));
    to_value(block.map(|block| rpc_block(block, full)))
}

pub(super) fn by_hash(chain: &Inner, params: &Params<'_>) -> Answer {
    let hash: B256 = params.required(0)?;
    let full = params.optional(1)?.unwrap_or(false);
    let block = chain.world.block_by_hash(hash);
    to_value(block.map(|block| rpc_block(block, full)))
}

pub(super) fn receipts(chain: &Inner, params: &Params<'_>) -> Answer {
    let Some(block) = chain.find_block(params.block_id(0)?) else {
        return Ok(Value::Null);
    };
    let receipts: Vec<_> = transactions::rpc_receipt(block).into_iter().collect();
    to_value(receipts)
}

fn rpc_block(block: &Block, full: bool) -> RpcBlock<Transaction> {
    let body = block.body.as_ref();
    let transactions = if full {
        let mined = transactions::rpc_transaction(block);
        BlockTransactions::Full(mined.into_iter().collect())
    } else {
        let hashes = body.map(|body| *body.tx.tx_hash());
        BlockTransactions::Hashes(hashes.into_iter().collect())
    };
    let header = rpc_header(&block.header);
    RpcBlock::new(header, transactions).with_withdrawals(Some(Withdrawals::default()))
}

fn rpc_header(header: &Sealed<ConsensusHeader>) -> Header {
    let size = header.size();
    Header::from_sealed(header.clone()).with_size(Some(U256::from(size)))
}
