//! What an account holds, now or after an earlier block.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, U64, U256};
use revm::database_interface::DatabaseRef as _;

use super::error::RpcError;
use super::params::Params;
use super::{Answer, to_value};
use crate::chain::Inner;
use crate::chain::world::{StateView, account_in};

pub(super) fn balance(chain: &Inner, params: &Params<'_>) -> Answer {
    let address: Address = params.required(0)?;
    let state = chain.state_at(params.block_id(1)?)?;
    to_value(account_in(&state, address).balance)
}

pub(super) fn transaction_count(chain: &Inner, params: &Params<'_>) -> Answer {
    let address: Address = params.required(0)?;
    let block = params.block_id(1)?;
    let mut nonce = account_in(&chain.state_at(block)?, address).nonce;
    if block == BlockId::Number(BlockNumberOrTag::Pending) {
        nonce = chain.pool.next_nonce(address, nonce);
    }
    to_value(U64::from(nonce))
}

pub(super) fn code(chain: &Inner, params: &Params<'_>) -> Answer {
    let address: Address = params.required(0)?;
    let state = chain.state_at(params.block_id(1)?)?;
    let Ok(code) = state.code_by_hash_ref(account_in(&state, address).code_hash);
    to_value(code.original_bytes())
}

pub(super) fn storage_at(chain: &Inner, params: &Params<'_>) -> Answer {
    let (address, slot): (Address, U256) = (params.required(0)?, params.required(1)?);
    let state = chain.state_at(params.block_id(2)?)?;
    let Ok(value) = state.storage_ref(address, slot);
    to_value(B256::from(value))
}

impl Inner {
    /// The state after a block.
    pub(super) fn state_at(&self, block: BlockId) -> Result<StateView<'_>, RpcError> {
        let found = self.find_block(block);
        let number = found.ok_or_else(|| RpcError::server("header not found"))?.header.number;
        self.world.state_after(number).ok_or_else(|| {
            RpcError::server(format!("historical state of block {number} is not available"))
        })
    }
}
