//! The prepared 402s: one per priced route at its price, and one per free route at amount 0 (identity without risk).

use std::collections::HashMap;

use payments::{
    agent::Wallet,
    challenge::{ChallengeTooLarge, Prepared402},
    money::UsdcUnits,
    x402::requirements::{Requirements, Token},
};

use crate::upstream::profile::{Identity, OwnRoute, Price, Route, RouteTable, Target};

/// Which challenge a route has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Challenged {
    index: usize,
}

/// What a route asks of a proof.
#[derive(Debug, Clone)]
struct Challenge {
    prepared: Prepared402,
    requirements: Requirements,
    price: Option<UsdcUnits>,
}

/// Every challenge, prepared at start-up.
#[derive(Debug, Clone)]
pub struct Challenges {
    list: Vec<Challenge>,
    by_key: HashMap<String, usize>,
    identity: Requirements,
    /// Prices of the table: a proof for one of them identifies on free routes.
    prices: Vec<UsdcUnits>,
}

/// A challenge that cannot be prepared.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChallengeError {
    /// It does not fit the header.
    #[error(transparent)]
    TooLarge(#[from] ChallengeTooLarge),
}

// === impl Challenges ===

impl Challenges {
    /// Prepares the challenges of every route that asks for a proof.
    ///
    /// # Errors
    /// [`ChallengeError`].
    pub fn prepare(
        table: &RouteTable,
        public_url: &str,
        token: &Token,
        pay_to: Wallet,
        max_timeout_s: u64,
    ) -> Result<Self, ChallengeError> {
        let requirements =
            |amount, description: &str| Requirements::new(token.clone(), pay_to, amount, max_timeout_s, description, "application/json");
        let mut challenges = Self {
            list: Vec::new(),
            by_key: HashMap::new(),
            identity: requirements(UsdcUnits::ZERO, "identification"),
            prices: Vec::new(),
        };
        for route in table.routes().filter(|route| asks_for_proof(route)) {
            let price = price_of(route);
            let description = match price {
                Some(price) => format!("{} for {price} USDC", route.key),
                None => format!("{}: identification only, nothing is charged", route.key),
            };
            let requirements = requirements(price.unwrap_or(UsdcUnits::ZERO), &description);
            let prepared = Prepared402::new(&route.key, &format!("{public_url}{}", route.pattern), &requirements)?;
            let prepared = if price.is_some() { prepared.taking_identifiers(&route.key)? } else { prepared };
            challenges.by_key.insert(route.key.clone(), challenges.list.len());
            challenges.list.push(Challenge { prepared, requirements, price });
            challenges.prices.extend(price);
        }
        Ok(challenges)
    }

    /// The challenge of a route, by its key.
    pub(super) fn find(&self, route_key: &str) -> Option<Challenged> {
        self.by_key.get(route_key).map(|index| Challenged { index: *index })
    }

    pub(super) fn of(&self, challenged: Challenged) -> &Prepared402 {
        &self.list[challenged.index].prepared
    }

    /// What a proof on this route must say.
    pub(super) fn requirements_of(&self, challenged: Challenged) -> &Requirements {
        &self.list[challenged.index].requirements
    }

    /// The price of a route; none is free.
    pub(super) fn price(&self, challenged: Challenged) -> Option<UsdcUnits> {
        self.list[challenged.index].price
    }

    /// Amounts that identify beside 0.
    pub(super) fn prices(&self) -> &[UsdcUnits] {
        &self.prices
    }

    /// Network, token and receiver, at amount 0.
    pub(super) fn requirements(&self) -> &Requirements {
        &self.identity
    }
}

fn asks_for_proof(route: &Route) -> bool {
    match &route.target {
        Target::Upstream(upstream) => upstream.identity != Identity::None,
        Target::Own(OwnRoute::Usage | OwnRoute::Payment) => true,
    }
}

fn price_of(route: &Route) -> Option<UsdcUnits> {
    match route.upstream()?.price {
        Price::PerCall { usdc_units, .. } => usdc_units.map(UsdcUnits::new),
        Price::Free => None,
    }
}
