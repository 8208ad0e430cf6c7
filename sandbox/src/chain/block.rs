//! One block: at most one transaction, its receipt, and what the state was before it.

use alloy_consensus::constants::{EMPTY_RECEIPTS, EMPTY_TRANSACTIONS, EMPTY_WITHDRAWALS};
use alloy_consensus::proofs::{calculate_receipt_root, calculate_transaction_root};
use alloy_consensus::transaction::Recovered;
use alloy_consensus::{
    Eip658Value, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom, Sealable as _, Sealed,
    Transaction as _, TxEnvelope,
};
use alloy_eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy_primitives::{Address, B256, Bloom, Log, U256, keccak256, logs_bloom};
use revm::context::result::ExecutionResult;
use revm::database_interface::DatabaseRef as _;
use revm::state::{AccountInfo, EvmState};

use super::evm::{BASE_FEE_WEI, BLOCK_GAS_LIMIT, FEE_RECIPIENT, State};

/// A block that was mined, or is about to be.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub header: Sealed<Header>,
    /// An empty block has none.
    pub body: Option<Body>,
}

/// The transaction of a block and what came of it.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub tx: Recovered<TxEnvelope>,
    pub receipt: ReceiptEnvelope<Log>,
    pub gas_used: u64,
    pub created: Option<Address>,
}

/// What a block overwrote, enough to look at the state before it.
#[derive(Debug, Default)]
pub(super) struct Undo {
    pub accounts: Vec<Overwritten>,
}

/// One account before a block that changed it.
#[derive(Debug)]
pub(super) struct Overwritten {
    pub address: Address,
    /// `None`: it did not exist.
    pub info: Option<AccountInfo>,
    /// Changed storage slots with the values they had.
    pub slots: Vec<(U256, U256)>,
}

impl Body {
    /// The receipt of an executed transaction. A reverted one has no logs and used its gas.
    pub(super) fn new(tx: Recovered<TxEnvelope>, result: ExecutionResult) -> Self {
        let gas_used = result.tx_gas_used();
        let success = result.is_success();
        let created = tx.is_create().then(|| tx.signer().create(tx.nonce())).filter(|_| success);
        let logs = if success { result.into_logs() } else { Vec::new() };
        let bloom = logs_bloom(&logs);
        let receipt =
            Receipt { status: Eip658Value::Eip658(success), cumulative_gas_used: gas_used, logs };
        let receipt = ReceiptWithBloom::new(receipt, bloom);
        Self { receipt: ReceiptEnvelope::from_typed(tx.tx_type(), receipt), tx, gas_used, created }
    }
}

impl Block {
    /// Fills in what follows from the body and from the changed state, and hashes.
    pub(super) fn seal(mut header: Header, body: Option<Body>, state_root: B256) -> Self {
        header.state_root = state_root;
        if let Some(body) = &body {
            header.transactions_root = calculate_transaction_root(&[body.tx.inner()]);
            header.receipts_root = calculate_receipt_root(std::slice::from_ref(&body.receipt));
            header.logs_bloom = *body.receipt.logs_bloom();
            header.gas_used = body.gas_used;
        }
        Self { header: header.seal_slow(), body }
    }
}

/// The header of the block after `parent`, before its transaction ran. Block 0 has no parent.
pub(super) fn open_header(parent: Option<&Sealed<Header>>, timestamp_unix_s: u64) -> Header {
    let parent_hash = parent.map(Sealed::hash).unwrap_or_default();
    Header {
        parent_hash,
        beneficiary: FEE_RECIPIENT,
        transactions_root: EMPTY_TRANSACTIONS,
        receipts_root: EMPTY_RECEIPTS,
        logs_bloom: Bloom::ZERO,
        number: parent.map_or(0, |parent| parent.number + 1),
        gas_limit: BLOCK_GAS_LIMIT,
        timestamp: parent.map_or(timestamp_unix_s, |parent| timestamp_unix_s.max(parent.timestamp)),
        mix_hash: parent_hash,
        base_fee_per_gas: Some(BASE_FEE_WEI),
        withdrawals_root: Some(EMPTY_WITHDRAWALS),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}

/// Stands in for the Merkle root of the state: a hash over the one before and everything that
/// changed. So equal block hashes still mean equal states, at a cost that does not grow with the
/// state.
pub(super) fn next_state_root(before: B256, changes: &EvmState) -> B256 {
    let mut bytes = before.to_vec();
    let mut accounts: Vec<_> = changes.iter().filter(|(_, a)| a.is_touched()).collect();
    accounts.sort_unstable_by_key(|(address, _)| **address);
    for (address, account) in accounts {
        bytes.extend_from_slice(address.as_slice());
        bytes.extend_from_slice(&account.info.balance.to_be_bytes::<32>());
        bytes.extend_from_slice(&account.info.nonce.to_be_bytes());
        bytes.extend_from_slice(account.info.code_hash.as_slice());
        let mut slots: Vec<_> = account.changed_storage_slots().collect();
        slots.sort_unstable_by_key(|(slot, _)| **slot);
        bytes.extend_from_slice(&(slots.len() as u64).to_be_bytes());
        for (slot, value) in slots {
            bytes.extend_from_slice(&slot.to_be_bytes::<32>());
            bytes.extend_from_slice(&value.present_value.to_be_bytes::<32>());
        }
    }
    keccak256(bytes)
}

impl Undo {
    /// What `changes` will overwrite in `state`.
    pub(super) fn of(state: &State, changes: &EvmState) -> Self {
        let overwritten = |(address, account): (&Address, &revm::state::Account)| {
            let slots = account.changed_storage_slots();
            let Ok(before) = state.basic_ref(*address);
            Overwritten {
                address: *address,
                info: before,
                slots: slots.map(|(slot, value)| (*slot, value.original_value)).collect(),
            }
        };
        let touched = changes.iter().filter(|(_, account)| account.is_touched());
        Self { accounts: touched.map(overwritten).collect() }
    }
}
