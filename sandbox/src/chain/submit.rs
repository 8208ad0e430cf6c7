//! From raw bytes to a block: what a node checks before it takes a transaction, and in which words
//! it refuses.

use alloy_consensus::transaction::{Recovered, SignerRecoverable as _};
use alloy_consensus::{Transaction as _, TxEnvelope};
use alloy_eips::eip2718::{Decodable2718 as _, Encodable2718 as _};
use alloy_primitives::{Address, B256};
use revm::context::result::{EVMError, InvalidTransaction};

use super::evm::{BASE_FEE_WEI, BLOCK_GAS_LIMIT, Refusal, Rules};
use super::pool::NotPooled;
use super::record::Record;
use super::world::Draft;
use super::{ChainError, Inner};

/// The longest raw transaction, in bytes.
const MAX_TX_BYTES: usize = 128 * 1024;

/// Why a transaction was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Rejected {
    /// In the words that nodes use; clients look for parts of them.
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl Inner {
    /// Takes a raw transaction: it is mined and on the disk when this returns, or waits in the
    /// pool.
    pub(super) fn submit(&mut self, raw: &[u8], now_unix_s: u64) -> Result<B256, Rejected> {
        let tx = decode(raw, self.world.genesis.chain_id)?;
        let (hash, sender) = (*tx.tx_hash(), tx.signer());
        if self.pool.get(hash).is_some() {
            return Err(NotPooled::Known.into());
        }
        let next = self.world.account(sender).nonce;
        if tx.nonce() < next {
            let (have, address) = (tx.nonce(), sender);
            return Err(Rejected::Invalid(format!(
                "nonce too low: address {address}, tx: {have} state: {next}"
            )));
        }
        let waits = self.hold || tx.nonce() > next;
        let rules = if waits { Rules::Waiting } else { Rules::Transaction };
        let draft = self
            .world
            .try_next(&tx, now_unix_s, rules)
            .map_err(|refusal| Rejected::Invalid(words(&refusal, sender)))?;
        if waits {
            self.pool.insert(tx)?;
        } else {
            self.commit(draft)?;
            self.mine_ready(now_unix_s)?;
        }
        Ok(hash)
    }

    /// Mines what waits in the pool and may be mined now, unless mining is held.
    pub(super) fn mine_ready(&mut self, now_unix_s: u64) -> Result<(), ChainError> {
        while !self.hold {
            let nonce_of = |sender| self.world.account(sender).nonce;
            let Some(tx) = self.pool.take_ready(nonce_of) else {
                break;
            };
            match self.world.try_next(&tx, now_unix_s, Rules::Transaction) {
                Ok(draft) => self.commit(draft)?,
                Err(refusal) => {
                    tracing::debug!(tx = %tx.tx_hash(), %refusal, "sandbox.transaction_dropped");
                }
            }
        }
        Ok(())
    }

    /// To the disk first, then into memory.
    pub(super) fn commit(&mut self, draft: Draft) -> Result<(), ChainError> {
        let header = &draft.block.header;
        let body = draft.block.body.as_ref();
        let record = Record {
            number: header.number,
            timestamp_unix_s: header.timestamp,
            hash: header.hash(),
            raw_tx: body.map(|body| body.tx.encoded_2718().into()).unwrap_or_default(),
        };
        self.store.append(&record.encode())?;
        self.world.apply(draft);
        Ok(())
    }

    /// Runs a stored block again. It must come out as the same block.
    pub(super) fn replay(&mut self, payload: &[u8]) -> Result<(), ChainError> {
        let number = self.world.head().number + 1;
        let differs = || ChainError::Replay { number };
        let record = Record::decode(payload).ok_or_else(differs)?;
        let time = record.timestamp_unix_s;
        let draft = if record.raw_tx.is_empty() {
            self.world.empty_next(time)
        } else {
            let chain_id = self.world.genesis.chain_id;
            let tx = decode(&record.raw_tx, chain_id).map_err(|_| differs())?;
            let draft = self.world.try_next(&tx, time, Rules::Transaction);
            draft.map_err(|_| differs())?
        };
        if draft.block.header.hash() != record.hash || record.number != number {
            return Err(differs());
        }
        self.world.apply(draft);
        Ok(())
    }
}

/// Reads a signed transaction and finds its sender.
fn decode(raw: &[u8], chain_id: u64) -> Result<Recovered<TxEnvelope>, Rejected> {
    let invalid = |text: String| Rejected::Invalid(text);
    if raw.len() > MAX_TX_BYTES {
        let (size, limit) = (raw.len(), MAX_TX_BYTES);
        let text = format!("oversized data: transaction size {size}, limit {limit}");
        return Err(invalid(text));
    }
    let tx = TxEnvelope::decode_2718_exact(raw)
        .map_err(|error| invalid(format!("failed to decode signed transaction: {error}")))?;
    if matches!(tx, TxEnvelope::Eip4844(_)) {
        return Err(invalid("transaction type not supported".to_owned()));
    }
    match tx.chain_id() {
        Some(have) if have != chain_id => {
            let text = format!("invalid chain id for signer: have {have} want {chain_id}");
            return Err(invalid(text));
        }
        None => {
            let text = "only replay-protected (EIP-155) transactions allowed over RPC";
            return Err(invalid(text.to_owned()));
        }
        Some(_) => {}
    }
    tx.try_into_recovered()
        .map_err(|_| invalid("invalid sender: invalid transaction v, r, s values".to_owned()))
}

/// A refusal in the words of go-ethereum, which Base's nodes share.
pub(super) fn words(refusal: &Refusal, sender: Address) -> String {
    use InvalidTransaction as Why;
    let EVMError::Transaction(why) = refusal else {
        return refusal.to_string();
    };
    match why {
        Why::LackOfFundForMaxFee { fee, balance } => {
            format!(
                "insufficient funds for gas * price + value: address {sender} have {balance} want {fee}"
            )
        }
        Why::OverflowPaymentInTransaction => {
            format!("insufficient funds for gas * price + value: address {sender}")
        }
        Why::NonceTooHigh { tx, state } => {
            format!("nonce too high: address {sender}, tx: {tx} state: {state}")
        }
        Why::NonceTooLow { tx, state } => {
            format!("nonce too low: address {sender}, tx: {tx} state: {state}")
        }
        Why::PriorityFeeGreaterThanMaxFee => {
            format!("max priority fee per gas higher than max fee per gas: address {sender}")
        }
        Why::GasPriceLessThanBasefee => format!(
            "max fee per gas less than block base fee: address {sender}, baseFee: {BASE_FEE_WEI}"
        ),
        Why::CallerGasLimitMoreThanBlock | Why::TxGasLimitGreaterThanCap { .. } => {
            format!("exceeds block gas limit: limit {BLOCK_GAS_LIMIT}")
        }
        Why::CallGasCostMoreThanGasLimit { initial_gas: needed, gas_limit } => {
            format!("intrinsic gas too low: gas {gas_limit}, minimum needed {needed}")
        }
        Why::GasFloorMoreThanGasLimit { gas_floor: needed, gas_limit } => {
            format!(
                "insufficient gas for floor data gas cost: gas {gas_limit}, minimum needed {needed}"
            )
        }
        Why::RejectCallerWithCode => format!("sender not an eoa: address {sender}"),
        Why::CreateInitCodeSizeLimit => "max initcode size exceeded".to_owned(),
        other => other.to_string(),
    }
}

impl From<NotPooled> for Rejected {
    fn from(why: NotPooled) -> Self {
        let text = match why {
            NotPooled::Known => "already known",
            NotPooled::Underpriced => "replacement transaction underpriced",
            NotPooled::Full => "txpool is full",
        };
        Self::Invalid(text.to_owned())
    }
}
