//! What the rail answers with what it was told.

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::{
    Asked, CHAIN_ID, FEE_WEI, FakeRail, SIGNER, STRANGER, Say, attempt, kept, proof, reopened,
    unreachable,
};
use crate::upstream::next;
use payments::{
    agent::Wallet,
    ids::PaymentId,
    ports::{
        ChainNonces, ChainReader, ChainView, Outcome, PreparationError, Preparer, RailError,
        Raised, Resigning, Sent, Settler, Standing,
    },
    settlement::{Attempt, AttemptKind, ChainHash, SettlementProof, TransferTerms},
    time::UnixMs,
    x402::verify::{LiveTransfer, VerifiedTransfer},
};

#[async_trait]
impl ChainReader for FakeRail {
    async fn view(&self, _: &LiveTransfer) -> Result<ChainView, RailError> {
        self.inner().view.clone()
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

    async fn stranger(&self, _: ChainHash) -> Result<Option<Wallet>, RailError> {
        Ok(Some(STRANGER))
    }

    async fn outcome(&self, _: &TransferTerms, attempts: &[Attempt]) -> Result<Outcome, RailError> {
        let mut inner = self.inner();
        inner.asked.push(Asked::Outcome);
        let ours = attempts.last().map(|attempt| attempt.tx_hash);
        match (next(&mut inner.outcomes).unwrap_or(Say::Unreachable), ours) {
            (Say::Settled, Some(tx_hash)) => Ok(Outcome::Settled(proof(tx_hash, FEE_WEI))),
            (Say::SettledByStranger, Some(ours)) => {
                let stranger = ChainHash(Sha256::digest([ours.0, ours.0].concat()).into());
                Ok(Outcome::Settled(proof(stranger, 0)))
            }
            // A payment that was never signed can be settled by a stranger alone.
            (Say::SettledByStranger, None) => Ok(Outcome::Settled(proof(ChainHash([0x5a; 32]), 0))),
            (Say::Failed(failure), _) => Ok(Outcome::Failed(failure)),
            (Say::Pending { may_send }, _) => Ok(Outcome::Pending { may_send }),
            (Say::Refused, Some(_)) => Err(RailError::Refused(String::from("block range"))),
            (Say::Unreachable, _) | (_, None) => Err(unreachable()),
        }
    }

    async fn standing(&self, booked: &[SettlementProof]) -> Result<Vec<Standing>, RailError> {
        let mut inner = self.inner();
        booked
            .iter()
            .map(|_| next(&mut inner.standings).unwrap_or_else(|| Err(unreachable())))
            .collect()
    }

    async fn fees_paid(&self, attempts: &[Attempt]) -> Result<Vec<(ChainHash, u128)>, RailError> {
        let fee_wei = next(&mut self.inner().fees_wei).unwrap_or_else(|| Err(unreachable()))?;
        Ok(attempts
            .last()
            .zip(fee_wei)
            .map(|(attempt, fee_wei)| (attempt.tx_hash, fee_wei))
            .into_iter()
            .collect())
    }

    fn chain_id(&self) -> u64 {
        CHAIN_ID
    }

    async fn outrun(&self, _: &TransferTerms, _: &[Attempt]) -> Result<bool, RailError> {
        Ok(next(&mut self.inner().outrun).unwrap_or(false))
    }

    async fn expired_on_chain(&self, _: u64) -> Result<bool, RailError> {
        Ok(self.inner().expired)
    }

    async fn nonces(&self, _: Wallet) -> Result<ChainNonces, RailError> {
        self.inner().nonces.clone()
    }

    async fn nonce_used(&self, _: Wallet, eoa_nonce: u64) -> Result<bool, RailError> {
        let mut inner = self.inner();
        inner.asked.push(Asked::NonceUsed(eoa_nonce));
        next(&mut inner.nonces_used).unwrap_or_else(|| Err(unreachable()))
    }

    fn on_wrong_chain(&self) -> bool {
        matches!(self.inner().view, Err(RailError::WrongChain(_)))
    }
}

#[async_trait]
impl Settler for FakeRail {
    fn keep(&self, _: PaymentId, transfer: &LiveTransfer) -> Vec<u8> {
        kept(transfer)
    }

    fn kept(&self, _: PaymentId, sealed: &[u8]) -> Result<VerifiedTransfer, RailError> {
        reopened(sealed)
    }

    fn preparer(&self, _: &LiveTransfer, view: &ChainView, _: u128) -> Box<dyn Preparer> {
        Box::new(FakePreparer {
            max_fee_per_gas_wei: view.fees.max_fee_per_gas_wei,
            refuse: self.inner().preparation,
        })
    }

    async fn send(&self, attempt: &Attempt) -> Sent {
        assert!(self.books.has_attempt(attempt), "{attempt:?} was sent and not saved");
        assert!(!attempt.sealed_tx.is_empty(), "{attempt:?} was sent after its bytes were wiped");
        let mut inner = self.inner();
        inner.asked.push(Asked::Send(attempt.tx_hash));
        next(&mut inner.sent).unwrap_or(Sent::Accepted)
    }

    fn signers(&self) -> Vec<Wallet> {
        vec![SIGNER]
    }

    async fn bump(
        &self,
        intent: PaymentId,
        last: &Attempt,
        _: u128,
        at: UnixMs,
    ) -> Result<Raised, RailError> {
        let mut inner = self.inner();
        inner.asked.push(Asked::Bump);
        if inner.at_bound {
            return Ok(Raised::AtBound);
        }
        Ok(match next(&mut inner.bumps) {
            Some(true) => Raised::Higher(attempt(
                last.kind,
                intent,
                last.eoa_nonce,
                last.max_fee_per_gas_wei * 2,
                at,
            )),
            _ => Raised::NotNow,
        })
    }

    async fn resigning(&self, last: &Attempt, _: u128) -> Result<Resigning, RailError> {
        let (refuse, max_fee_per_gas_wei) = (self.inner().preparation, last.max_fee_per_gas_wei);
        Ok(Resigning {
            preparer: Box::new(FakePreparer { max_fee_per_gas_wei, refuse }),
            chain_next_nonce: last.eoa_nonce + 1,
        })
    }

    async fn fill(
        &self,
        _: Wallet,
        eoa_nonce: u64,
        last: Option<&Attempt>,
        _: u128,
        at: UnixMs,
    ) -> Result<Attempt, RailError> {
        self.inner().asked.push(Asked::Fill(eoa_nonce));
        let fee_wei = last.map_or(1_000, |last| last.max_fee_per_gas_wei * 2);
        Ok(attempt(AttemptKind::Void, PaymentId::new(uuid::Uuid::nil()), eoa_nonce, fee_wei, at))
    }

    async fn void(
        &self,
        intent: PaymentId,
        last: &Attempt,
        _: u128,
        at: UnixMs,
    ) -> Result<Attempt, RailError> {
        self.inner().asked.push(Asked::Void);
        Ok(attempt(AttemptKind::Void, intent, last.eoa_nonce, last.max_fee_per_gas_wei * 2, at))
    }

    async fn ready(&self) -> Result<(), RailError> {
        self.inner().view.clone().map(drop)
    }
}

/// Prepares, or refuses to.
struct FakePreparer {
    max_fee_per_gas_wei: u128,
    refuse: Option<PreparationError>,
}

impl Preparer for FakePreparer {
    fn signer(&self) -> Wallet {
        SIGNER
    }

    fn can_sign(&self) -> Result<(), PreparationError> {
        self.refuse.map_or(Ok(()), Err)
    }

    fn prepare(
        &self,
        intent: PaymentId,
        eoa_nonce: u64,
        at: UnixMs,
    ) -> Result<Attempt, PreparationError> {
        match self.refuse {
            Some(error) => Err(error),
            None => {
                Ok(attempt(AttemptKind::Transfer, intent, eoa_nonce, self.max_fee_per_gas_wei, at))
            }
        }
    }
}
