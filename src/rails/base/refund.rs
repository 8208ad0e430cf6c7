//! Refunds: a plain transfer of the token by a wallet that does nothing else.
//!
//! | what the chain shows | outcome |
//! |---|---|
//! | a receipt of ours with the token's transfer of exactly the amount from the wallet to the payer | paid |
//! | a receipt of ours without it, in a final block | failed |
//! | the wallet's nonce used in a final block, no receipt of ours, and no such transfer in the token's logs | failed |
//! | a receipt of ours, or the nonce used, in a block that is not final | used |
//! | none of them | unused |
//!
//! A transfer has no nonce of its own at the token: what keeps it from being made twice is the
//! wallet's nonce alone. So nothing is called failed as long as a reorganisation could still let it
//! happen.

use std::fmt;

use alloy_primitives::{B256, U64, U256};
use alloy_sol_types::SolEvent;
use async_trait::async_trait;
use payments::{
    agent::Wallet,
    money::UsdcUnits,
    ports::{
        ChainHistory, RailError, RefundRail, UsdcRefund, UsdcRefundFailure, UsdcRefundOutcome,
        UsdcRefundView,
    },
    settlement::{AttemptKind, ChainHash, SettlementProof},
};
use serde_json::json;

use super::{
    BaseRail,
    calls::{self, Transfer, address, answer},
    fees,
    node::{At, NoAnswer},
    preparer::BasePreparer,
    sequence,
    signer::Signer,
    wire::{Log, Receipt},
};

/// Blocks before the signing that are searched too: the node that was asked then may have been
/// behind.
const SIGNED_MARGIN_BLOCKS: u64 = 300;

#[async_trait]
impl RefundRail for BaseRail {
    fn refund_wallet(&self) -> Option<Wallet> {
        self.refunds.as_ref().map(Signer::wallet)
    }

    async fn refund_view(
        &self,
        to: Wallet,
        amount: UsdcUnits,
        gas_wei: u128,
    ) -> Result<UsdcRefundView, RailError> {
        let none = || RailError::NotReady(String::from("no refund wallet is configured"));
        let signer = self.refunds.as_ref().ok_or_else(none)?;
        let (token, wallet) = (address(self.token.address()), signer.address());
        let call = calls::transfer(&to, amount.get());
        let mut batch = self.node.batch();
        let held = batch.call(token, &calls::balance_of(&signer.wallet()), At::Latest);
        let run = batch.simulate(wallet, token, &call, fees::TRANSFER_GAS);
        let mut count =
            |block: &str| batch.ask::<U64>("eth_getTransactionCount", json!([wallet, block]));
        let (mined, pending) = (count("latest"), count("pending"));
        let quote = fees::ask_quote(&mut batch, wallet);
        batch.send().await?;
        let held: U256 = answer::<calls::balanceOfCall>(&held.get().await?)?;
        let would_revert = match run.try_get().await {
            Ok(_) => None,
            Err(NoAnswer::Refused(refusal)) if refusal.is_revert() => Some(refusal.message),
            Err(none) => return Err(none.into()),
        };
        let (quote, latest) = quote.get().await?;
        let cap_wei = fees::cap(AttemptKind::Transfer, self.max_fee_per_gas_wei, gas_wei);
        let price = fees::price(&quote, cap_wei, fees::TRANSFER_GAS);
        Ok(UsdcRefundView {
            from: signer.wallet(),
            preparer: Box::new(BasePreparer { signer: signer.clone(), token, call, price }),
            chain_next_nonce: sequence::next(mined.get().await?.to(), pending.get().await?.to()),
            held: UsdcUnits::new(u64::try_from(held).unwrap_or(u64::MAX)),
            block_number: latest.number(),
            would_revert,
        })
    }

    async fn refund_outcome(&self, refund: &UsdcRefund) -> Result<UsdcRefundOutcome, RailError> {
        if refund.chain_id != self.token.chain_id() {
            let (theirs, ours) = (refund.chain_id, self.token.chain_id());
            return Err(RailError::WrongChain(format!(
                "the refund is on chain {theirs}, and {ours} is configured"
            )));
        }
        let Some(last) = refund.attempts.last() else {
            return Err(broken(&"nothing was signed for it"));
        };
        let heads = ChainHistory::heads(self).await?;
        let mut batch = self.node.batch();
        let hashes = refund.attempts.iter().map(|attempt| B256::from(attempt.tx_hash.0));
        let ask = |hash: B256| {
            (hash, batch.ask::<Option<Receipt>>("eth_getTransactionReceipt", json!([hash])))
        };
        let answers: Vec<_> = hashes.map(ask).collect();
        let settled = format!("{:#x}", heads.settled);
        let used_for_good =
            batch.ask::<U64>("eth_getTransactionCount", json!([address(&refund.from), settled]));
        batch.send().await?;
        let mut mined = None;
        for (hash, answer) in answers {
            mined = answer
                .get()
                .await?
                .filter(|receipt| receipt.transaction_hash == hash && receipt.block().is_some())
                .or(mined);
        }
        if let Some(receipt) = mined {
            return Ok(self.of_receipt(refund, &receipt, heads.confirmed, heads.settled));
        }
        if used_for_good.get().await?.to::<u64>() <= last.eoa_nonce {
            return Ok(UsdcRefundOutcome::Unused);
        }
        // A node may have forgotten the receipts of old transactions: the token's logs say whether
        // one of ours was mined after all.
        if self.find_refund(refund, heads.settled).await? {
            Ok(UsdcRefundOutcome::Used)
        } else {
            Ok(UsdcRefundOutcome::Failed(UsdcRefundFailure::Foreign))
        }
    }
}

impl BaseRail {
    fn of_receipt(
        &self,
        refund: &UsdcRefund,
        receipt: &Receipt,
        confirmed: u64,
        settled: u64,
    ) -> UsdcRefundOutcome {
        let block = receipt.block().unwrap_or(u64::MAX);
        if let Some(proof) = self.refund_proof(refund, receipt) {
            return if block <= confirmed {
                UsdcRefundOutcome::Paid(proof)
            } else {
                UsdcRefundOutcome::Used
            };
        }
        if block > settled {
            return UsdcRefundOutcome::Used;
        }
        let was = refund
            .attempts
            .iter()
            .find(|attempt| attempt.tx_hash.0 == receipt.transaction_hash.0)
            .map(|attempt| attempt.kind);
        UsdcRefundOutcome::Failed(match was {
            Some(AttemptKind::Void) => UsdcRefundFailure::Cancelled,
            Some(AttemptKind::Transfer) | None => UsdcRefundFailure::Reverted,
        })
    }

    /// Exactly one transfer that pays the refund, in a transaction that succeeded.
    fn refund_proof(&self, refund: &UsdcRefund, receipt: &Receipt) -> Option<SettlementProof> {
        let log = receipt
            .logs
            .iter()
            .find(|log| self.pays(refund, log))
            .filter(|_| receipt.succeeded())?;
        Some(SettlementProof {
            tx_hash: ChainHash(receipt.transaction_hash.0),
            block_number: receipt.block()?,
            block_hash: ChainHash(receipt.block_hash?.0),
            log_index: log.log_index?.to(),
            fee_wei: receipt.fee_wei(),
        })
    }

    fn pays(&self, refund: &UsdcRefund, log: &Log) -> bool {
        let topics = [
            Transfer::SIGNATURE_HASH,
            address(&refund.from).into_word(),
            address(&refund.to).into_word(),
        ];
        let value = B256::left_padding_from(&refund.amount.get().to_be_bytes());
        log.address == address(self.token.address())
            && !log.removed
            && log.topics == topics
            && log.data.as_ref() == value.as_slice()
    }

    /// Whether the token's logs have a transfer of this refund in a transaction that was signed for
    /// it.
    async fn find_refund(&self, refund: &UsdcRefund, settled: u64) -> Result<bool, RailError> {
        let mut from = refund.signed_at_block.saturating_sub(SIGNED_MARGIN_BLOCKS);
        let topics = [
            Transfer::SIGNATURE_HASH,
            address(&refund.from).into_word(),
            address(&refund.to).into_word(),
        ];
        let filter = json!({ "address": address(self.token.address()), "topics": topics });
        while from <= settled {
            let (logs, next) = self.window(&filter, from, settled).await?;
            let signed =
                |hash: B256| refund.attempts.iter().any(|attempt| attempt.tx_hash.0 == hash.0);
            if logs
                .iter()
                .any(|log| self.pays(refund, log) && log.transaction_hash.is_some_and(signed))
            {
                return Ok(true);
            }
            from = next;
        }
        Ok(false)
    }
}

fn broken(why: &dyn fmt::Display) -> RailError {
    RailError::Unreachable(format!("the refund cannot be judged: {why}"))
}
