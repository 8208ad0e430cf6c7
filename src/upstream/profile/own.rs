//! The routes that the gateway answers by itself, in the same table as the upstream's.

use http::Method;

/// A route of the gateway. The operator's routes are not here: they live on another listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OwnRoute {
    /// Launches this month: limit, used, remaining.
    Usage,
    /// The state of one payment, for its payer.
    Payment,
    /// A card account's prepaid launches.
    Credits,
    /// Buys a pack of them.
    Purchase,
    /// What a call costs, and would cost now.
    Quote,
    /// What the card processor tells by itself.
    CardEvents,
}

impl OwnRoute {
    /// Every own route.
    pub const ALL: [Self; 6] = [Self::Usage, Self::Payment, Self::Credits, Self::Purchase, Self::Quote, Self::CardEvents];

    /// The method of the route.
    #[must_use]
    pub fn method(self) -> Method {
        match self {
            Self::Usage | Self::Payment | Self::Credits | Self::Quote => Method::GET,
            Self::Purchase | Self::CardEvents => Method::POST,
        }
    }

    /// The path pattern, without `/v1`.
    #[must_use]
    pub const fn pattern(self) -> &'static str {
        match self {
            Self::Usage => "/usage",
            Self::Payment => "/payments/:id",
            Self::Credits => "/credits",
            Self::Purchase => "/credits/purchase",
            Self::Quote => "/quote",
            Self::CardEvents => "/webhooks/stripe",
        }
    }
}
