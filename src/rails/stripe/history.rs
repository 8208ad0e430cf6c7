//! Lists of what Stripe has done for us, by the time when each thing was made
//! (<https://docs.stripe.com/api/pagination>).

use std::collections::BTreeMap;

use async_trait::async_trait;
use miniserde::Deserialize;
use payments::ports::{CardError, CardHistory, CardPayment, Window};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::{
    StripeRail,
    http::{Fault, plain_id},
    objects::{BOOKS, ListedMove, ListedPayment, PAYMENT_ID, Page},
};

const PAGE: &str = "100";
/// More pages than this are not read: the list is then not complete.
const MOST_PAGES: usize = 200;

/// What a page needs to know of an object.
pub(super) trait Listed {
    /// The place after which the next page begins.
    fn id(&self) -> &str;
    /// Of real money; none where the object does not say.
    fn livemode(&self) -> Option<bool>;
}

impl StripeRail {
    /// Not made by another gateway of the same account. What was made before books had a name has
    /// none.
    fn of_these_books(&self, listed: &ListedPayment) -> bool {
        let named = listed.metadata.as_ref().and_then(|metadata| metadata.get(BOOKS));
        match (&self.books, named) {
            (Some(ours), Some(named)) => named == ours,
            (None, _) | (_, None) => true,
        }
    }

    /// Everything of one kind that was made in this time, or at all.
    pub(super) async fn all<T>(
        &self,
        path: &str,
        made: Option<Window>,
        further: &[(&str, &str)],
    ) -> Result<Vec<T>, CardError>
    where
        T: Deserialize + Listed + Send,
        Page<T>: Deserialize + Send,
    {
        let bounds =
            made.map(|made| (made.from.unix_s().to_string(), made.until.unix_s().to_string()));
        let (mut all, mut after) = (Vec::<T>::new(), None::<String>);
        for _ in 0..MOST_PAGES {
            let mut filter = BTreeMap::from([("limit", PAGE)]);
            if let Some((from, until)) = &bounds {
                filter.extend([("created[gte]", from.as_str()), ("created[lte]", until.as_str())]);
            }
            filter.extend(further.iter().copied());
            if let Some(after) = &after {
                filter.insert("starting_after", after);
            }
            let request = RequestBuilder::new(StripeMethod::Get, path).query(&filter);
            let Page { data, has_more } = self.http.ask::<Page<T>>(request, None).await?.object;
            for object in &data {
                object.livemode().map_or(Ok(()), |livemode| self.same_mode(livemode))?;
            }
            after = data.last().map(|object| object.id().to_owned());
            all.extend(data);
            if !has_more {
                return Ok(all);
            }
            if after.is_none() {
                break;
            }
        }
        Err(CardError::Unreachable(format!("the list {path} cannot be read to its end")))
    }
}

#[async_trait]
impl CardHistory for StripeRail {
    async fn payments(&self, made: Window) -> Result<Vec<CardPayment>, CardError> {
        let listed = self
            .all::<ListedPayment>(
                "/payment_intents",
                Some(made),
                &[("expand[0]", "data.latest_charge")],
            )
            .await?;
        Ok(listed.into_iter().filter(|it| self.of_these_books(it)).map(payment).collect())
    }

    async fn payment(&self, id: &str) -> Result<Option<CardPayment>, CardError> {
        if !plain_id(id) {
            return Ok(None);
        }
        let request = RequestBuilder::new(StripeMethod::Get, format!("/payment_intents/{id}"));
        let request = request.query(&BTreeMap::from([("expand[0]", "latest_charge")]));
        match self.http.ask::<ListedPayment>(request, None).await {
            Ok(told) => {
                self.same_mode(told.object.livemode)?;
                Ok(Some(payment(told.object)))
            }
            Err(Fault::Refused(refusal))
                if refusal.status == 404 && refusal.has_code("resource_missing") =>
            {
                Ok(None)
            }
            Err(fault) => Err(fault.into()),
        }
    }

    async fn given_back(&self, made: Window) -> Result<Vec<String>, CardError> {
        let mut payments = Vec::new();
        for path in ["/refunds", "/disputes", "/radar/early_fraud_warnings"] {
            let listed = match self.all::<ListedMove>(path, Some(made), &[]).await {
                // A key that may not read warnings still compares the rest.
                Err(CardError::Misconfigured(why)) if path.starts_with("/radar") => {
                    tracing::warn!(why, "stripe.fraud_warnings_unreadable");
                    continue;
                }
                listed => listed?,
            };
            payments.extend(
                listed.into_iter().filter_map(|it| it.payment_intent).filter(|id| plain_id(id)),
            );
        }
        payments.sort_unstable();
        payments.dedup();
        Ok(payments)
    }
}

fn payment(listed: ListedPayment) -> CardPayment {
    let named = listed.metadata.as_ref().and_then(|metadata| metadata.get(PAYMENT_ID));
    CardPayment {
        payment: named.and_then(|text| text.parse().ok()),
        succeeded: listed.status == "succeeded",
        received_minor: listed.amount_received,
        currency: listed.currency.to_ascii_lowercase(),
        refunded_minor: listed.latest_charge.map_or(0, |charge| charge.amount_refunded),
        id: listed.id,
    }
}
