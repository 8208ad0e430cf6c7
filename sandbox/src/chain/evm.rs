//! One call into revm: rules, block environment, transaction environment.

use std::convert::Infallible;

use alloy_consensus::transaction::Recovered;
use alloy_consensus::{Header, Transaction as _, TxEnvelope, Typed2718 as _};
use alloy_primitives::{Address, B256, U256, address};
use revm::context::result::{EVMError, ResultAndState};
use revm::context::{BlockEnv, CfgEnv, TxEnv};
use revm::context_interface::block::BlobExcessGasAndPrice;
use revm::context_interface::either::Either;
use revm::database::{CacheDB, EmptyDB};
use revm::database_interface::DatabaseRef;
use revm::primitives::hardfork::SpecId;
use revm::{Context, ExecuteEvm as _, MainBuilder as _, MainContext as _};

/// The whole state of the chain, in memory.
pub(super) type State = CacheDB<EmptyDB>;
/// Why revm does not run a transaction.
pub(super) type Refusal = EVMError<Infallible>;

/// Gas that one block, and so one transaction, may use.
pub(super) const BLOCK_GAS_LIMIT: u64 = 60_000_000;
/// Wei per gas, the same in each block: the order of magnitude of Base Sepolia, where blocks are
/// far from full.
pub(super) const BASE_FEE_WEI: u64 = 1_000_000;
/// Where tips go: the fee vault of an OP chain.
pub(super) const FEE_RECIPIENT: Address = address!("4200000000000000000000000000000000000011");

/// Which checks of a sent transaction hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    /// All of them.
    Transaction,
    /// All but the order of nonces: for a transaction that waits for others before it.
    Waiting,
    /// Those of `eth_call`: any account may be the caller.
    Simulation,
}

/// Runs one transaction on `state` without changing it.
pub(super) fn execute(
    state: impl DatabaseRef<Error = Infallible>,
    chain_id: u64,
    block: BlockEnv,
    tx: TxEnv,
    rules: Rules,
) -> Result<ResultAndState, Refusal> {
    let mut cfg = CfgEnv::new_with_spec(SpecId::PRAGUE).with_chain_id(chain_id);
    cfg.disable_nonce_check = rules != Rules::Transaction;
    cfg.disable_eip3607 = rules == Rules::Simulation;
    Context::mainnet()
        .with_db(CacheDB::new(state))
        .with_cfg(cfg)
        .with_block(block)
        .build_mainnet()
        .transact(tx)
}

/// The block in which code sees itself running.
pub(super) fn block_env(header: &Header) -> BlockEnv {
    BlockEnv {
        number: U256::from(header.number),
        beneficiary: header.beneficiary,
        timestamp: U256::from(header.timestamp),
        gas_limit: header.gas_limit,
        basefee: header.base_fee_per_gas.unwrap_or_default(),
        prevrandao: Some(header.mix_hash),
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice {
            excess_blob_gas: 0,
            blob_gasprice: 1,
        }),
        ..BlockEnv::default()
    }
}

/// What revm needs to know of a signed transaction.
pub(super) fn tx_env(tx: &Recovered<TxEnvelope>) -> TxEnv {
    let authorizations = tx.authorization_list().unwrap_or_default();
    TxEnv {
        tx_type: tx.ty(),
        caller: tx.signer(),
        gas_limit: tx.gas_limit(),
        gas_price: tx.max_fee_per_gas(),
        kind: tx.kind(),
        value: tx.value(),
        data: tx.input().clone(),
        nonce: tx.nonce(),
        chain_id: tx.chain_id(),
        access_list: tx.access_list().cloned().unwrap_or_default(),
        gas_priority_fee: tx.max_priority_fee_per_gas(),
        blob_hashes: Vec::<B256>::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: authorizations.iter().cloned().map(Either::Left).collect(),
    }
}
