//! The prepared 402s: one per priced route at its price, and one per free route at amount 0
//! (identity without risk).

use std::collections::HashMap;

use payments::{
    agent::Wallet,
    challenge::{ChallengeTooLarge, Prepared402},
    money::{UsdCents, UsdcUnits},
    mpp::stripe::offer::{Offer, OfferError},
    x402::offer::{Requirements, Token},
};

use crate::upstream::profile::{OwnRoute, Route, RouteTable, Target};

/// Which challenge a route has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenged {
    index: usize,
}

/// What a route asks of a proof.
#[derive(Debug, Clone)]
struct Challenge {
    prepared: Prepared402,
    requirements: Requirements,
    price: Option<UsdcUnits>,
    /// What a card pays; none where cards are not taken.
    card: Option<Offer>,
    /// USDC is taken, or a signature of amount 0.
    usdc: bool,
}

/// What cards are offered.
#[derive(Debug, Clone)]
pub struct CardTerms {
    /// The protection space.
    pub realm: String,
    /// The seller's profile at the card processor.
    pub network_id: String,
    /// The price of a pack of credits.
    pub pack: UsdCents,
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
    /// Cards cannot be offered so.
    #[error(transparent)]
    Offer(#[from] OfferError),
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
        cards: Option<&CardTerms>,
    ) -> Result<Self, ChallengeError> {
        let requirements = |amount, description: &str| {
            Requirements::new(
                token.clone(),
                pay_to,
                amount,
                max_timeout_s,
                description,
                "application/json",
            )
        };
        let mut challenges = Self {
            list: Vec::new(),
            by_key: HashMap::new(),
            identity: requirements(UsdcUnits::ZERO, "identification"),
            prices: Vec::new(),
        };
        for route in table.routes().filter(|route| asks_for_proof(route)) {
            let price = price_of(route);
            let card = cards.map(|cards| offer(route, cards, table)).transpose()?.flatten();
            if price.is_none() && card.is_some() {
                let prepared = card.as_ref().map(Prepared402::card_only);
                let requirements = challenges.identity.clone();
                challenges.push(route, prepared, requirements, None, card);
                continue;
            }
            let description = match price {
                Some(price) => format!("{} for {price} USDC", route.key),
                None => format!("{}: identification only, nothing is charged", route.key),
            };
            let requirements = requirements(price.unwrap_or(UsdcUnits::ZERO), &description);
            let prepared = Prepared402::new(
                &route.key,
                &format!("{public_url}{}", route.pattern),
                &requirements,
            )?;
            let prepared =
                if price.is_some() { prepared.taking_identifiers(&route.key)? } else { prepared };
            let prepared = match &card {
                Some(offer) => prepared.with_card(offer),
                None => prepared,
            };
            challenges.push(route, Some(prepared), requirements, price, card);
            challenges.prices.extend(price);
        }
        Ok(challenges)
    }

    fn push(
        &mut self,
        route: &Route,
        prepared: Option<Prepared402>,
        requirements: Requirements,
        price: Option<UsdcUnits>,
        card: Option<Offer>,
    ) {
        let Some(prepared) = prepared else { return };
        let usdc = price.is_some() || card.is_none();
        self.by_key.insert(route.key.clone(), self.list.len());
        self.list.push(Challenge { prepared, requirements, price, card, usdc });
    }

    /// The challenge of a route, by its key.
    pub fn find(&self, route_key: &str) -> Option<Challenged> {
        self.by_key.get(route_key).map(|index| Challenged { index: *index })
    }

    /// The prepared 402 of a route.
    pub fn prepared(&self, challenged: Challenged) -> &Prepared402 {
        &self.list[challenged.index].prepared
    }

    /// What a proof on this route must say.
    pub fn requirements_of(&self, challenged: Challenged) -> &Requirements {
        &self.list[challenged.index].requirements
    }

    /// The price of a route; none is free.
    pub fn price(&self, challenged: Challenged) -> Option<UsdcUnits> {
        self.list[challenged.index].price
    }

    /// What a card pays on a route.
    pub fn card_offer(&self, challenged: Challenged) -> Option<&Offer> {
        self.list[challenged.index].card.as_ref()
    }

    /// The price of a route for cards.
    pub fn card_price(&self, challenged: Option<Challenged>) -> Option<UsdCents> {
        self.card_offer(challenged?).map(Offer::amount)
    }

    /// Whether USDC is taken on a route, or a signature of amount 0.
    pub fn asks_for_usdc(&self, challenged: Challenged) -> bool {
        self.list[challenged.index].usdc
    }

    /// Amounts that identify beside 0.
    pub fn prices(&self) -> &[UsdcUnits] {
        &self.prices
    }

    /// Network, token and receiver, at amount 0.
    pub fn requirements(&self) -> &Requirements {
        &self.identity
    }
}

fn asks_for_proof(route: &Route) -> bool {
    match &route.target {
        Target::Upstream(upstream) => upstream.access.asks_for_proof(),
        Target::Own(
            OwnRoute::Usage
            | OwnRoute::Payment
            | OwnRoute::Credits
            | OwnRoute::Purchase
            | OwnRoute::Quote,
        ) => true,
        Target::Own(
            OwnRoute::RotateToken | OwnRoute::CardEvents | OwnRoute::OpenApi | OwnRoute::Llms,
        ) => false,
    }
}

fn price_of(route: &Route) -> Option<UsdcUnits> {
    route.upstream()?.access.terms()?.offers.usdc()
}

/// What a card is asked for on a route; none where none is taken. A price that a card cannot be
/// charged was refused with the profile.
fn offer(
    route: &Route,
    cards: &CardTerms,
    table: &RouteTable,
) -> Result<Option<Offer>, OfferError> {
    let price = match &route.target {
        Target::Own(OwnRoute::Purchase) => table.takes_credits().then_some(cards.pack),
        Target::Own(_) => None,
        Target::Upstream(upstream) => upstream.access.terms().and_then(|terms| terms.offers.usd()),
    };
    let Some(price) = price else { return Ok(None) };
    Offer::new(&cards.realm, &route.key, price, &cards.network_id, &["card", "link"]).map(Some)
}
