//! The chain as one replica reaches it, with its own signer.

use std::sync::Arc;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::{Deed, MAX_REORG, Tx, read::Judgement};
use crate::{
    rail::CHAIN_ID,
    sim::{Sim, locked},
};
use payments::{
    agent::Wallet,
    ids::PaymentId,
    ports::{
        ChainNonces, ChainReader, ChainView, FeeQuote, Outcome, PreparationError, Preparer,
        RailError, Raised, Resigning, Sent, Settler, Standing,
    },
    settlement::{Attempt, AttemptKind, ChainHash, SettlementProof, TransferTerms},
    time::UnixMs,
    x402::verify::LiveTransfer,
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

#[async_trait]
impl Settler for SimRail {
    fn preparer(&self, transfer: &LiveTransfer, view: &ChainView, _: u128) -> Box<dyn Preparer> {
        let (terms, fee_wei) = (self.terms(transfer, view), first_fee(&view.fees));
        Box::new(SimPreparer { sim: Arc::clone(&self.sim), signer: self.signer, terms, fee_wei })
    }

    async fn send(&self, attempt: &Attempt) -> Sent {
        self.sim.check_sending(attempt);
        self.sim.under_way().await;
        let odds = self.sim.odds();
        let tx = locked(&self.sim.signed).get(&attempt.tx_hash.0).cloned();
        let (Some(tx), false, false) =
            (tx, attempt.sealed_tx.is_empty(), self.sim.chance(odds.send_lost))
        else {
            return Sent::Unknown;
        };
        self.sim.note_sent(&tx);
        let taken = locked(&self.sim.chain).take(tx);
        self.sim.trace(|| {
            format!(
                "send {} {:?} nonce {}: {taken:?}",
                attempt.tx_hash, attempt.kind, attempt.eoa_nonce
            )
        });
        self.sim.under_way().await;
        if taken.is_err() || self.sim.chance(odds.send_reply_lost) {
            Sent::Unknown
        } else {
            Sent::Accepted
        }
    }

    fn signers(&self) -> Vec<Wallet> {
        vec![self.signer]
    }

    async fn bump(
        &self,
        intent: PaymentId,
        last: &Attempt,
        _: u128,
        at: UnixMs,
    ) -> Result<Raised, RailError> {
        if at.ms().saturating_sub(last.saved_at.ms()) < BUMP_AFTER_MS {
            return Ok(Raised::NotNow);
        }
        self.signed_by_us(last)?;
        let tx = locked(&self.sim.signed).get(&last.tx_hash.0).cloned();
        let (Some(tx), false) = (tx, last.sealed_tx.is_empty()) else {
            return Err(RailError::Unreachable(String::from("wiped")));
        };
        self.asked().await?;
        let cap_wei = if last.kind == AttemptKind::Void { VOID_CAP_WEI } else { CAP_WEI };
        let fee_wei = self.replacing(last.max_fee_per_gas_wei, cap_wei);
        self.sim.count(|counts| counts.bumps += u64::from(fee_wei.is_some()));
        let raised = fee_wei.map(|fee_wei| {
            sign(&self.sim, tx.deed, intent, (self.signer, last.eoa_nonce, fee_wei), at)
        });
        Ok(raised.map_or(Raised::AtBound, Raised::Higher))
    }

    async fn resigning(&self, last: &Attempt, _: u128) -> Result<Resigning, RailError> {
        let tx = locked(&self.sim.signed).get(&last.tx_hash.0).cloned();
        let Some(Tx { deed: Deed::Settle(terms), .. }) = tx.filter(|_| !last.sealed_tx.is_empty())
        else {
            return Err(RailError::Unreachable(String::from("wiped")));
        };
        let lag = self.asked().await?;
        let fee_wei = first_fee(&self.quote());
        let chain_next_nonce =
            if lag == 0 { locked(&self.sim.chain).pending_nonce(self.signer) } else { 0 };
        let preparer = Box::new(SimPreparer {
            sim: Arc::clone(&self.sim),
            signer: self.signer,
            terms,
            fee_wei,
        });
        Ok(Resigning { preparer, chain_next_nonce })
    }

    async fn fill(
        &self,
        signer: Wallet,
        eoa_nonce: u64,
        last: Option<&Attempt>,
        _: u128,
        at: UnixMs,
    ) -> Result<Attempt, RailError> {
        self.asked().await?;
        let fee_wei = self.replacing(last.map_or(0, |last| last.max_fee_per_gas_wei), VOID_CAP_WEI);
        let fee_wei =
            fee_wei.ok_or_else(|| RailError::Unreachable(String::from("its fee is at the cap")))?;
        self.sim.count(|counts| counts.fills += 1);
        Ok(sign(
            &self.sim,
            Deed::Void,
            PaymentId::new(uuid::Uuid::nil()),
            (signer, eoa_nonce, fee_wei),
            at,
        ))
    }

    async fn void(
        &self,
        intent: PaymentId,
        last: &Attempt,
        _: u128,
        at: UnixMs,
    ) -> Result<Attempt, RailError> {
        self.signed_by_us(last)?;
        self.asked().await?;
        let fee_wei = self.replacing(last.max_fee_per_gas_wei, VOID_CAP_WEI);
        let fee_wei =
            fee_wei.ok_or_else(|| RailError::Unreachable(String::from("its fee is at the cap")))?;
        self.sim.count(|counts| counts.voids += 1);
        Ok(sign(&self.sim, Deed::Void, intent, (self.signer, last.eoa_nonce, fee_wei), at))
    }

    async fn ready(&self) -> Result<(), RailError> {
        self.asked().await.map(drop)
    }
}

/// What the first transaction of a payment bids.
fn first_fee(fees: &FeeQuote) -> Result<u128, PreparationError> {
    if fees.max_fee_per_gas_wei / 2 > CAP_WEI {
        Err(PreparationError::FeeAboveCap)
    } else if fees.signer_balance_wei == 0 {
        Err(PreparationError::OutOfGas)
    } else {
        Ok(fees.max_fee_per_gas_wei.min(CAP_WEI))
    }
}

impl Preparer for SimPreparer {
    fn signer(&self) -> Wallet {
        self.signer
    }

    fn prepare(
        &self,
        intent: PaymentId,
        eoa_nonce: u64,
        at: UnixMs,
    ) -> Result<Attempt, PreparationError> {
        let deed = Deed::Settle(self.terms.clone());
        Ok(sign(&self.sim, deed, intent, (self.signer, eoa_nonce, self.fee_wei?), at))
    }
}

/// Remembers what was signed, so that a node knows it by its hash.
fn sign(
    sim: &Sim,
    deed: Deed,
    intent: PaymentId,
    ours: (Wallet, u64, u128),
    at: UnixMs,
) -> Attempt {
    let (signer, eoa_nonce, max_fee_per_gas_wei) = ours;
    let kind = if deed == Deed::Void { AttemptKind::Void } else { AttemptKind::Transfer };
    let named = format!("{} {intent} {signer} {eoa_nonce} {max_fee_per_gas_wei}", kind.word());
    let tx_hash = ChainHash(Sha256::digest(named.as_bytes()).into());
    locked(&sim.signed).insert(tx_hash.0, Tx { hash: tx_hash, deed, ours: Some(ours) });
    Attempt {
        kind,
        tx_hash,
        signer,
        eoa_nonce,
        max_fee_per_gas_wei,
        sealed_tx: named.into_bytes(),
        saved_at: at,
        fee_wei: None,
    }
}
