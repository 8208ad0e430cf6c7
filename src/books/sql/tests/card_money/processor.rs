//! A card processor whose refunds and disputes go every way that the public record knows: pending,
//! failed, failed after they succeeded, in part, lost and then won; with answers that are lost on
//! the way.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use payments::{
    charge::{Charge, PaymentToken, Refund},
    ids::PaymentId,
    money::UsdCents,
    ports::{
        CardError, CardOutcome, CardRail, ChargeFacts, Dispute, DisputeState, NewCharge,
        PreparationError, RefundAnswer, RefundOutcome, TokenView,
    },
    time::UnixMs,
};
use testkit::sim::rng::Rng;

/// What the processor has, and its dice.
pub(super) struct Processor {
    inner: Mutex<Inner>,
}

pub(super) struct Inner {
    pub(super) rng: Rng,
    /// By the name of the payment.
    pub(super) charges: BTreeMap<String, Charged>,
    /// Nothing is lost or undecided any more.
    calm: bool,
}

/// A charge, and where its money is.
#[derive(Default)]
pub(super) struct Charged {
    pub(super) paid: u64,
    pub(super) refunds: Vec<Given>,
    pub(super) disputes: Vec<Dispute>,
}

/// A refund at the processor.
pub(super) struct Given {
    id: String,
    /// The key that we asked under; none for one that was made on the dashboard.
    key: Option<String>,
    pub(super) cents: u64,
    pub(super) outcome: RefundOutcome,
}

// === impl Processor ===

impl Processor {
    pub(super) fn new(rng: Rng) -> Self {
        Self { inner: Mutex::new(Inner { rng, charges: BTreeMap::new(), calm: false }) }
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Nothing is lost any more, and what is pending succeeds.
    pub(super) fn calm_down(&mut self) {
        self.calm = true;
        for given in self.charges.values_mut().flat_map(|charged| charged.refunds.iter_mut()) {
            if given.outcome == RefundOutcome::Pending {
                given.outcome = RefundOutcome::Refunded;
            }
        }
    }

    fn fault(&mut self) -> bool {
        !self.calm && self.rng.chance(150)
    }

    fn refund(&mut self, refund: &Refund) -> Result<RefundAnswer, CardError> {
        let lost = || CardError::Unreachable(String::from("lost"));
        if self.fault() {
            return Err(if self.rng.chance(300) {
                CardError::Busy { retry_after_s: 2 }
            } else {
                lost()
            });
        }
        let (drawn, reply_lost) =
            (self.rng.pick(&[RefundOutcome::Refunded, RefundOutcome::Pending]), self.fault());
        let calm = self.calm;
        let charged = self.charges.entry(refund.payment_intent.clone()).or_default();
        let answer =
            |given: &Given| RefundAnswer { id: Some(given.id.clone()), outcome: given.outcome };
        if let Some(known) =
            charged.refunds.iter().find(|given| given.key.as_ref() == Some(&refund.stripe_key))
        {
            return Ok(answer(known));
        }
        if !refund.state.is_open() {
            return Ok(RefundAnswer { id: None, outcome: RefundOutcome::Refunded });
        }
        if refund.amount_minor > charged.left() {
            let back_minor = charged.refunded().saturating_sub(charged.ours());
            // A disputed charge is refused as that, whatever else is true of it.
            let disputed =
                charged.disputed(DisputeState::Open) + charged.disputed(DisputeState::Lost) > 0;
            let outcome = if back_minor > 0 && !disputed {
                RefundOutcome::Elsewhere { back_minor }
            } else {
                RefundOutcome::Failed
            };
            return Ok(RefundAnswer { id: None, outcome });
        }
        let outcome = if calm { RefundOutcome::Refunded } else { drawn };
        let given = charged.give(Some(refund.stripe_key.clone()), refund.amount_minor, outcome);
        if reply_lost { Err(lost()) } else { Ok(answer(given)) }
    }
}

impl Charged {
    /// Back at the payer, or on its way.
    pub(super) fn refunded(&self) -> u64 {
        self.refunds
            .iter()
            .filter(|given| given.outcome != RefundOutcome::Failed)
            .map(|given| given.cents)
            .sum()
    }

    fn ours(&self) -> u64 {
        let ours = self
            .refunds
            .iter()
            .filter(|given| given.key.is_some() && given.outcome != RefundOutcome::Failed);
        ours.map(|given| given.cents).sum()
    }

    /// In disputes that stand so.
    pub(super) fn disputed(&self, state: DisputeState) -> u64 {
        self.disputes
            .iter()
            .filter(|dispute| dispute.state == state)
            .map(|dispute| dispute.amount_cents)
            .sum()
    }

    /// What can still be refunded or disputed.
    pub(super) fn left(&self) -> u64 {
        let gone =
            self.refunded() + self.disputed(DisputeState::Open) + self.disputed(DisputeState::Lost);
        self.paid.saturating_sub(gone)
    }

    pub(super) fn give(
        &mut self,
        key: Option<String>,
        cents: u64,
        outcome: RefundOutcome,
    ) -> &Given {
        let id = format!("re_{}", self.refunds.len());
        self.refunds.push(Given { id, key, cents, outcome });
        &self.refunds[self.refunds.len() - 1]
    }

    pub(super) fn facts(&self) -> ChargeFacts {
        ChargeFacts {
            refunded_cents: self.refunded(),
            ours_cents: self.ours(),
            disputes: self.disputes.clone(),
            ..ChargeFacts::default()
        }
    }
}

#[async_trait]
impl CardRail for Processor {
    async fn token(&self, _: &PaymentToken) -> Result<TokenView, CardError> {
        Err(CardError::UnknownToken)
    }

    fn prepare(&self, _: PaymentId, _: NewCharge, _: UnixMs) -> Result<Charge, PreparationError> {
        Err(PreparationError::Signing)
    }

    async fn charge(
        &self,
        _: PaymentId,
        _: &Charge,
        _: UsdCents,
        _: UnixMs,
    ) -> Result<CardOutcome, CardError> {
        Err(CardError::Unreachable(String::from("charges are made elsewhere")))
    }

    async fn refund(&self, refund: &Refund, _: UnixMs) -> Result<RefundAnswer, CardError> {
        self.inner().refund(refund)
    }

    async fn facts(&self, payment_intent: &str) -> Result<ChargeFacts, CardError> {
        let mut inner = self.inner();
        if inner.fault() {
            return Err(CardError::Unreachable(String::from("lost")));
        }
        inner.charges.get(payment_intent).map(Charged::facts).ok_or(CardError::UnknownToken)
    }

    async fn ready(&self) -> Result<(), CardError> {
        Ok(())
    }
}
