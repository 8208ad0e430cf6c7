//! What operators' tools ask of the chain. Nothing here moves money or decides about any.

use alloy_primitives::{B256, U256};
use payments::{
    agent::Wallet,
    money::UsdcUnits,
    ports::{RailError, RefundRail},
    settlement::{AttemptKind, SettlementProof, TransferTerms},
};
use serde_json::json;

use super::{
    BaseRail,
    calls::{self, address},
    fees::{self, TRANSFER_GAS},
    limits::LearnedLimits,
    node::At,
    wire::{Block, Receipt},
};

/// What a signer can pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gas {
    /// Its balance of the chain's own coin.
    pub balance_wei: u128,
    /// How many settlements that pays for.
    pub settlements: u128,
}

impl BaseRail {
    /// What was learned of the node.
    pub fn learned_limits(&self) -> LearnedLimits {
        self.node.limits.learned()
    }

    /// The time of the newest block, in unix seconds.
    ///
    /// # Errors
    /// [`RailError`]; so for every method here.
    pub async fn newest_block_unix_s(&self) -> Result<u64, RailError> {
        let mut batch = self.node.batch();
        let block = batch.ask::<Block>("eth_getBlockByNumber", json!(["latest", false]));
        batch.send().await?;
        Ok(block.get().await?.unix_s())
    }

    /// The balance of this process's signer in wei, and the time of the newest block in unix
    /// seconds; in one batch.
    pub async fn vitals(&self) -> Result<(u128, u64), RailError> {
        let mut batch = self.node.batch();
        let quote = fees::ask_quote(&mut batch, self.signer.address());
        batch.send().await?;
        let (quote, latest) = quote.get().await?;
        Ok((quote.signer_balance_wei, latest.unix_s()))
    }

    /// What this account can pay gas with, at today's fees.
    pub async fn gas_of(&self, account: Wallet) -> Result<Gas, RailError> {
        let quote = self.quote(address(&account)).await?;
        let cap_wei = fees::cap(AttemptKind::Transfer, self.max_fee_per_gas_wei, self.max_gas_wei);
        let fee_wei = quote.max_fee_per_gas_wei.min(cap_wei).max(1);
        let settlements =
            quote.signer_balance_wei / fee_wei.saturating_mul(u128::from(TRANSFER_GAS));
        Ok(Gas { balance_wei: quote.signer_balance_wei, settlements })
    }

    /// What this account holds of the token.
    pub async fn held_by(&self, account: Wallet) -> Result<UsdcUnits, RailError> {
        let mut batch = self.node.batch();
        let held =
            batch.call(address(self.token.address()), &calls::balance_of(&account), At::Latest);
        batch.send().await?;
        let held: U256 = calls::answer::<calls::balanceOfCall>(&held.get().await?)?;
        Ok(UsdcUnits::new(u64::try_from(held).unwrap_or(u64::MAX)))
    }

    /// What an account of ours is for: `settles`, `refunds`, or `finishes` what it began.
    pub fn role_of(&self, account: Wallet) -> &'static str {
        match (account == self.signer(), self.refund_wallet() == Some(account)) {
            (true, _) => "settles",
            (false, true) => "refunds",
            (false, false) => "finishes",
        }
    }

    /// Whether the chain shows this very settlement: its transaction succeeded, and the token's two
    /// logs stand at the booked place.
    pub async fn shows(
        &self,
        terms: &TransferTerms,
        booked: &SettlementProof,
    ) -> Result<bool, RailError> {
        let mut batch = self.node.batch();
        let receipt = batch.ask::<Option<Receipt>>(
            "eth_getTransactionReceipt",
            json!([B256::from(booked.tx_hash.0)]),
        );
        batch.send().await?;
        let shown = receipt.get().await?.and_then(|receipt| receipt.settlement(terms, false));
        Ok(shown.is_some_and(|shown| {
            shown.tx_hash == booked.tx_hash && shown.log_index == booked.log_index
        }))
    }
}
