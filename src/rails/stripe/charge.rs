//! What became of a charge. Money moves in one call only: the saved parameters under the saved key.
//! Everything else here reads, or cancels what can then never be charged.
//!
//! | what is known | what it means |
//! |---|---|
//! | `succeeded`, with exactly the amount | settled; with any other, mischarged |
//! | `processing` | pending |
//! | `requires_action` | cancelled, since no agent can act; failed once it is cancelled |
//! | `requires_payment_method`, `canceled`, a declined card | failed |
//! | a refused token, refused parameters | failed, once the list shows that no earlier try of this very charge paid; at once if there was none |
//! | 424, something that Stripe depends on | failed, once the list shows nothing two minutes later |
//! | an error of ours (key, version) | an operator must look; unknown until then |
//! | anything else | unknown |
//!
//! A 5xx is kept under its key like any answer, so a replayed one will never change: only the list
//! tells then.

use payments::{
    ids::PaymentId,
    money::UsdCents,
    ports::{CardError, CardOutcome},
    settlement::PaymentFailure,
    time::UnixMs,
};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use stripe_core::payment_intent::{
    CancelPaymentIntent, CancelPaymentIntentCancellationReason, RetrievePaymentIntent,
};
use stripe_shared::{ApiErrorsType, PaymentIntentStatus};

use super::{
    StripeRail,
    charge_outcome::{failed, last_word, status, taken},
    http::{Fault, Told, plain_id},
    objects::PaymentIntent,
    refusal::Refusal,
};

/// A charge that failed for something that Stripe depends on, and that the list does not show by
/// then, was not made, in milliseconds.
const DEPENDENCY_MS: i64 = 120_000;
/// A cancellation that Stripe failed at, and keeps so under its key, is asked for under another key
/// after this long, in milliseconds.
const CANCEL_KEY_MS: i64 = 300_000;
/// The word for a payment that needed somebody who was not there.
const AUTHENTICATION_REQUIRED: &str = "authentication_required";

/// One charge of ours.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub intent: PaymentId,
    pub amount: UsdCents,
    pub saved_at: UnixMs,
    pub key: &'a str,
    pub now: UnixMs,
}

impl StripeRail {
    /// Sends the saved parameters, and judges the answer.
    pub(super) async fn send(
        &self,
        asked: Asked<'_>,
        form: String,
    ) -> Result<CardOutcome, CardError> {
        let mut request = RequestBuilder::new(StripeMethod::Post, "/payment_intents");
        request.body = Some(form);
        let first = self.unsent.is_first(asked.intent);
        match self.http.ask::<PaymentIntent>(request, Some(asked.key)).await {
            Ok(told) => self.answered(asked, told).await,
            Err(Fault::Refused(refusal)) => self.refused(asked, *refusal, first).await,
            Err(lost) => Err(lost.into()),
        }
    }

    /// A payment that succeeded has ended. Any other may have moved on since the answer was kept.
    async fn answered(
        &self,
        asked: Asked<'_>,
        told: Told<PaymentIntent>,
    ) -> Result<CardOutcome, CardError> {
        let status = status(&told.object);
        let moves_on = status == PaymentIntentStatus::Processing || told.replayed;
        if status == PaymentIntentStatus::Succeeded || !moves_on {
            return self.judge(asked, told.object).await;
        }
        let current = self.payment_intent(&told.object.id).await?;
        if self.status_of(&current)? == PaymentIntentStatus::Canceled
            && status == PaymentIntentStatus::RequiresAction
        {
            return Ok(failed(AUTHENTICATION_REQUIRED));
        }
        self.judge(asked, current).await
    }

    async fn refused(
        &self,
        asked: Asked<'_>,
        refusal: Refusal,
        first: bool,
    ) -> Result<CardOutcome, CardError> {
        if refusal.status == 402 && refusal.kind() == ApiErrorsType::CardError {
            return match refusal.undecided_payment_intent() {
                Some(id) => self.judge(asked, self.payment_intent(id).await?).await,
                None => Ok(CardOutcome::Failed(refusal.decline())),
            };
        }
        if let Some(failure) = refusal.of_parameters() {
            tracing::error!(intent = %asked.intent, error = %refusal, "stripe.parameters_refused");
            return self.never_begun(asked, failure, first).await;
        }
        if let Some(failure) = refusal.of_token() {
            return self.never_begun(asked, failure, first).await;
        }
        if refusal.status == 424 {
            return self.after_failed_dependency(asked, refusal).await;
        }
        if refusal.status >= 500 && refusal.replayed {
            return self.after_kept_fault(asked, refusal).await;
        }
        Err(Fault::Refused(Box::new(refusal)).into())
    }

    /// The token may be spent because an earlier try of this very charge spent it and its answer
    /// was lost together with its key. The first try had none before it.
    async fn never_begun(
        &self,
        asked: Asked<'_>,
        failure: PaymentFailure,
        first: bool,
    ) -> Result<CardOutcome, CardError> {
        if first {
            return Ok(CardOutcome::Failed(failure));
        }
        match self.judge_all(asked, self.listed(asked).await?).await? {
            Some(outcome) => Ok(outcome),
            None => Ok(CardOutcome::Failed(failure)),
        }
    }

    /// Stripe says that it did not happen. It is believed once its own list has had the time to
    /// show the charge.
    async fn after_failed_dependency(
        &self,
        asked: Asked<'_>,
        refusal: Refusal,
    ) -> Result<CardOutcome, CardError> {
        match self.judge_all(asked, self.listed(asked).await?).await? {
            Some(outcome) => Ok(outcome),
            None if asked.now >= asked.saved_at.plus_ms(DEPENDENCY_MS) => {
                Ok(failed("external_dependency_failed"))
            }
            None => Err(CardError::Unreachable(refusal.to_string())),
        }
    }

    async fn after_kept_fault(
        &self,
        asked: Asked<'_>,
        refusal: Refusal,
    ) -> Result<CardOutcome, CardError> {
        match self.judge_all(asked, self.listed(asked).await?).await? {
            Some(outcome) => Ok(outcome),
            // Nothing is to be seen of it yet. The fault says that Stripe itself does not know: the
            // look-up after the key's life decides.
            None => Err(CardError::Unreachable(refusal.to_string())),
        }
    }

    /// What several payments under one payment id come to: what took money counts, then what still
    /// may.
    pub(super) async fn judge_all(
        &self,
        asked: Asked<'_>,
        found: Vec<PaymentIntent>,
    ) -> Result<Option<CardOutcome>, CardError> {
        let mut worst: Option<Result<CardOutcome, CardError>> = None;
        for payment in found {
            let open = payment.last_payment_error.is_none()
                && status(&payment) == PaymentIntentStatus::RequiresPaymentMethod;
            // Made, and never tried: cancelled, it never will be.
            let outcome = if open {
                self.withdraw(asked, &payment.id, "payment_canceled").await
            } else {
                self.judge(asked, payment).await
            };
            match outcome {
                Ok(taken @ (CardOutcome::Settled(_) | CardOutcome::Mischarged(_))) => {
                    return Ok(Some(taken));
                }
                Ok(CardOutcome::Failed(_)) if worst.is_some() => {}
                other => worst = Some(other),
            }
        }
        worst.transpose()
    }

    /// What a payment, as it is now, means for the charge.
    pub(super) async fn judge(
        &self,
        asked: Asked<'_>,
        payment: PaymentIntent,
    ) -> Result<CardOutcome, CardError> {
        match self.status_of(&payment)? {
            PaymentIntentStatus::RequiresAction | PaymentIntentStatus::RequiresConfirmation => {
                self.withdraw(asked, &payment.id, AUTHENTICATION_REQUIRED).await
            }
            PaymentIntentStatus::RequiresCapture => {
                self.withdraw(asked, &payment.id, "payment_canceled").await?;
                Err(CardError::Misconfigured(String::from(
                    "the charge waited to be captured, and was cancelled",
                )))
            }
            _ => self.ended(asked, payment),
        }
    }

    /// Cancels a payment that is not charged, under a key of its own. Whatever that says, the
    /// payment's state tells what became of it.
    async fn withdraw(
        &self,
        asked: Asked<'_>,
        id: &str,
        why: &str,
    ) -> Result<CardOutcome, CardError> {
        let request = CancelPaymentIntent::new(id)
            .cancellation_reason(CancelPaymentIntentCancellationReason::Abandoned)
            .build();
        let payment =
            match self.http.ask::<PaymentIntent>(request, Some(&cancel_key(asked, id))).await {
                Ok(told) if !told.replayed => told.object,
                Ok(_) | Err(_) => self.payment_intent(id).await?,
            };
        match self.status_of(&payment)? {
            PaymentIntentStatus::Canceled => Ok(failed(why)),
            _ => self.ended(asked, payment),
        }
    }

    /// What a payment means that is left as it is.
    fn ended(&self, asked: Asked<'_>, payment: PaymentIntent) -> Result<CardOutcome, CardError> {
        match self.status_of(&payment)? {
            PaymentIntentStatus::Succeeded => Ok(taken(asked.amount, payment)),
            PaymentIntentStatus::Processing => Ok(CardOutcome::Pending),
            PaymentIntentStatus::RequiresPaymentMethod => {
                Ok(CardOutcome::Failed(last_word(&payment, "card_declined")))
            }
            PaymentIntentStatus::Canceled => {
                Ok(CardOutcome::Failed(last_word(&payment, "payment_canceled")))
            }
            _ => Err(CardError::Unreachable(String::from(
                "the payment is in a state that is not expected",
            ))),
        }
    }

    /// The payment, as it is now.
    pub(super) async fn payment_intent(&self, id: &str) -> Result<PaymentIntent, CardError> {
        if !plain_id(id) {
            return Err(CardError::Unreachable(String::from("the answer names no payment")));
        }
        Ok(self
            .http
            .ask::<PaymentIntent>(RetrievePaymentIntent::new(id).build(), None)
            .await?
            .object)
    }

    /// Its status, once it is known to be a payment of the right mode.
    fn status_of(&self, payment: &PaymentIntent) -> Result<PaymentIntentStatus, CardError> {
        self.same_mode(payment.livemode)?;
        if !plain_id(&payment.id) {
            return Err(CardError::Unreachable(String::from("the answer names no payment")));
        }
        Ok(status(payment))
    }
}

/// A kept fault would never go away: later tries have another key.
fn cancel_key(asked: Asked<'_>, id: &str) -> String {
    let tries = asked.now.ms().saturating_sub(asked.saved_at.ms()).max(0) / CANCEL_KEY_MS;
    format!("cancel_{id}_{tries}")
}
