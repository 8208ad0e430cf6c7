//! What a `[[route]]` asks of who calls it, from its price, its free calls and its credits; and
//! which of its offers hold on the rails that are there.

use std::num::NonZeroU32;

use payments::{
    money::{MoneyError, UsdCents, UsdcUnits},
    rail::{Rail, RailPrice, RailPrices, RailsHere},
    route::{Access, Quota, Terms},
};
use toml::{Table, Value};

use super::{Profile, ProfileError, raw, read_quota::Quotas, route::Target};
use crate::strict_toml::{self, Mistake};

/// The access of a route, and the rails that it offers only where they can take the price; a route
/// with mistakes gets any.
pub(super) fn access(
    place: &str,
    raw: &raw::Route,
    quotas: &Quotas,
    mistakes: &mut Vec<Mistake>,
) -> (Access, Vec<Rail>) {
    let price_place = format!("{place}.price");
    let table = match &raw.price {
        Some(Value::String(word)) if word == "free" => {
            return (unpriced(place, raw, mistakes), Vec::new());
        }
        Some(Value::Table(table)) => table,
        _ => {
            let text = "expected \"free\" or { x402 = \"0.55\", mpp = \"0.60\" }";
            mistakes.push(Mistake::new(price_place, text));
            return (Access::Identified, Vec::new());
        }
    };
    let (prices, if_available) = prices(&price_place, table, mistakes);
    if table.is_empty() {
        mistakes.push(Mistake::new(price_place, "names no rail; expected x402, mpp or both"));
    }
    if raw.identity == Some(raw::Identity::None) {
        mistakes.push(Mistake::new(place, "a priced route needs identity = \"required\""));
    }
    let free = raw.quota.as_deref().and_then(|name| free(place, name, table, quotas, mistakes));
    let Some(offers) = RailPrices::new(prices) else { return (Access::Identified, if_available) };
    (Access::Priced(Terms { offers, free, credits: NonZeroU32::new(raw.credits) }), if_available)
}

fn unpriced(place: &str, raw: &raw::Route, mistakes: &mut Vec<Mistake>) -> Access {
    if raw.credits > 0 {
        mistakes.push(Mistake::new(place, "credits on a free route buy nothing"));
    }
    if raw.quota.is_some() {
        mistakes.push(Mistake::new(format!("{place}.quota"), "the route has no price"));
    }
    match raw.identity {
        Some(raw::Identity::Required) | None => Access::Identified,
        Some(raw::Identity::None) => Access::Open,
    }
}

fn prices(place: &str, table: &Table, mistakes: &mut Vec<Mistake>) -> (Vec<RailPrice>, Vec<Rail>) {
    let raw: raw::RailPrices = strict_toml::read(place, table, mistakes);
    let (mut prices, mut if_available) = (Vec::new(), Vec::new());
    for (rail, value) in [(Rail::X402Exact, raw.x402), (Rail::MppStripe, raw.mpp)] {
        let place = format!("{place}.{}", rail.word());
        let Some((amount, conditional)) = value.and_then(|value| amount(&place, value, mistakes))
        else {
            continue;
        };
        match price(rail, &amount) {
            Ok(price) if price.amount().minor() == Ok(0) => {
                mistakes.push(Mistake::new(place, "zero is written as price = \"free\""));
            }
            Ok(price) => prices.push(price),
            Err(error) => mistakes.push(Mistake::new(place, error.to_string())),
        }
        if conditional {
            if_available.push(rail);
        }
    }
    (prices, if_available)
}

/// The text of an amount, and whether it is offered only where the rail can take it.
fn amount(place: &str, value: Value, mistakes: &mut Vec<Mistake>) -> Option<(String, bool)> {
    match value {
        Value::String(amount) => Some((amount, false)),
        Value::Table(table) => {
            let raw: raw::RailPrice = strict_toml::read(place, &table, mistakes);
            Some((
                super::read_upstream::required(&format!("{place}.amount"), raw.amount, mistakes),
                raw.offer_if_available,
            ))
        }
        Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Array(_) => {
            let text =
                "expected a decimal text, or { amount = \"0.60\", offer_if_available = true }";
            mistakes.push(Mistake::new(place, text));
            None
        }
    }
}

fn price(rail: Rail, text: &str) -> Result<RailPrice, MoneyError> {
    Ok(match rail {
        Rail::X402Exact => RailPrice::X402Exact(UsdcUnits::parse_decimal(text)?),
        Rail::MppStripe => RailPrice::MppStripe(UsdCents::parse_decimal(text)?),
    })
}

/// The quota that a route names. Its payers are wallets, so the route must have a price for them.
fn free(
    place: &str,
    name: &str,
    prices: &Table,
    quotas: &Quotas,
    mistakes: &mut Vec<Mistake>,
) -> Option<Quota> {
    let place = format!("{place}.quota");
    if !prices.contains_key(Rail::X402Exact.word()) {
        mistakes.push(Mistake::new(
            &place,
            "the route has no price by x402, whose payers have free calls",
        ));
    }
    quotas.get(&place, name, mistakes)
}

impl Profile {
    /// Keeps the offers that these rails can take. What cannot be offered and is not said to be
    /// offered if available is a mistake, and so is a priced route that is left without any.
    ///
    /// # Errors
    /// Every offer that cannot stand.
    pub fn settle_offers(&mut self, rails: RailsHere) -> Result<(), ProfileError> {
        let mut mistakes = Vec::new();
        for route in &mut self.routes {
            let Target::Upstream(upstream) = &mut route.target else { continue };
            let Access::Priced(terms) = &mut upstream.access else { continue };
            let mut standing = Vec::new();
            for price in terms.offers.iter() {
                match price.check(rails) {
                    Ok(()) => standing.push(price),
                    Err(why) if upstream.offered_if_available.contains(&price.rail()) => {
                        tracing::info!(route = route.key, rail = price.rail().word(), %why, "profile.offer_left_out");
                    }
                    Err(why) => {
                        let text = format!(
                            "{why}; take the price away, or say offer_if_available = true where another rail is offered"
                        );
                        mistakes.push(Mistake::new(
                            format!("{}.price.{}", route.key, price.rail().word()),
                            text,
                        ));
                        standing.push(price);
                    }
                }
            }
            match RailPrices::new(standing) {
                Some(offers) => terms.offers = offers,
                None => {
                    let text = "no rail that is there can take any of its prices; a priced route needs one offer";
                    mistakes.push(Mistake::new(format!("{}.price", route.key), text));
                }
            }
        }
        if mistakes.is_empty() {
            Ok(())
        } else {
            Err(ProfileError { profile: self.name.clone(), mistakes })
        }
    }
}
