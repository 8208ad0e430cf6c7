//! What counts as paying a route.

use alloy_primitives::U256;

use crate::money::UsdcUnits;
use crate::x402::offer::Requirements;

/// What a route accepts: one offer, and the amounts that count as paying it.
#[derive(Debug, Clone, Copy)]
pub struct Offers<'a> {
    requirements: &'a Requirements,
    also: &'a [UsdcUnits],
}

impl<'a> Offers<'a> {
    /// Exactly the advertised amount: a priced route.
    #[must_use]
    pub const fn exactly(requirements: &'a Requirements) -> Self {
        Self { requirements, also: &[] }
    }

    /// The advertised amount or one of `also`: a free route asks for 0 and takes a launch's proof
    /// as identity too.
    #[must_use]
    pub const fn or_also(requirements: &'a Requirements, also: &'a [UsdcUnits]) -> Self {
        Self { requirements, also }
    }

    /// The advertised offer.
    #[must_use]
    pub const fn requirements(&self) -> &'a Requirements {
        self.requirements
    }

    /// The units as an accepted amount.
    pub(super) fn amount(&self, units: U256) -> Option<UsdcUnits> {
        let units = u64::try_from(units).ok().map(UsdcUnits::new)?;
        (units == self.requirements.amount() || self.also.contains(&units)).then_some(units)
    }
}
