//! What a route costs, in both dialects of `x-payment-info`.

use payments::money::{UsdCents, UsdcUnits};
use serde_json::{Value, json};

use crate::{gateway::Challenges, upstream::profile::Route};

/// What a call costs on each rail.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prices {
    /// In USDC, by x402.
    pub usdc: Option<UsdcUnits>,
    /// In US dollars, by card.
    pub usd: Option<UsdCents>,
}

// === impl Prices ===

impl Prices {
    /// The prices that the route's 402 names; none where nothing is charged.
    pub(super) fn of(challenges: &Challenges, route: &Route) -> Option<Self> {
        let challenged = challenges.find(&route.key)?;
        let prices = Self {
            usdc: challenges.price(challenged),
            usd: challenges.card_price(Some(challenged)),
        };
        (prices.usdc.is_some() || prices.usd.is_some()).then_some(prices)
    }

    /// `offers` for clients of MPP (draft-payment-discovery-00), `price` and `protocols` for those
    /// that read agentcash's form: the price in USDC where there is one, and the card's beside its
    /// protocol. The flat members of MPP may not stand beside `offers`.
    pub(super) fn payment_info(&self, key: &str) -> Value {
        let shown = self
            .usdc
            .map(|price| price.to_string())
            .or_else(|| self.usd.map(|price| price.to_string()));
        let mut protocols = Vec::new();
        if self.usdc.is_some() {
            protocols.push(json!({"x402": {}}));
        }
        if let Some(price) = self.usd {
            protocols.push(json!({"mpp": {"method": "stripe", "intent": "charge", "currency": "USD", "amount": price.to_string()}}));
        }
        let mut info = json!({
            "price": {"mode": "fixed", "currency": "USD", "amount": shown},
            "protocols": protocols,
        });
        if let Some(price) = self.usd {
            info["offers"] = json!([{
                "intent": "charge",
                "method": "stripe",
                "amount": price.get().to_string(),
                "currency": "usd",
                "description": key,
            }]);
        }
        info
    }
}
