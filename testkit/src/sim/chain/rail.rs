//! The chain as one replica reaches it, with its own signer.

mod settler;

use std::sync::Arc;

use async_trait::async_trait;
use payments::{
    agent::Wallet,
    ports::{
        ChainNonces, ChainReader, ChainView, FeeQuote, Outcome, PreparationError, RailError,
        Standing,
    },
    settlement::{Attempt, ChainHash, SettlementProof, TransferTerms},
    x402::verify::LiveTransfer,
};

use super::{MAX_REORG, read::Judgement};
use crate::{
    rail::CHAIN_ID,
    sim::{Sim, locked},
};

const BUMP_AFTER_MS: i64 = 15_000;

/// The most that a settlement bids, in wei: more than a fee spike asks for.
const CAP_WEI: u128 = 20_000;

/// An empty transaction may bid more: it uses less gas.
const VOID_CAP_WEI: u128 = 7 * CAP_WEI;

/// See the module.
pub struct SimRail {
    pub sim: Arc<Sim>,
    pub signer: Wallet,
}

struct SimPreparer {
    sim: Arc<Sim>,
    signer: Wallet,
    terms: TransferTerms,
    fee_wei: Result<u128, PreparationError>,
}

impl SimRail {
    /// One exchange with a node; says how many blocks behind the node is that answers.
    async fn asked(&self) -> Result<u64, RailError> {
        self.sim.under_way().await;
        let odds = self.sim.odds();
        if self.sim.chance(odds.read_lost) {
            self.sim.count(|counts| counts.chain_faults += 1);
            return Err(RailError::Unreachable(String::from("timeout")));
        }
        if self.sim.chance(odds.lagging) {
            self.sim.count(|counts| counts.chain_faults += 1);
            return Ok(1 + self.sim.below(4));
        }
        Ok(0)
    }

    fn quote(&self) -> FeeQuote {
        let chain = locked(&self.sim.chain);
        let poor = self.sim.scheduler.now() < chain.poor_until;
        FeeQuote {
            max_fee_per_gas_wei: chain.base_fee_wei * 2,
            max_priority_fee_per_gas_wei: 0,
            signer_balance_wei: if poor { 0 } else { u128::MAX },
        }
    }

    /// Higher than the last by an eighth and not below the quote; `None` above the cap or without
    /// gas.
    fn replacing(&self, last_wei: u128, cap_wei: u128) -> Option<u128> {
        let quote = self.quote();
        let fee_wei =
            (last_wei + last_wei.div_ceil(8).max(1)).max(quote.max_fee_per_gas_wei.min(cap_wei));
        (fee_wei <= cap_wei && quote.signer_balance_wei > 0).then_some(fee_wei)
    }

    fn signed_by_us(&self, last: &Attempt) -> Result<(), RailError> {
        if last.signer == self.signer {
            Ok(())
        } else {
            Err(RailError::Unreachable(String::from("another signer's")))
        }
    }
}

#[async_trait]
impl ChainReader for SimRail {
    async fn view(&self, transfer: &LiveTransfer) -> Result<ChainView, RailError> {
        let lag = self.asked().await?;
        let fees = self.quote();
        let chain = locked(&self.sim.chain);
        let head = chain.block(chain.latest().number.saturating_sub(lag));
        let signer_next_nonce = if lag == 0 { chain.pending_nonce(self.signer) } else { 0 };
        Ok(ChainView {
            authorization_used: head.after.uses.contains_key(&transfer.key()),
            balance_units: u128::from(
                head.after.balances.get(transfer.from()).copied().unwrap_or(0),
            ),
            block_number: head.number,
            signer_next_nonce,
            fees,
            // The simulated token bars nobody; what moves between this look and the settlement is
            // what the simulator is about.
            would_revert: None,
            token_paused: false,
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

    /// Strangers are every chain's; the simulator tells none by name.
    async fn stranger(&self, _: ChainHash) -> Result<Option<Wallet>, RailError> {
        Ok(None)
    }

    async fn outcome(
        &self,
        terms: &TransferTerms,
        attempts: &[Attempt],
    ) -> Result<Outcome, RailError> {
        let confirmations = self.sim.plan.confirmations;
        let lag = self.asked().await?;
        let facts = locked(&self.sim.chain).facts(lag, terms, attempts);
        let latest = facts.latest;
        match facts.judge(terms, confirmations) {
            Judgement::Said(outcome) => return Ok(outcome),
            Judgement::AskUsedAt(block, unless_used) => {
                let lag = self.asked().await?;
                if !locked(&self.sim.chain).used_at(lag, terms, block)? {
                    return Ok(unless_used);
                }
            }
            Judgement::AskLogs => {}
        }
        let lag = self.asked().await?;
        if self.sim.scheduler.now() < locked(&self.sim.chain).logs_refused_until {
            self.sim.count(|counts| counts.logs_refused += 1);
            return Err(RailError::Refused(String::from("query exceeds the limit of this plan")));
        }
        Ok(locked(&self.sim.chain).fate(lag, terms, attempts, latest, confirmations))
    }

    async fn standing(&self, booked: &[SettlementProof]) -> Result<Vec<Standing>, RailError> {
        let lag = self.asked().await?;
        let chain = locked(&self.sim.chain);
        Ok(booked.iter().map(|booked| chain.standing(lag, booked)).collect())
    }

    async fn fees_paid(&self, attempts: &[Attempt]) -> Result<Vec<(ChainHash, u128)>, RailError> {
        let lag = self.asked().await?;
        let chain = locked(&self.sim.chain);
        let head = chain.block(chain.latest().number.saturating_sub(lag));
        let mined =
            attempts.iter().filter(|attempt| head.after.receipts.contains_key(&attempt.tx_hash.0));
        Ok(mined.map(|attempt| (attempt.tx_hash, 1)).collect())
    }

    fn chain_id(&self) -> u64 {
        CHAIN_ID
    }

    async fn outrun(&self, terms: &TransferTerms, attempts: &[Attempt]) -> Result<bool, RailError> {
        let Some(last) = attempts.last() else { return Ok(false) };
        let lag = self.asked().await?;
        let chain = locked(&self.sim.chain);
        let head = chain.latest().number.saturating_sub(lag);
        let confirmed = &chain.block(head.saturating_sub(self.sim.plan.confirmations - 1)).after;
        let now = &chain.block(head).after;
        let used = confirmed.nonces.get(&last.signer).copied().unwrap_or(0) > last.eoa_nonce;
        let rivals = attempts
            .iter()
            .filter(|attempt| (attempt.signer, attempt.eoa_nonce) == (last.signer, last.eoa_nonce));
        let mut mined = rivals.filter(|rival| now.receipts.contains_key(&rival.tx_hash.0));
        Ok(used && mined.next().is_none() && !now.uses.contains_key(&terms.key))
    }

    async fn nonces(&self, signer: Wallet) -> Result<ChainNonces, RailError> {
        let lag = self.asked().await?;
        let chain = locked(&self.sim.chain);
        let head = chain.latest().number.saturating_sub(lag);
        let at = |number: u64| chain.block(number).after.nonces.get(&signer).copied().unwrap_or(0);
        let mined = at(head);
        let pending = if lag == 0 { chain.pending_nonce(signer) } else { mined };
        Ok(ChainNonces {
            confirmed: at(head.saturating_sub(self.sim.plan.confirmations - 1)),
            mined,
            pending,
        })
    }

    async fn expired_on_chain(&self, valid_before_unix_s: u64) -> Result<bool, RailError> {
        let lag = self.asked().await?;
        let chain = locked(&self.sim.chain);
        let safe = chain.block(chain.latest().number.saturating_sub(lag + MAX_REORG));
        Ok(safe.unix_s >= valid_before_unix_s)
    }

    async fn nonce_used(&self, signer: Wallet, eoa_nonce: u64) -> Result<bool, RailError> {
        let lag = self.asked().await?;
        let chain = locked(&self.sim.chain);
        let confirmed = chain
            .block(chain.latest().number.saturating_sub(lag + self.sim.plan.confirmations - 1));
        Ok(confirmed.after.nonces.get(&signer).copied().unwrap_or(0) > eoa_nonce)
    }
}
