//! Money on its way back to a card (<https://docs.stripe.com/api/refunds>).

use std::collections::HashMap;

use payments::{
    charge::Refund,
    ports::{CardError, RefundOutcome},
    time::UnixMs,
};
use stripe_client_core::StripeRequest;
use stripe_core::refund::{CreateRefund, CreateRefundReason, ListRefund, RetrieveRefund};
use stripe_shared::ApiErrorsType;

use super::{
    StripeRail,
    find::KEY_LIFE_MS,
    http::{Fault, plain_id},
    objects::{self, PAYMENT_ID, Page, names},
    refusal::Refusal,
};

/// How far the processor's clock may be from ours.
const SKEW_S: i64 = 600;
/// A payment has at most a few refunds.
const PAGE: i64 = 100;

impl StripeRail {
    /// Asks for the refund under its key. Where the key no longer answers, the list of the payment's refunds is asked first.
    pub(super) async fn give_back(&self, refund: &Refund, now: UnixMs) -> Result<RefundOutcome, CardError> {
        if now >= refund.approved_at.plus_ms(KEY_LIFE_MS)
            && let Some(ours) = self.refunds_of(refund).await?.into_iter().find(|it| is_ours(it, refund))
        {
            return outcome(ours.status.as_deref());
        }
        match self.http.ask::<objects::Refund>(form(refund)?, Some(&refund.stripe_key)).await {
            Ok(told) => match outcome(told.object.status.as_deref())? {
                RefundOutcome::Pending => self.refund_now(&told.object.id).await,
                decided => Ok(decided),
            },
            Err(Fault::Refused(refusal)) => self.refund_refused(refund, *refusal).await,
            Err(lost) => Err(lost.into()),
        }
    }

    /// A kept answer says what was true then.
    async fn refund_now(&self, id: &str) -> Result<RefundOutcome, CardError> {
        if !plain_id(id) {
            return Err(CardError::Unreachable(String::from("the answer names no refund")));
        }
        let told = self.http.ask::<objects::Refund>(RetrieveRefund::new(id).build(), None).await?;
        outcome(told.object.status.as_deref())
    }

    async fn refund_refused(&self, refund: &Refund, refusal: Refusal) -> Result<RefundOutcome, CardError> {
        let kept_fault = refusal.status >= 500 && refusal.replayed;
        let for_good = matches!(refusal.status, 400 | 402 | 404)
            && refusal.kind() == ApiErrorsType::InvalidRequestError
            && !refusal.is_about_our_parameters();
        if !kept_fault && !for_good {
            return Err(Fault::Refused(Box::new(refusal)).into());
        }
        if refusal.status == 404 {
            return Err(CardError::Misconfigured(refusal.to_string()));
        }
        let all = self.refunds_of(refund).await?;
        if let Some(ours) = all.iter().find(|it| is_ours(it, refund)) {
            return outcome(ours.status.as_deref());
        }
        // Given back by hand at the processor: the money went where it should.
        let back = all.iter().filter(|it| it.status.as_deref() == Some("succeeded")).map(|it| it.amount);
        let back = back.fold(0_u64, u64::saturating_add);
        match (kept_fault, refusal.has_code("charge_already_refunded")) {
            (true, _) => Err(CardError::Unreachable(refusal.to_string())),
            (false, true) if back >= refund.amount_minor => Ok(RefundOutcome::Refunded),
            (false, true) => Ok(RefundOutcome::Pending),
            (false, false) => Ok(RefundOutcome::Failed),
        }
    }

    async fn refunds_of(&self, refund: &Refund) -> Result<Vec<objects::Refund>, CardError> {
        let request = ListRefund::new().payment_intent(refund.payment_intent.clone()).limit(PAGE).build();
        let page = self.http.ask::<Page<objects::Refund>>(request, None).await?.object;
        if page.has_more { Err(CardError::Unreachable(String::from("the payment has too many refunds to read"))) } else { Ok(page.data) }
    }
}

fn form(refund: &Refund) -> Result<stripe_client_core::RequestBuilder, CardError> {
    let amount = i64::try_from(refund.amount_minor).map_err(|_| CardError::Misconfigured(String::from("the refund is too large")))?;
    let metadata = HashMap::from([(PAYMENT_ID.to_owned(), refund.intent.to_string())]);
    let request = CreateRefund::new().payment_intent(refund.payment_intent.clone()).amount(amount);
    Ok(request.reason(CreateRefundReason::RequestedByCustomer).metadata(metadata).build())
}

/// The one that this approval asked for; a failed one of an earlier approval is another.
fn is_ours(found: &objects::Refund, refund: &Refund) -> bool {
    names(found.metadata.as_ref(), refund.intent) && found.created >= refund.approved_at.plus_s(-SKEW_S).unix_s()
}

fn outcome(status: Option<&str>) -> Result<RefundOutcome, CardError> {
    match status {
        Some("succeeded") => Ok(RefundOutcome::Refunded),
        Some("pending" | "requires_action") => Ok(RefundOutcome::Pending),
        Some("failed" | "canceled") => Ok(RefundOutcome::Failed),
        _ => Err(CardError::Unreachable(String::from("the refund is in a state that is not expected"))),
    }
}
