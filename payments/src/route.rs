//! What a route asks of who calls it: nothing, who it is, or a payment. Decided once, when the
//! profile is read, and matched exhaustively: no way leads from [`Access::Priced`] to forwarding
//! but a funded payment.

use std::num::NonZeroU32;

use crate::{money::Credits, rail::RailPrices};

/// What a route asks of who calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Open,
    /// Who it is; nothing is charged.
    Identified,
    /// A payment, or what stands in for one under these terms.
    Priced(Terms),
}

/// What one call of a priced route costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The price on each rail that is offered.
    pub offers: RailPrices,
    /// Calls of each wallet that cost nothing.
    pub free: Option<Quota>,
    /// Prepaid credits that pay for one call instead; none: no credit pays here.
    pub credits: Option<NonZeroU32>,
}

/// A number of calls per wallet and window that cost nothing. Routes that name the same quota share
/// its calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Its name in the profile, which is kept with each call that it gave.
    pub name: String,
    /// How many calls in a window.
    pub count: NonZeroU32,
    /// How long until there are as many again.
    pub window: Window,
}

/// A span of the UTC calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// From midnight to midnight.
    Day,
    /// From the first of a month to the first of the next.
    Month,
}

// === impl Access ===

impl Access {
    /// The terms of a priced route.
    #[must_use]
    pub const fn terms(&self) -> Option<&Terms> {
        match self {
            Self::Open | Self::Identified => None,
            Self::Priced(terms) => Some(terms),
        }
    }

    /// Whether a caller must prove something.
    #[must_use]
    pub const fn asks_for_proof(&self) -> bool {
        match self {
            Self::Open => false,
            Self::Identified | Self::Priced(_) => true,
        }
    }
}

// === impl Terms ===

impl Terms {
    /// The credits that pay for one call.
    #[must_use]
    pub fn credits(&self) -> Option<Credits> {
        self.credits.map(|count| Credits::new(count.get().into()))
    }
}

// === impl Window ===

impl Window {
    /// The word of profiles and texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}
