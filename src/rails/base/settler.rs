//! Settles by our own signer.

use async_trait::async_trait;
use payments::{
    agent::Wallet,
    ids::PaymentId,
    ports::{ChainView, Preparer, RailError, Raised, Resigning, Sent, Settler},
    settlement::{Attempt, AttemptKind, queued_name},
    time::UnixMs,
    x402::verify::{LiveTransfer, SignedAuthorization, VerifiedTransfer},
};

use super::{
    BaseRail,
    calls::{self, address},
    fees,
    node::NoAnswer,
    preparer::BasePreparer,
    signer::Signer,
};

#[async_trait]
impl Settler for BaseRail {
    fn keep(&self, intent: PaymentId, transfer: &LiveTransfer) -> Vec<u8> {
        // Numbers and hex alone: it is always written.
        let saved = serde_json::to_vec(&transfer.to_saved()).unwrap_or_default();
        self.signer.seal(&queued_name(intent), &saved)
    }

    fn kept(&self, intent: PaymentId, sealed: &[u8]) -> Result<VerifiedTransfer, RailError> {
        let not_ready = |why: &dyn std::fmt::Display| {
            RailError::NotReady(format!("the queued authorization of {intent}: {why}"))
        };
        let saved = self
            .signer
            .unseal(&queued_name(intent), sealed)
            .map_err(|unopened| not_ready(&unopened))?;
        let saved: SignedAuthorization =
            serde_json::from_slice(&saved).map_err(|_| not_ready(&"it is not readable"))?;
        VerifiedTransfer::from_saved(saved, &self.token).map_err(|error| not_ready(&error))
    }

    fn preparer(
        &self,
        transfer: &LiveTransfer,
        view: &ChainView,
        gas_wei: u128,
    ) -> Box<dyn Preparer> {
        let cap_wei = fees::cap(AttemptKind::Transfer, self.max_fee_per_gas_wei, gas_wei);
        Box::new(BasePreparer {
            signer: self.signer.clone(),
            token: address(self.token.address()),
            call: calls::settle(transfer),
            price: fees::price(&view.fees, cap_wei, fees::TRANSFER_GAS),
        })
    }

    async fn send(&self, attempt: &Attempt) -> Sent {
        let tx_hash = attempt.tx_hash;
        let raw = match self.signer.open(attempt) {
            Ok(raw) => raw,
            Err(error) => {
                tracing::error!(%tx_hash, %error, "settlement.not_sent");
                return Sent::Unknown;
            }
        };
        match self.node.send_raw(&raw).await {
            Ok(answered) if answered.0 == tx_hash.0 => Sent::Accepted,
            Ok(answered) => {
                tracing::warn!(%tx_hash, %answered, "settlement.named_otherwise");
                Sent::Unknown
            }
            // "already known", "nonce too low", "underpriced": all of them are possible when it was
            // taken before.
            Err(NoAnswer::Refused(refusal)) => {
                tracing::info!(%tx_hash, code = refusal.code, message = refusal.message, "settlement.not_taken");
                Sent::Unknown
            }
            Err(NoAnswer::Lost(error)) => {
                tracing::warn!(%tx_hash, %error, "settlement.send_not_known");
                Sent::Unknown
            }
        }
    }

    fn signers(&self) -> Vec<Wallet> {
        std::iter::once(&self.signer)
            .chain(&self.others)
            .chain(&self.refunds)
            .map(Signer::wallet)
            .collect()
    }

    async fn bump(
        &self,
        _: PaymentId,
        last: &Attempt,
        gas_wei: u128,
        at: UnixMs,
    ) -> Result<Raised, RailError> {
        self.raise(last, gas_wei, at).await
    }

    async fn resigning(&self, last: &Attempt, gas_wei: u128) -> Result<Resigning, RailError> {
        self.sign_anew(last, gas_wei).await
    }

    async fn fill(
        &self,
        signer: Wallet,
        eoa_nonce: u64,
        last: Option<&Attempt>,
        gas_wei: u128,
        at: UnixMs,
    ) -> Result<Attempt, RailError> {
        self.fill_nonce(signer, eoa_nonce, last, gas_wei, at).await
    }

    async fn void(
        &self,
        _: PaymentId,
        last: &Attempt,
        gas_wei: u128,
        at: UnixMs,
    ) -> Result<Attempt, RailError> {
        self.empty(last, gas_wei, at).await
    }

    async fn ready(&self) -> Result<(), RailError> {
        self.check_ready().await
    }
}
