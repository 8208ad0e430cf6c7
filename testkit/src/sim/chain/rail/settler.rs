//! The replica's signer: prepares, sends, raises and cancels transactions.

use std::sync::Arc;

use async_trait::async_trait;
use payments::{
    agent::Wallet,
    ids::PaymentId,
    ports::{
        ChainReader, ChainView, FeeQuote, PreparationError, Preparer, RailError, Raised, Resigning,
        Sent, Settler,
    },
    settlement::{Attempt, AttemptKind, ChainHash},
    time::UnixMs,
    x402::verify::{LiveTransfer, VerifiedTransfer},
};
use sha2::{Digest, Sha256};

use super::{
    super::{Deed, Tx},
    BUMP_AFTER_MS, CAP_WEI, SimPreparer, SimRail, VOID_CAP_WEI,
};
use crate::{
    rail::{kept, reopened},
    sim::locked,
};

#[async_trait]
impl Settler for SimRail {
    fn keep(&self, _: PaymentId, transfer: &LiveTransfer) -> Vec<u8> {
        kept(transfer)
    }

    fn kept(&self, _: PaymentId, sealed: &[u8]) -> Result<VerifiedTransfer, RailError> {
        reopened(sealed)
    }

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
        let raised = fee_wei.map(|fee_wei| self.sign(tx.deed, intent, last.eoa_nonce, fee_wei, at));
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
        let rail = SimRail { sim: Arc::clone(&self.sim), signer };
        Ok(rail.sign(Deed::Void, PaymentId::new(uuid::Uuid::nil()), eoa_nonce, fee_wei, at))
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
        Ok(self.sign(Deed::Void, intent, last.eoa_nonce, fee_wei, at))
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

    fn can_sign(&self) -> Result<(), PreparationError> {
        self.fee_wei.map(drop)
    }

    fn prepare(
        &self,
        intent: PaymentId,
        eoa_nonce: u64,
        at: UnixMs,
    ) -> Result<Attempt, PreparationError> {
        let deed = Deed::Settle(self.terms.clone());
        let signer = SimRail { sim: Arc::clone(&self.sim), signer: self.signer };
        Ok(signer.sign(deed, intent, eoa_nonce, self.fee_wei?, at))
    }
}

impl SimRail {
    /// Remembers what was signed, so that a node knows it by its hash.
    fn sign(
        &self,
        deed: Deed,
        intent: PaymentId,
        eoa_nonce: u64,
        max_fee_per_gas_wei: u128,
        at: UnixMs,
    ) -> Attempt {
        let signer = self.signer;
        let kind = if deed == Deed::Void { AttemptKind::Void } else { AttemptKind::Transfer };
        let named = format!("{} {intent} {signer} {eoa_nonce} {max_fee_per_gas_wei}", kind.word());
        let tx_hash = ChainHash(Sha256::digest(named.as_bytes()).into());
        let ours = Some((signer, eoa_nonce, max_fee_per_gas_wei));
        locked(&self.sim.signed).insert(tx_hash.0, Tx { hash: tx_hash, deed, ours });
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
}
