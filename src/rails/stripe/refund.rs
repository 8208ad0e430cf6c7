//! Money on its way back to a card (<https://docs.stripe.com/api/refunds>).

use std::collections::HashMap;

use payments::{
    charge::Refund,
    ports::{CardError, RefundAnswer, RefundOutcome, UnrecognisedState},
    time::UnixMs,
};
use stripe_client_core::StripeRequest;
use stripe_core::refund::{CreateRefund, CreateRefundReason, ListRefund, RetrieveRefund};
use stripe_shared::ApiErrorsType;

use super::{
    StripeRail,
    find::KEY_LIFE_MS,
    http::{Fault, plain_id},
    objects::{self, BOOKS, PAYMENT_ID, Page, names},
    refusal::Refusal,
};

/// The name of an approval's key in the metadata of its refund.
const REFUND_KEY: &str = "gateway_refund_key";
/// How far the processor's clock may be from ours.
const SKEW_S: i64 = 600;
/// A payment has at most a few refunds.
const PAGE: i64 = 100;

impl StripeRail {
    /// Asks for the refund under its key, or looks at it where its name is known. Where the key may
    /// not answer, and where an earlier approval may have reached it, the list of the payment's
    /// refunds is asked first.
    pub(super) async fn give_back(
        &self,
        refund: &Refund,
        now: UnixMs,
    ) -> Result<RefundAnswer, CardError> {
        if let Some(id) = &refund.refund_id {
            return self.refund_now(id).await;
        }
        let may_ask = refund.state.is_open();
        if refund.approvals > 1 || !may_ask || now >= refund.approved_at.plus_ms(KEY_LIFE_MS) {
            let all = self.refunds_of(&refund.payment_intent).await?;
            match all.iter().find(|it| is_ours(it, refund)) {
                Some(ours) => return answer(ours),
                // Given back by other means, and booked so.
                None if !may_ask => {
                    return Ok(RefundAnswer { id: None, outcome: RefundOutcome::Refunded });
                }
                None => {}
            }
        }
        match self.http.ask::<objects::Refund>(self.form(refund)?, Some(&refund.stripe_key)).await {
            Ok(told) => match answer(&told.object)? {
                RefundAnswer { outcome: RefundOutcome::Pending, .. } => {
                    self.refund_now(&told.object.id).await
                }
                _ if told.replayed => self.refund_now(&told.object.id).await,
                decided => Ok(decided),
            },
            Err(Fault::Refused(refusal)) => self.refund_refused(refund, *refusal).await,
            Err(lost) => Err(lost.into()),
        }
    }

    /// A kept answer says what was true then.
    async fn refund_now(&self, id: &str) -> Result<RefundAnswer, CardError> {
        if !plain_id(id) {
            return Err(CardError::Unreachable(String::from("the answer names no refund")));
        }
        let told = self.http.ask::<objects::Refund>(RetrieveRefund::new(id).build(), None).await?;
        answer(&told.object)
    }

    async fn refund_refused(
        &self,
        refund: &Refund,
        refusal: Refusal,
    ) -> Result<RefundAnswer, CardError> {
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
        let all = self.refunds_of(&refund.payment_intent).await?;
        if let Some(ours) = all.iter().find(|it| is_ours(it, refund)) {
            return answer(ours);
        }
        let outcome = match (kept_fault, refusal.has_code("charge_already_refunded")) {
            (true, _) => return Err(CardError::Unreachable(refusal.to_string())),
            (false, true) => RefundOutcome::Elsewhere { back_minor: elsewhere(&all) },
            (false, false) => RefundOutcome::Failed,
        };
        Ok(RefundAnswer { id: None, outcome })
    }

    fn form(&self, refund: &Refund) -> Result<stripe_client_core::RequestBuilder, CardError> {
        let amount = i64::try_from(refund.amount_minor)
            .map_err(|_| CardError::Misconfigured(String::from("the refund is too large")))?;
        let names = [
            (PAYMENT_ID.to_owned(), refund.intent.to_string()),
            (REFUND_KEY.to_owned(), refund.stripe_key.clone()),
        ];
        let books = self.books.clone().map(|name| (BOOKS.to_owned(), name));
        let metadata: HashMap<String, String> = names.into_iter().chain(books).collect();
        let request =
            CreateRefund::new().payment_intent(refund.payment_intent.clone()).amount(amount);
        Ok(request.reason(CreateRefundReason::RequestedByCustomer).metadata(metadata).build())
    }

    pub(super) async fn refunds_of(
        &self,
        payment_intent: &str,
    ) -> Result<Vec<objects::Refund>, CardError> {
        let request =
            ListRefund::new().payment_intent(payment_intent.to_owned()).limit(PAGE).build();
        let page = self.http.ask::<Page<objects::Refund>>(request, None).await?.object;
        if page.has_more {
            Err(CardError::Unreachable(String::from("the payment has too many refunds to read")))
        } else {
            Ok(page.data)
        }
    }
}

fn elsewhere(all: &[objects::Refund]) -> u64 {
    let back = given_back(all);
    back.total_cents.saturating_sub(back.ours_cents)
}

/// What went back of a charge, by refunds that did not fail.
#[derive(Default)]
pub(super) struct GivenBack {
    pub total_cents: u64,
    /// Of that, by those that we asked for.
    pub ours_cents: u64,
    /// Refunds in a state that is not known here; they count nowhere.
    pub unrecognised: Vec<UnrecognisedState>,
}

/// Adds the refunds of a charge up.
pub(super) fn given_back(all: &[objects::Refund]) -> GivenBack {
    let mut back = GivenBack::default();
    for refund in all {
        match outcome(refund.status.as_deref()) {
            Ok(RefundOutcome::Failed) => {}
            Ok(
                RefundOutcome::Refunded | RefundOutcome::Pending | RefundOutcome::Elsewhere { .. },
            ) => {
                back.total_cents = back.total_cents.saturating_add(refund.amount);
                let is_ours = refund
                    .metadata
                    .as_ref()
                    .is_some_and(|metadata| metadata.contains_key(PAYMENT_ID));
                back.ours_cents =
                    back.ours_cents.saturating_add(if is_ours { refund.amount } else { 0 });
            }
            Err(_) => {
                let word = |text: Option<&str>| {
                    text.filter(|text| plain_id(text)).unwrap_or("unknown").to_owned()
                };
                back.unrecognised.push(UnrecognisedState {
                    id: word(Some(&refund.id)),
                    status: word(refund.status.as_deref()),
                });
            }
        }
    }
    back
}

/// The one that this approval asked for; a failed one of an earlier approval is another. Refunds of
/// earlier releases do not name their key.
fn is_ours(found: &objects::Refund, refund: &Refund) -> bool {
    let key = found.metadata.as_ref().and_then(|metadata| metadata.get(REFUND_KEY));
    let since = refund.approved_at.plus_s(-SKEW_S).unix_s();
    names(found.metadata.as_ref(), refund.intent)
        && key.map_or(found.created >= since, |key| *key == refund.stripe_key)
}

fn answer(found: &objects::Refund) -> Result<RefundAnswer, CardError> {
    let id = plain_id(&found.id).then(|| found.id.clone());
    Ok(RefundAnswer { id, outcome: outcome(found.status.as_deref())? })
}

fn outcome(status: Option<&str>) -> Result<RefundOutcome, CardError> {
    match status {
        Some("succeeded") => Ok(RefundOutcome::Refunded),
        Some("pending" | "requires_action") => Ok(RefundOutcome::Pending),
        Some("failed" | "canceled") => Ok(RefundOutcome::Failed),
        _ => Err(CardError::Unreachable(String::from(
            "the refund is in a state that is not expected",
        ))),
    }
}
