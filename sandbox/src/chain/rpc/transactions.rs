//! Sending a transaction, and looking at one that was sent.

use alloy_consensus::Transaction as _;
use alloy_primitives::{B256, Bytes};
use alloy_rpc_types_eth::{Log, Transaction, TransactionReceipt};
use serde_json::Value;

use super::params::Params;
use super::{Answer, to_value};
use crate::chain::Inner;
use crate::chain::block::Block;
use crate::chain::evm::BASE_FEE_WEI;

pub(super) fn send_raw(chain: &mut Inner, params: &Params<'_>, now: u64) -> Answer {
    let raw: Bytes = params.required(0)?;
    to_value(chain.submit(&raw, now)?)
}

pub(super) fn by_hash(chain: &Inner, params: &Params<'_>) -> Answer {
    let hash: B256 = params.required(0)?;
    if let Some(block) = chain.world.block_of_tx(hash) {
        return to_value(rpc_transaction(block));
    }
    let waiting = chain.pool.get(hash).map(|tx| Transaction {
        inner: tx.clone(),
        block_hash: None,
        block_number: None,
        transaction_index: None,
        effective_gas_price: Some(tx.effective_gas_price(Some(BASE_FEE_WEI))),
        block_timestamp: None,
    });
    to_value(waiting)
}

pub(super) fn receipt(chain: &Inner, params: &Params<'_>) -> Answer {
    let hash: B256 = params.required(0)?;
    match chain.world.block_of_tx(hash) {
        Some(block) => to_value(rpc_receipt(block)),
        None => Ok(Value::Null),
    }
}

pub(super) fn rpc_transaction(block: &Block) -> Option<Transaction> {
    let body = block.body.as_ref()?;
    Some(Transaction {
        inner: body.tx.clone(),
        block_hash: Some(block.header.hash()),
        block_number: Some(block.header.number),
        transaction_index: Some(0),
        effective_gas_price: Some(body.tx.effective_gas_price(Some(BASE_FEE_WEI))),
        block_timestamp: Some(block.header.timestamp),
    })
}

pub(super) fn rpc_receipt(block: &Block) -> Option<TransactionReceipt> {
    let body = block.body.as_ref()?;
    let mut logs = rpc_logs(block);
    let inner = body.receipt.clone().map_logs(|inner| {
        // Both lists hold the same logs in the same order.
        logs.next().unwrap_or(Log { inner, ..Log::default() })
    });
    Some(TransactionReceipt {
        inner,
        transaction_hash: *body.tx.tx_hash(),
        transaction_index: Some(0),
        block_hash: Some(block.header.hash()),
        block_number: Some(block.header.number),
        gas_used: body.gas_used,
        effective_gas_price: body.tx.effective_gas_price(Some(BASE_FEE_WEI)),
        blob_gas_used: None,
        blob_gas_price: None,
        from: body.tx.signer(),
        to: body.tx.to(),
        contract_address: body.created,
    })
}

/// The logs of a block, each with its place.
pub(super) fn rpc_logs(block: &Block) -> impl Iterator<Item = Log> + '_ {
    let bodies = block.body.iter();
    bodies.flat_map(move |body| {
        let logs = body.receipt.logs().iter().enumerate();
        logs.map(move |(index, log)| Log {
            inner: log.clone(),
            block_hash: Some(block.header.hash()),
            block_number: Some(block.header.number),
            block_timestamp: Some(block.header.timestamp),
            transaction_hash: Some(*body.tx.tx_hash()),
            transaction_index: Some(0),
            log_index: Some(index as u64),
            removed: false,
        })
    })
}
