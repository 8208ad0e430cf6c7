//! USDC on Base (or another EVM chain with EIP-3009 USDC), settled by our own signer.
//!
//! | file | one thing |
//! |---|---|
//! | `config` | how the rail reaches its chain and what it may spend |
//! | `rpc`, `redact`, `node`, `exchange` | JSON-RPC to one node: transport, what must not be shown, batches that check the chain, in parts |
//! | `limits` | what the node does not take |
//! | `calls`, `wire` | the token's functions and logs; the members of answers that are read |
//! | `settler` | a settlement by our own signer: signed, sent, signed at a higher fee, emptied |
//! | `fees`, `signer`, `preparer`, `replace` | what a transaction costs; signing and sealing it; the first one, and those in its place |
//! | `simulate` | whether the token would take a transfer |
//! | `sequence` | the signer's nonces on the chain, and whether somebody else used one |
//! | `outcome`, `logs` | what became of a payment; the one log that tells it |
//! | `earlier` | what a proof did that the books do not know |
//! | `finality` | whether what was seen can still be taken back |
//! | `refund` | transfers from the refund wallet, and what became of them |
//! | `history` | every transfer to us, for comparing the books |
//! | `readiness` | whether anything can be settled now |
//! | `inspect` | what operators' tools ask |

mod calls;
mod config;
mod earlier;
mod exchange;
mod fees;
mod finality;
mod history;
mod inspect;
mod limits;
mod logs;
mod node;
mod outcome;
mod preparer;
mod readiness;
mod redact;
mod refund;
mod replace;
mod rpc;
mod sequence;
mod settler;
mod signer;
mod simulate;
#[cfg(test)]
mod tests;
mod wire;

use std::{fmt, sync::Arc, time::Duration};

use alloy_primitives::{B256, U64, U256};
use async_trait::async_trait;
use payments::{
    agent::Wallet,
    ports::{ChainNonces, ChainReader, ChainView, Earlier, Outcome, RailError, Sealer, Standing},
    settlement::{Attempt, ChainHash, SettlementProof, TransferTerms},
    x402::{
        offer::Token,
        verify::{LiveTransfer, VerifiedTransfer},
    },
};
use serde_json::json;

pub use config::{BaseConfig, BaseConfigError};

use calls::{address, answer};
use node::{At, Node};
use signer::Signer;

/// USDC has six decimals everywhere; a token that has others is not the configured one.
const TOKEN_DECIMALS: u8 = 6;

/// The rail. Holds no state of its own: what happened is in the books and on the chain.
pub struct BaseRail {
    node: Node,
    token: Token,
    signer: Signer,
    others: Vec<Signer>,
    /// The wallet that pays refunds, and nothing else.
    refunds: Option<Signer>,
    known_relayers: Vec<Wallet>,
    max_fee_per_gas_wei: u128,
    max_gas_wei: u128,
    confirmations: u64,
    fee_bump_after_ms: i64,
}

// === impl BaseRail ===

impl BaseRail {
    /// A rail to this chain. Asks nothing yet: call [`BaseRail::start_up_check`] before serving.
    ///
    /// # Errors
    /// [`BaseConfigError`].
    pub fn new(config: BaseConfig, sealer: Arc<dyn Sealer>) -> Result<Self, BaseConfigError> {
        let chain_id = config.token.chain_id();
        let signer = |key: &[u8; 32]| Signer::new(key, chain_id, Arc::clone(&sealer));
        let own = signer(&config.signer_key)?;
        let refunds = config.refund_key.as_ref().map(signer).transpose()?;
        let others = config.other_signer_keys.iter().map(signer).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            node: Node::new(
                &config.rpc_url,
                Duration::from_millis(config.rpc_timeout_ms),
                chain_id,
            )?,
            // All replicas may be given one list with all keys in it.
            others: others.into_iter().filter(|other| other.address() != own.address()).collect(),
            signer: own,
            refunds,
            token: config.token,
            known_relayers: config.known_relayers,
            max_fee_per_gas_wei: config.max_fee_per_gas_wei,
            max_gas_wei: config.max_gas_wei,
            confirmations: config.confirmations.max(1),
            fee_bump_after_ms: i64::from(config.fee_bump_after_s).saturating_mul(1000),
        })
    }

    /// The account that signs what is claimed here, and pays gas.
    pub fn signer(&self) -> Wallet {
        self.signer.wallet()
    }

    /// Compares chain and token with the configuration: chain id, EIP-712 domain, decimals. A wrong
    /// domain would make every payer's signature invalid.
    ///
    /// # Errors
    /// [`RailError::WrongChain`] with what differs; [`RailError::Unreachable`].
    pub async fn start_up_check(&self) -> Result<(), RailError> {
        let token = address(self.token.address());
        let mut batch = self.node.batch();
        let domain = batch.call(token, &calls::domain_separator(), At::Latest);
        let decimals = batch.call(token, &calls::decimals(), At::Latest);
        batch.send().await?;
        let domain: B256 = answer::<calls::DOMAIN_SEPARATORCall>(&domain.get().await?)?;
        if domain != *self.token.domain_separator() {
            let (name, version) = (self.token.domain_name(), self.token.domain_version());
            return Err(RailError::WrongChain(format!(
                "the token's EIP-712 domain is not name {name:?}, version {version:?}"
            )));
        }
        let decimals = answer::<calls::decimalsCall>(&decimals.get().await?)?;
        if decimals != TOKEN_DECIMALS {
            return Err(RailError::WrongChain(format!(
                "the token has {decimals} decimals instead of {TOKEN_DECIMALS}"
            )));
        }
        Ok(())
    }
}

#[async_trait]
impl ChainReader for BaseRail {
    async fn view(&self, transfer: &LiveTransfer) -> Result<ChainView, RailError> {
        let token = address(self.token.address());
        let signer = self.signer.address();
        let mut batch = self.node.batch();
        // The block first: a balance of an older block would hide what was paid up to this one.
        let quote = fees::ask_quote(&mut batch, signer);
        let used = batch.call(
            token,
            &calls::authorization_state(transfer.from(), transfer.nonce()),
            At::Latest,
        );
        let balance = batch.call(token, &calls::balance_of(transfer.from()), At::Latest);
        let settling = batch.simulate(signer, token, &calls::settle(transfer), fees::TRANSFER_GAS);
        let paused = batch.call(token, &calls::paused(), At::Latest);
        let pending = batch.ask::<U64>("eth_getTransactionCount", json!([signer, "pending"]));
        let mined = batch.ask::<U64>("eth_getTransactionCount", json!([signer, "latest"]));
        batch.send().await?;
        let balance: U256 = answer::<calls::balanceOfCall>(&balance.get().await?)?;
        let (fees, latest) = quote.get().await?;
        Ok(ChainView {
            authorization_used: answer::<calls::authorizationStateCall>(&used.get().await?)?,
            balance_units: u128::try_from(balance).unwrap_or(u128::MAX),
            would_revert: self.verdict(settling, transfer, latest.unix_s()).await?,
            token_paused: readiness::is_paused(paused).await?,
            block_number: latest.number(),
            signer_next_nonce: sequence::next(mined.get().await?.to(), pending.get().await?.to()),
            fees,
        })
    }

    fn terms(&self, transfer: &LiveTransfer, view: &ChainView) -> TransferTerms {
        TransferTerms {
            key: transfer.key(),
            pay_to: *transfer.pay_to(),
            value: transfer.value(),
            valid_before_unix_s: transfer.valid_before_unix_s(),
            claimed_at_block: view.block_number,
        }
    }

    async fn outcome(
        &self,
        terms: &TransferTerms,
        attempts: &[Attempt],
    ) -> Result<Outcome, RailError> {
        self.judge(terms, attempts).await
    }

    async fn standing(&self, booked: &[SettlementProof]) -> Result<Vec<Standing>, RailError> {
        self.standing_of(booked).await
    }

    async fn fees_paid(&self, attempts: &[Attempt]) -> Result<Vec<(ChainHash, u128)>, RailError> {
        self.fees_of(attempts).await
    }

    async fn earlier(&self, transfer: &VerifiedTransfer) -> Result<Earlier, RailError> {
        self.judge_earlier(transfer).await
    }

    async fn stranger(&self, tx_hash: ChainHash) -> Result<Option<Wallet>, RailError> {
        self.stranger_of(tx_hash).await
    }

    fn chain_id(&self) -> u64 {
        self.token.chain_id()
    }

    async fn outrun(&self, terms: &TransferTerms, attempts: &[Attempt]) -> Result<bool, RailError> {
        self.is_outrun(terms, attempts).await
    }

    async fn nonces(&self, signer: Wallet) -> Result<ChainNonces, RailError> {
        self.nonces_of(&signer).await
    }

    async fn expired_on_chain(&self, valid_before_unix_s: u64) -> Result<bool, RailError> {
        Ok(self.settled_until().await?.unix_s() >= valid_before_unix_s)
    }

    async fn nonce_used(&self, signer: Wallet, eoa_nonce: u64) -> Result<bool, RailError> {
        let block = self.newest_confirmed().await?;
        let mut batch = self.node.batch();
        let next = batch.ask::<U64>("eth_getTransactionCount", json!([address(&signer), block]));
        batch.send().await?;
        Ok(next.get().await?.to::<u64>() > eoa_nonce)
    }

    fn on_wrong_chain(&self) -> bool {
        self.node.on_wrong_chain()
    }
}

/// Neither the key nor the node's URL.
impl fmt::Debug for BaseRail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BaseRail")
            .field("token", self.token.address())
            .field("signer", &self.signer)
            .finish_non_exhaustive()
    }
}
