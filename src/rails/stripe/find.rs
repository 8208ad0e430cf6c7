//! Finding a charge by our payment id, where its key no longer answers.
//!
//! Search lags behind by a minute as a rule and by an hour at worst, and does not exist everywhere:
//! it is asked first, because it is one call, but only the list, which knows every payment at once,
//! may say that none of them took money. Nothing is sent after the life of the key, so a charge
//! that the complete list does not show an hour after that was never made and never will be.

use payments::{
    ports::{CardError, CardOutcome},
    settlement::PaymentFailure,
};
use stripe_client_core::StripeRequest;
use stripe_core::payment_intent::{ListPaymentIntent, SearchPaymentIntent};
use stripe_types::RangeQueryTs;

use super::{
    StripeRail,
    charge::Asked,
    objects::{PAYMENT_ID, Page, PaymentIntent, names},
};

/// Stripe answers a key for at least this long. The last ten minutes are left to clocks that differ
/// and calls that are slow.
pub(super) const KEY_LIFE_MS: i64 = (24 * 60 - 10) * 60_000;
/// From here on an absent charge is a charge that was never made.
const ABSENT_FROM_MS: i64 = 25 * 60 * 60_000;
/// How far the processor's clock may be from ours.
const SKEW_S: i64 = 600;
/// Search is worth asking from this age on.
const SEARCHABLE_FROM_MS: i64 = 60 * 60_000;
const PAGE: i64 = 100;
/// More pages than this are not read: the list is then not complete, and says nothing of what it
/// does not show.
const MOST_PAGES: usize = 100;

impl StripeRail {
    /// What became of a charge that may no longer be sent.
    pub(super) async fn look_up(&self, asked: Asked<'_>) -> Result<CardOutcome, CardError> {
        if asked.now >= asked.saved_at.plus_ms(SEARCHABLE_FROM_MS) {
            match self.judge_all(asked, self.searched(asked).await).await? {
                None | Some(CardOutcome::Failed(_)) => {}
                Some(outcome) => return Ok(outcome),
            }
        }
        match self.judge_all(asked, self.listed(asked).await?).await? {
            Some(outcome) => Ok(outcome),
            None if asked.now >= asked.saved_at.plus_ms(ABSENT_FROM_MS) => Ok(CardOutcome::Failed(
                PaymentFailure::Declined(String::from("payment_never_made")),
            )),
            None => Err(CardError::Unreachable(String::from(
                "it does not show the charge, and it is too early to say that there is none",
            ))),
        }
    }

    /// What search knows; its hits are read again, because they may be old too. Without an answer,
    /// nothing: the list is asked then.
    async fn searched(&self, asked: Asked<'_>) -> Vec<PaymentIntent> {
        let request =
            SearchPaymentIntent::new(format!("metadata['{PAYMENT_ID}']:'{}'", asked.intent))
                .limit(10_i64)
                .build();
        let Ok(told) = self.http.ask::<Page<PaymentIntent>>(request, None).await else {
            return Vec::new();
        };
        let mut current = Vec::new();
        for hit in
            told.object.data.into_iter().filter(|hit| names(hit.metadata.as_ref(), asked.intent))
        {
            match self.payment_intent(&hit.id).await {
                Ok(payment) => current.push(payment),
                Err(_) => return Vec::new(),
            }
        }
        current
    }

    /// Every payment under our payment id, from all that were made while the charge could be sent.
    pub(super) async fn listed(&self, asked: Asked<'_>) -> Result<Vec<PaymentIntent>, CardError> {
        let from = asked.saved_at.plus_s(-SKEW_S).unix_s();
        let until = asked.saved_at.plus_ms(ABSENT_FROM_MS).unix_s();
        let mut window = RangeQueryTs::gte(from);
        if let RangeQueryTs::Bounds(bounds) = &mut window {
            bounds.lte = Some(until);
        }
        let (mut found, mut after) = (Vec::new(), None::<String>);
        for _ in 0..MOST_PAGES {
            let mut request = ListPaymentIntent::new().created(window).limit(PAGE);
            if let Some(after) = after {
                request = request.starting_after(after);
            }
            let Page { data, has_more } =
                self.http.ask::<Page<PaymentIntent>>(request.build(), None).await?.object;
            after = data.last().map(|payment| payment.id.clone());
            found.extend(
                data.into_iter().filter(|payment| names(payment.metadata.as_ref(), asked.intent)),
            );
            if !has_more {
                return Ok(found);
            }
            if after.is_none() {
                break;
            }
        }
        if found.is_empty() {
            Err(CardError::Unreachable(String::from(
                "the list of payments cannot be read to its end",
            )))
        } else {
            Ok(found)
        }
    }
}
