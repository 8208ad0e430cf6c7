//! The ways to pay, and what one call costs on each. What every rail must answer, and where:
//! docs/adding-a-rail.md.

use crate::{
    money::{Amount, UsdCents, UsdcUnits},
    mpp::stripe::offer::MIN_CHARGE,
};

/// A way to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rail {
    /// USDC by signed authorization (x402, scheme `exact`).
    X402Exact,
    /// A card, charged by Stripe (MPP, method `stripe`).
    MppStripe,
}

/// The price of one call on one rail; never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RailPrice {
    /// Atomic units of USDC.
    X402Exact(UsdcUnits),
    /// US cents.
    MppStripe(UsdCents),
}

/// The prices of one call: one or more, at most one of each rail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RailPrices {
    first: RailPrice,
    rest: Vec<RailPrice>,
}

/// Which rails this gateway can be paid by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RailsHere {
    /// Cards are taken.
    pub cards: bool,
}

/// Why a rail cannot be offered at a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOffered {
    /// The gateway takes no cards.
    #[error("no cards are taken here (stripe.mode = \"off\")")]
    RailOff,
    /// The card processor would refuse the charge.
    #[error("{amount} USD is below the smallest charge of a card, {MIN_CHARGE} USD")]
    BelowMinimum {
        /// The price.
        amount: UsdCents,
    },
}

// === impl Rail ===

impl Rail {
    /// The word of profiles and errors.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::X402Exact => "x402",
            Self::MppStripe => "mpp",
        }
    }
}

// === impl RailPrice ===

impl RailPrice {
    /// The rail.
    #[must_use]
    pub const fn rail(self) -> Rail {
        match self {
            Self::X402Exact(_) => Rail::X402Exact,
            Self::MppStripe(_) => Rail::MppStripe,
        }
    }

    /// The amount in the rail's currency.
    #[must_use]
    pub const fn amount(self) -> Amount {
        match self {
            Self::X402Exact(units) => Amount::Usdc(units),
            Self::MppStripe(cents) => Amount::Usd(cents),
        }
    }

    /// Whether these rails can take it.
    ///
    /// # Errors
    /// [`NotOffered`].
    pub fn check(self, rails: RailsHere) -> Result<(), NotOffered> {
        match self {
            Self::X402Exact(_) => Ok(()),
            Self::MppStripe(_) if !rails.cards => Err(NotOffered::RailOff),
            Self::MppStripe(amount) if amount < MIN_CHARGE => {
                Err(NotOffered::BelowMinimum { amount })
            }
            Self::MppStripe(_) => Ok(()),
        }
    }
}

// === impl RailPrices ===

impl RailPrices {
    /// These prices; `None` where there is none, or two of one rail.
    #[must_use]
    pub fn new(prices: impl IntoIterator<Item = RailPrice>) -> Option<Self> {
        let mut prices = prices.into_iter();
        let mut all = Self { first: prices.next()?, rest: Vec::new() };
        for price in prices {
            if all.iter().any(|known| known.rail() == price.rail()) {
                return None;
            }
            all.rest.push(price);
        }
        Some(all)
    }

    /// Every price, in the order of the profile.
    pub fn iter(&self) -> impl Iterator<Item = RailPrice> {
        std::iter::once(self.first).chain(self.rest.iter().copied())
    }

    /// The price in USDC.
    #[must_use]
    pub fn usdc(&self) -> Option<UsdcUnits> {
        self.iter().find_map(|price| match price {
            RailPrice::X402Exact(units) => Some(units),
            RailPrice::MppStripe(_) => None,
        })
    }

    /// The price by card.
    #[must_use]
    pub fn usd(&self) -> Option<UsdCents> {
        self.iter().find_map(|price| match price {
            RailPrice::MppStripe(cents) => Some(cents),
            RailPrice::X402Exact(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const USDC: RailPrice = RailPrice::X402Exact(UsdcUnits::new(10_000));
    const USD: RailPrice = RailPrice::MppStripe(UsdCents::new(60));

    #[test]
    fn there_is_one_price_at_least_and_one_of_a_rail_at_most() {
        assert_eq!(RailPrices::new([]), None);
        assert_eq!(RailPrices::new([USDC, USDC]), None);
        let both = RailPrices::new([USD, USDC]).unwrap();
        assert_eq!(
            (both.usdc(), both.usd()),
            (Some(UsdcUnits::new(10_000)), Some(UsdCents::new(60)))
        );
        assert_eq!(RailPrices::new([USDC]).unwrap().usd(), None);
    }

    #[test]
    fn a_card_takes_half_a_dollar_or_more_where_cards_are_taken() {
        let (with, without) = (RailsHere { cards: true }, RailsHere { cards: false });
        assert_eq!(USD.check(with), Ok(()));
        assert_eq!(USD.check(without), Err(NotOffered::RailOff));
        let small = RailPrice::MppStripe(UsdCents::new(49));
        assert_eq!(small.check(with), Err(NotOffered::BelowMinimum { amount: UsdCents::new(49) }));
        assert_eq!(USDC.check(without), Ok(()));
    }
}
