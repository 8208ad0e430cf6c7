//! `eth_call` and `eth_estimateGas`.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Bytes, U64, U256};
use alloy_rpc_types_eth::TransactionRequest;
use revm::context::TxEnv;
use revm::context::result::{ExecutionResult, HaltReason};
use revm::context::{BlockEnv, either::Either};
use serde_json::Value;

use super::error::RpcError;
use super::params::Params;
use super::{Answer, to_value};
use crate::chain::Inner;
use crate::chain::evm::{self, BLOCK_GAS_LIMIT, Rules};
use crate::chain::submit::words;
use crate::chain::world::{StateView, account_in};

/// What a call with value leaves its callee at least; it must be there although it may come back
/// unused.
const CALL_STIPEND: u64 = 2_300;
/// An estimate may be above the least possible by this part in a thousand, as with go-ethereum.
const ESTIMATE_TOLERANCE_PER_MILLE: u64 = 15;

/// A call that is ready to run.
struct Simulation<'a> {
    chain_id: u64,
    state: StateView<'a>,
    block: BlockEnv,
    tx: TxEnv,
}

pub(super) fn call(chain: &Inner, params: &Params<'_>, now: u64) -> Answer {
    let simulation = Simulation::new(chain, params, now)?;
    match simulation.run(simulation.tx.gas_limit)? {
        ExecutionResult::Success { output, .. } => to_value(output.into_data()),
        failed => Err(failure(failed, simulation.tx.gas_limit)),
    }
}

/// The least gas limit with which the transaction succeeds, found by trying.
pub(super) fn estimate_gas(chain: &Inner, params: &Params<'_>, now: u64) -> Answer {
    let simulation = Simulation::new(chain, params, now)?;
    let mut enough = simulation.affordable_gas();
    let first = simulation.run(enough)?;
    if !first.is_success() {
        return Err(failure(first, enough));
    }
    let gas = *first.gas();
    let mut too_little = gas.tx_gas_used().saturating_sub(1);
    // Mostly what was used is enough, or what was used before refunds with room for one nested
    // call.
    let spent = gas.total_gas_spent() + CALL_STIPEND;
    for guess in [gas.tx_gas_used(), spent.saturating_mul(64) / 63] {
        if (too_little + 1..enough).contains(&guess) {
            if simulation.suffices(guess) {
                enough = guess;
                break;
            }
            too_little = guess;
        }
    }
    while too_little + 1 < enough {
        let slack = (enough - too_little).saturating_mul(1000);
        if slack < enough.saturating_mul(ESTIMATE_TOLERANCE_PER_MILLE) {
            break;
        }
        let middle = too_little + (enough - too_little) / 2;
        let guess = middle.min(too_little.saturating_mul(2)).max(too_little + 1);
        if simulation.suffices(guess) {
            enough = guess;
        } else {
            too_little = guess;
        }
    }
    to_value(U64::from(enough))
}

impl<'a> Simulation<'a> {
    fn new(chain: &'a Inner, params: &Params<'_>, now: u64) -> Result<Self, RpcError> {
        let request: TransactionRequest = params.required(0)?;
        let id = params.block_id(1)?;
        if params.optional::<Value>(2)?.is_some_and(|overrides| overrides != serde_json::json!({}))
        {
            return Err(RpcError::invalid_params("state overrides are not supported"));
        }
        let state = chain.state_at(id)?;
        let header = chain.find_block(id).map(|block| (*block.header).clone());
        let mut header = header.unwrap_or_default();
        let follows_the_clock = !matches!(
            id,
            BlockId::Hash(_)
                | BlockId::Number(BlockNumberOrTag::Number(_) | BlockNumberOrTag::Earliest)
        );
        if follows_the_clock {
            header.timestamp = header.timestamp.max(now);
        }
        let chain_id = chain.world.genesis.chain_id;
        let tx = tx_env(request, chain_id)?;
        let mut block = evm::block_env(&header);
        if tx.gas_price == 0 {
            // A call that offers no price pays none.
            block.basefee = 0;
        }
        Ok(Self { chain_id, state, block, tx })
    }

    fn run(&self, gas_limit: u64) -> Result<ExecutionResult, RpcError> {
        let tx = TxEnv { gas_limit, ..self.tx.clone() };
        let block = self.block.clone();
        let done = evm::execute(&self.state, self.chain_id, block, tx, Rules::Simulation);
        match done {
            Ok(done) => Ok(done.result),
            Err(refusal) => Err(RpcError::server(words(&refusal, self.tx.caller))),
        }
    }

    fn suffices(&self, gas_limit: u64) -> bool {
        // Below the intrinsic gas the transaction is refused rather than run.
        self.run(gas_limit).is_ok_and(|result| result.is_success())
    }

    /// The gas limit that was asked for, or what the caller can pay.
    fn affordable_gas(&self) -> u64 {
        let price = U256::from(self.tx.gas_price);
        let balance = account_in(&self.state, self.tx.caller).balance;
        let left = balance.saturating_sub(self.tx.value);
        let paid_for = left.checked_div(price).unwrap_or(U256::MAX);
        self.tx.gas_limit.min(paid_for.saturating_to())
    }
}

/// Fields that are left out get the values that a node gives them: no caller, all the gas, no
/// price.
fn tx_env(request: TransactionRequest, chain_id: u64) -> Result<TxEnv, RpcError> {
    let conflict = request.gas_price.is_some()
        && (request.max_fee_per_gas.is_some() || request.max_priority_fee_per_gas.is_some());
    if conflict {
        return Err(RpcError::invalid_params(
            "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified",
        ));
    }
    if request.chain_id.is_some_and(|have| have != chain_id) {
        let text = format!("chainId does not match node's (want {chain_id})");
        return Err(RpcError::invalid_params(text));
    }
    let data: Bytes = request
        .input
        .try_into_unique_input()
        .map_err(|_| RpcError::invalid_params("both \"data\" and \"input\" are set and not equal"))?
        .unwrap_or_default();
    let fees = request.max_fee_per_gas.or(request.gas_price);
    let authorizations = request.authorization_list.unwrap_or_default();
    let mut tx = TxEnv::builder()
        .caller(request.from.unwrap_or_default())
        .gas_limit(request.gas.unwrap_or(BLOCK_GAS_LIMIT).min(BLOCK_GAS_LIMIT))
        .gas_price(fees.unwrap_or_default())
        .gas_priority_fee(request.max_priority_fee_per_gas)
        .kind(request.to.unwrap_or_default())
        .value(request.value.unwrap_or_default())
        .data(data)
        .chain_id(Some(chain_id))
        .access_list(request.access_list.unwrap_or_default())
        .build_fill();
    if !authorizations.is_empty() {
        tx.authorization_list = authorizations.into_iter().map(Either::Left).collect();
        tx.tx_type = 4;
    }
    Ok(tx)
}

/// Why a simulated transaction would not succeed.
fn failure(result: ExecutionResult, gas_limit: u64) -> RpcError {
    match result {
        ExecutionResult::Revert { output, .. } => RpcError::reverted(output),
        ExecutionResult::Halt { reason, .. } => match reason {
            HaltReason::OutOfGas(_) => RpcError::server(format!(
                "out of gas: gas required exceeds allowance ({gas_limit})"
            )),
            HaltReason::InvalidFEOpcode => {
                RpcError::server("invalid opcode: opcode 0xfe not defined")
            }
            other => RpcError::server(format!("execution stopped: {other:?}")),
        },
        ExecutionResult::Success { .. } => RpcError::internal(&"success is not a failure"),
    }
}
