//! Our balance at Stripe: its entries, payouts, and what it holds
//! (<https://docs.stripe.com/api/balance_transactions>).

use std::collections::BTreeMap;

use async_trait::async_trait;
use miniserde::json::Value;
use payments::{
    clearing::{BalanceEntry, CentsMoved, Payout, PayoutState},
    ports::{CardBalance, CardError, Window},
    time::UnixMs,
};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::{
    StripeRail,
    http::plain_id,
    objects::{Balance, Held, ListedEntry, ListedPayout, Page},
};

const ENTRIES: &str = "/balance_transactions";
/// What an entry is about comes with it.
const WITH_SOURCE: (&str, &str) = ("expand[0]", "data.source");

#[async_trait]
impl CardBalance for StripeRail {
    async fn entries(&self, made: Window) -> Result<Vec<BalanceEntry>, CardError> {
        read(self.all::<ListedEntry>(ENTRIES, Some(made), &[WITH_SOURCE]).await?)
    }

    async fn entries_of(&self, source: &str) -> Result<Vec<BalanceEntry>, CardError> {
        if !plain_id(source) {
            return Ok(Vec::new());
        }
        read(self.all::<ListedEntry>(ENTRIES, None, &[WITH_SOURCE, ("source", source)]).await?)
    }

    async fn entries_in(&self, payout: &str) -> Result<Vec<BalanceEntry>, CardError> {
        read(self.all::<ListedEntry>(ENTRIES, None, &[WITH_SOURCE, ("payout", payout)]).await?)
    }

    async fn newest_entry(&self) -> Result<Option<BalanceEntry>, CardError> {
        let filter = BTreeMap::from([("limit", "1"), WITH_SOURCE]);
        let request = RequestBuilder::new(StripeMethod::Get, ENTRIES).query(&filter);
        let page = self.http.ask::<Page<ListedEntry>>(request, None).await?.object;
        page.data.into_iter().next().map(entry).transpose()
    }

    async fn payouts(&self, made: Window) -> Result<Vec<Payout>, CardError> {
        let listed = self.all::<ListedPayout>("/payouts", Some(made), &[]).await?;
        Ok(listed.into_iter().filter(|it| plain_id(&it.id)).map(payout).collect())
    }

    async fn payout(&self, id: &str) -> Result<Payout, CardError> {
        let request = RequestBuilder::new(StripeMethod::Get, format!("/payouts/{id}"));
        let told = self.http.ask::<ListedPayout>(request, None).await?.object;
        self.same_mode(told.livemode)?;
        Ok(payout(told))
    }

    async fn held(&self) -> Result<CentsMoved, CardError> {
        let balance = self
            .http
            .ask::<Balance>(RequestBuilder::new(StripeMethod::Get, "/balance"), None)
            .await?
            .object;
        self.same_mode(balance.livemode)?;
        let of_usd = |held: &&Held| held.currency.eq_ignore_ascii_case("usd");
        let all = balance.available.iter().chain(&balance.pending).filter(of_usd);
        let sum = all
            .map(|held| CentsMoved::new(held.amount))
            .try_fold(CentsMoved::ZERO, CentsMoved::checked_add);
        sum.ok_or_else(|| {
            CardError::Unreachable(String::from("the balance is more than can be held"))
        })
    }
}

fn read(listed: Vec<ListedEntry>) -> Result<Vec<BalanceEntry>, CardError> {
    listed.into_iter().map(entry).collect()
}

fn entry(listed: ListedEntry) -> Result<BalanceEntry, CardError> {
    let odd = |why: &str| CardError::Unreachable(format!("an entry of the balance {why}"));
    if !plain_id(&listed.id) {
        return Err(odd("has no name"));
    }
    let (source, payment) = match &listed.source {
        Some(Value::String(id)) => (Some(id.clone()), None),
        Some(Value::Object(object)) => (text(object.get("id")), text(object.get("payment_intent"))),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) | None => {
            (None, None)
        }
    };
    let entry = BalanceEntry {
        kind: listed.kind,
        category: listed.reporting_category.unwrap_or_default(),
        source: source.filter(|id| plain_id(id)),
        payment: payment.filter(|id| plain_id(id)),
        amount_minor: listed.amount,
        fee_minor: listed.fee,
        currency: listed.currency.to_ascii_lowercase(),
        created: UnixMs::from_s(listed.created),
        id: listed.id,
    };
    if entry.net_minor() == Some(listed.net) { Ok(entry) } else { Err(odd("does not add up")) }
}

fn text(value: Option<&Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) | None => None,
    }
}

fn payout(listed: ListedPayout) -> Payout {
    let state = match listed.status.as_str() {
        "pending" | "in_transit" => PayoutState::OnItsWay,
        "paid" => PayoutState::Paid,
        "failed" | "canceled" => PayoutState::Failed,
        _ => PayoutState::Unrecognised,
    };
    Payout {
        id: listed.id,
        amount_minor: listed.amount,
        currency: listed.currency.to_ascii_lowercase(),
        automatic: listed.automatic,
        still_naming: listed.reconciliation_status.as_deref() == Some("in_progress"),
        state,
        status: if plain_id(&listed.status) { listed.status } else { String::from("unknown") },
        created: UnixMs::from_s(listed.created),
    }
}
