//! The prices of a launch that the configuration puts in the place of a profile's.

use std::num::NonZeroU32;

use payments::{
    money::{UsdCents, UsdcUnits},
    rail::{Rail, RailPrice, RailPrices},
    route::{Access, Quota, Terms},
};

use super::{Profile, Target};

/// Prices that the configuration puts in place of the profile's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaunchPrices {
    /// Atomic units of USDC through x402.
    pub usdc_units: Option<u64>,
    /// US cents through MPP.
    pub usd_cents: Option<u64>,
    /// Free launches per wallet and month.
    pub free_count: Option<u32>,
}

impl LaunchPrices {
    /// Puts them in the place of a route's terms; says whether it has what they set.
    fn replace_in(self, terms: &mut Terms) -> bool {
        let kept = terms.offers.iter().filter(|price| match price.rail() {
            Rail::X402Exact => self.usdc_units.is_none(),
            Rail::MppStripe => self.usd_cents.is_none(),
        });
        let usdc = self.usdc_units.map(|units| RailPrice::X402Exact(UsdcUnits::new(units)));
        let usd = self.usd_cents.map(|cents| RailPrice::MppStripe(UsdCents::new(cents)));
        let offers: Vec<RailPrice> = usdc.into_iter().chain(usd).chain(kept).collect();
        if let Some(offers) = RailPrices::new(offers) {
            terms.offers = offers;
        }
        match (self.free_count.map(NonZeroU32::new), &mut terms.free) {
            (None, _) | (Some(None), None) => true,
            (Some(None), free) => {
                *free = None;
                true
            }
            (Some(Some(count)), Some(free)) => {
                free.count = count;
                true
            }
            (Some(Some(_)), None) => false,
        }
    }
}

impl Profile {
    /// Every quota that gives free calls on a route, once.
    #[must_use]
    pub fn quotas(&self) -> Vec<Quota> {
        let mut all: Vec<Quota> = Vec::new();
        for quota in
            self.routes.iter().filter_map(|route| route.upstream()?.access.terms()?.free.as_ref())
        {
            if !all.iter().any(|known| known.name == quota.name) {
                all.push(quota.clone());
            }
        }
        all
    }

    /// Puts the prices of the configuration in place of the profile's, for `POST /launches`. `None`
    /// keeps the profile's; a free count of 0 takes the free tier away. Returns whether there is
    /// such a route with a price on those rails.
    pub fn override_launch_price(&mut self, prices: LaunchPrices) -> bool {
        let launch = self.routes.iter_mut().find(|route| route.key == "POST /launches");
        let Some(Target::Upstream(route)) = launch.map(|route| &mut route.target) else {
            return prices == LaunchPrices::default();
        };
        match &mut route.access {
            Access::Open | Access::Identified => {
                prices.usdc_units.or(prices.usd_cents).is_none()
                    && prices.free_count.is_none_or(|count| count == 0)
            }
            Access::Priced(terms) => prices.replace_in(terms),
        }
    }
}
