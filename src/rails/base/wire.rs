//! The few members of a node's answers that we read. Everything else may be as the node likes.

use alloy_primitives::{Address, B256, Bytes, U64, U128};
use alloy_sol_types::SolEvent;
use payments::settlement::{ChainHash, SettlementProof, TransferTerms};
use serde::Deserialize;

use super::calls::{AuthorizationUsed, Transfer, address};

/// A block's header.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Block {
    pub number: U64,
    pub hash: Option<B256>,
    pub timestamp: U64,
    pub base_fee_per_gas: Option<U128>,
}

/// What a mined transaction did.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Receipt {
    pub transaction_hash: B256,
    /// Who sent it.
    pub from: Option<Address>,
    pub status: Option<U64>,
    pub block_number: Option<U64>,
    pub block_hash: Option<B256>,
    pub gas_used: U128,
    pub effective_gas_price: Option<U128>,
    /// What a rollup charges for the parent chain, in wei.
    pub l1_fee: Option<U128>,
    pub logs: Vec<Log>,
}

/// One event.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Log {
    pub address: Address,
    pub topics: Vec<B256>,
    pub data: Bytes,
    pub block_number: Option<U64>,
    pub transaction_hash: Option<B256>,
    pub log_index: Option<U64>,
    #[serde(default)]
    pub removed: bool,
}

// === impl Block ===

impl Block {
    pub(super) fn number(&self) -> u64 {
        self.number.to()
    }

    pub(super) fn unix_s(&self) -> u64 {
        self.timestamp.to()
    }
}

// === impl Receipt ===

impl Receipt {
    /// Mined and successful.
    pub(super) fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.to::<u64>() == 1)
    }

    /// Mined and reverted.
    pub(super) fn reverted(&self) -> bool {
        self.status.is_some_and(|status| status.is_zero())
    }

    /// Its block; some nodes give receipts of transactions that are in none.
    pub(super) fn block(&self) -> Option<u64> {
        self.block_number.map(|number| number.to())
    }

    /// The proof that this transaction paid us: the authorization's log and, right after it, the
    /// transfer of exactly this value to us, both by the token. A token emits the two in one call,
    /// so nothing stands between.
    pub(super) fn settlement(&self, terms: &TransferTerms, ours: bool) -> Option<SettlementProof> {
        if !self.succeeded() {
            return None;
        }
        let transfer = self
            .logs
            .windows(2)
            .find(|pair| pair[0].uses(terms) && pair[1].pays(terms) && pair[1].follows(&pair[0]))?;
        Some(SettlementProof {
            tx_hash: ChainHash(self.transaction_hash.0),
            block_number: self.block()?,
            block_hash: ChainHash(self.block_hash?.0),
            log_index: transfer[1].log_index?.to(),
            fee_wei: if ours { self.fee_wei() } else { 0 },
        })
    }

    /// What its sender paid, in wei.
    pub(super) fn fee_wei(&self) -> u128 {
        let price = self.effective_gas_price.unwrap_or_default().to::<u128>();
        let l1_fee = self.l1_fee.unwrap_or_default().to::<u128>();
        self.gas_used.to::<u128>().saturating_mul(price).saturating_add(l1_fee)
    }
}

// === impl Log ===

impl Log {
    /// The token says that this authorization was used.
    pub(super) fn uses(&self, terms: &TransferTerms) -> bool {
        let topics = [
            AuthorizationUsed::SIGNATURE_HASH,
            address(&terms.key.from).into_word(),
            B256::from(terms.key.nonce),
        ];
        self.is_by_token(terms) && self.topics == topics
    }

    fn pays(&self, terms: &TransferTerms) -> bool {
        let topics = [
            Transfer::SIGNATURE_HASH,
            address(&terms.key.from).into_word(),
            address(&terms.pay_to).into_word(),
        ];
        let value = B256::left_padding_from(&terms.value.get().to_be_bytes());
        self.is_by_token(terms) && self.topics == topics && self.data.as_ref() == value.as_slice()
    }

    fn follows(&self, other: &Self) -> bool {
        let index = |log: &Self| log.log_index.map(|index| index.to::<u64>());
        index(other)
            .and_then(|index| index.checked_add(1))
            .is_some_and(|next| index(self) == Some(next))
    }

    fn is_by_token(&self, terms: &TransferTerms) -> bool {
        self.address == address(&terms.key.token) && !self.removed
    }
}
