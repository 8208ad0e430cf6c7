//! A card processor that says what it is told and remembers what it was asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use crate::{memory::MemoryBooks, upstream::next};
use payments::{
    agent::Payer,
    charge::{Charge, ChargeProof, PaymentToken, Refund},
    ids::PaymentId,
    money::UsdCents,
    ports::{
        AgentTokens, CardError, CardOutcome, CardRail, ChargeFacts, NewCharge, PreparationError,
        RefundAnswer, RefundOutcome, StablePayer, TokenView,
    },
    time::UnixMs,
};

type Said = Result<CardOutcome, CardError>;

/// The processor. The last thing that it was told to say is said for ever; told nothing, it charges
/// what it is asked for.
pub struct FakeCards {
    books: Arc<MemoryBooks>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    says: VecDeque<Said>,
    keys: Vec<String>,
    refunds: VecDeque<Result<RefundOutcome, CardError>>,
}

/// Proof that this intent was charged.
pub fn charge_proof(intent: PaymentId) -> ChargeProof {
    ChargeProof {
        payment_intent: format!("pi_{intent}"),
        charge: Some(format!("ch_{intent}")),
        livemode: false,
    }
}

// === impl FakeCards ===

impl FakeCards {
    /// A processor that panics when it is asked for a charge that these books did not save, or that
    /// was wiped.
    pub fn new(books: Arc<MemoryBooks>) -> Self {
        Self { books, inner: Mutex::default() }
    }

    /// What it says next of charges.
    pub fn say_next(&self, says: impl IntoIterator<Item = Said>) {
        self.inner().says = says.into_iter().collect();
    }

    /// What it says next of refunds.
    pub fn refund_next(&self, says: impl IntoIterator<Item = Result<RefundOutcome, CardError>>) {
        self.inner().refunds = says.into_iter().collect();
    }

    /// The keys that charges were asked for under, in order.
    pub fn keys(&self) -> Vec<String> {
        self.inner().keys.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CardRail for FakeCards {
    async fn token(&self, _: &PaymentToken) -> Result<TokenView, CardError> {
        Ok(TokenView {
            payer: StablePayer::CardFingerprint(String::from("fingerprint")),
            agent_profile: None,
            livemode: false,
            deactivated: None,
            currency: Some(String::from("usd")),
            left_minor: Some(1_200),
            expires_unix_s: None,
        })
    }

    fn prepare(
        &self,
        intent: PaymentId,
        charge: NewCharge,
        at: UnixMs,
    ) -> Result<Charge, PreparationError> {
        let NewCharge { key, agent_token_sha256, .. } = charge;
        let stripe_key = Charge::stripe_key_of(intent);
        Ok(Charge {
            key,
            stripe_key,
            sealed_params: b"sealed".to_vec(),
            agent_token_sha256,
            saved_at: at,
        })
    }

    async fn charge(&self, intent: PaymentId, charge: &Charge, _: UsdCents, _: UnixMs) -> Said {
        let saved =
            self.books.audit(|books| books.intent(intent).and_then(|intent| intent.charge.clone()));
        assert!(
            saved.as_ref() == Some(charge) && !charge.sealed_params.is_empty(),
            "asked for a charge that was not saved"
        );
        let mut inner = self.inner();
        inner.keys.push(charge.stripe_key.clone());
        next(&mut inner.says).unwrap_or_else(|| Ok(CardOutcome::Settled(charge_proof(intent))))
    }

    async fn refund(&self, _: &Refund, _: UnixMs) -> Result<RefundAnswer, CardError> {
        let outcome = next(&mut self.inner().refunds).unwrap_or(Ok(RefundOutcome::Refunded));
        outcome.map(|outcome| RefundAnswer { id: Some(String::from("re_1")), outcome })
    }

    async fn facts(&self, _: &str) -> Result<ChargeFacts, CardError> {
        Ok(ChargeFacts::default())
    }

    async fn ready(&self) -> Result<(), CardError> {
        Ok(())
    }
}

/// Agent tokens that anybody could make: `tpk_<payer>_<payment>`.
pub struct PlainTokens;

impl AgentTokens for PlainTokens {
    fn token_of(&self, payer: &Payer, intent: PaymentId) -> String {
        format!("tpk_{payer}_{intent}")
    }

    fn token_with_sha256(
        &self,
        payer: &Payer,
        intent: PaymentId,
        sha256: &[u8; 32],
    ) -> Option<String> {
        (self.sha256_of(payer, intent) == *sha256).then(|| self.token_of(payer, intent))
    }

    fn token_at(&self, payer: &Payer, holder: PaymentId, rotation: u32) -> String {
        format!("{}_{rotation}", self.token_of(payer, holder))
    }

    fn token_at_with_sha256(
        &self,
        payer: &Payer,
        holder: PaymentId,
        _: u32,
        sha256: &[u8; 32],
    ) -> Option<String> {
        self.token_with_sha256(payer, holder, sha256)
    }
}
