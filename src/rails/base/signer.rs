//! An account of ours on the chain: it signs and pays gas. Its key is here and nowhere else.

use std::{fmt, sync::Arc};

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use payments::{
    agent::Wallet,
    ports::Sealer,
    settlement::{Attempt, AttemptKind, ChainHash, seal_name},
    time::UnixMs,
};

use super::fees::Price;

/// Signs and seals.
#[derive(Clone)]
pub(super) struct Signer {
    key: PrivateKeySigner,
    chain_id: u64,
    sealer: Arc<dyn Sealer>,
}

/// What a transaction is to do.
pub(super) struct Order {
    pub kind: AttemptKind,
    pub to: Address,
    pub input: Bytes,
    pub gas_limit: u64,
}

/// The key is not a secp256k1 key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signer key is not a secp256k1 private key")]
pub struct SignerKeyError;

/// The saved transaction is wiped, changed, or sealed under another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the saved transaction cannot be opened")]
pub(super) struct Unopened;

// === impl Signer ===

impl Signer {
    pub(super) fn new(
        key: &[u8; 32],
        chain_id: u64,
        sealer: Arc<dyn Sealer>,
    ) -> Result<Self, SignerKeyError> {
        let key = PrivateKeySigner::from_bytes(&B256::from(*key)).map_err(|_| SignerKeyError)?;
        Ok(Self { key, chain_id, sealer })
    }

    pub(super) fn address(&self) -> Address {
        self.key.address()
    }

    pub(super) fn wallet(&self) -> Wallet {
        Wallet::new(self.address().into_array())
    }

    /// A signed and sealed transaction. `None` when signing or sealing fails: what cannot be opened
    /// again must not be saved.
    pub(super) fn attempt(
        &self,
        order: Order,
        eoa_nonce: u64,
        price: Price,
        at: UnixMs,
    ) -> Option<Attempt> {
        let Order { kind, to, input, gas_limit } = order;
        let tx = TxEip1559 {
            chain_id: self.chain_id,
            nonce: eoa_nonce,
            gas_limit,
            max_fee_per_gas: price.max_fee_wei,
            max_priority_fee_per_gas: price.tip_wei,
            to: TxKind::Call(to),
            value: U256::ZERO,
            access_list: Default::default(),
            input,
        };
        let signature = self.key.sign_hash_sync(&tx.signature_hash()).ok()?;
        let signed = TxEnvelope::from(tx.into_signed(signature));
        let tx_hash = ChainHash(signed.tx_hash().0);
        let sealed_tx =
            self.sealer.seal(seal_name(kind, tx_hash).as_bytes(), &signed.encoded_2718());
        let max_fee_per_gas_wei = price.max_fee_wei;
        let attempt = Attempt {
            kind,
            tx_hash,
            signer: self.wallet(),
            eoa_nonce,
            max_fee_per_gas_wei,
            sealed_tx,
            saved_at: at,
            fee_wei: None,
        };
        (!attempt.sealed_tx.is_empty()).then_some(attempt)
    }

    /// Bytes that are sealed under this name, as transactions are.
    pub(super) fn seal(&self, name: &str, plain: &[u8]) -> Vec<u8> {
        self.sealer.seal(name.as_bytes(), plain)
    }

    /// What was sealed under this name.
    pub(super) fn unseal(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, Unopened> {
        self.sealer.open(name.as_bytes(), sealed).map_err(|_| Unopened)
    }

    /// The raw bytes of a saved transaction, which are those of its hash.
    pub(super) fn open(&self, attempt: &Attempt) -> Result<Vec<u8>, Unopened> {
        let name = seal_name(attempt.kind, attempt.tx_hash);
        let raw = self.sealer.open(name.as_bytes(), &attempt.sealed_tx).map_err(|_| Unopened)?;
        if keccak256(&raw).0 == attempt.tx_hash.0 { Ok(raw) } else { Err(Unopened) }
    }

    /// A saved transaction, to be built again under the same nonce.
    pub(super) fn read(&self, attempt: &Attempt) -> Result<TxEip1559, Unopened> {
        match TxEnvelope::decode_2718_exact(&self.open(attempt)?) {
            Ok(TxEnvelope::Eip1559(signed)) => Ok(signed.strip_signature()),
            _ => Err(Unopened),
        }
    }
}

/// Shows the address, never the key.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("address", &self.address()).finish_non_exhaustive()
    }
}
