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
    /// A new agent token in the place of the one that is shown.
    RotateToken,
    /// What the card processor tells by itself.
    CardEvents,
    /// Every operation with its price, for programs.
    OpenApi,
    /// The same for people and language models.
    Llms,
}

impl OwnRoute {
    /// Every own route.
    pub const ALL: [Self; 9] = [
        Self::Usage,
        Self::Payment,
        Self::Credits,
        Self::Purchase,
        Self::Quote,
        Self::RotateToken,
        Self::CardEvents,
        Self::OpenApi,
        Self::Llms,
    ];

    /// The method of the route.
    #[must_use]
    pub fn method(self) -> Method {
        match self {
            Self::Usage
            | Self::Payment
            | Self::Credits
            | Self::Quote
            | Self::OpenApi
            | Self::Llms => Method::GET,
            Self::Purchase | Self::RotateToken | Self::CardEvents => Method::POST,
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
            Self::RotateToken => "/agent-token/rotate",
            Self::CardEvents => "/webhooks/stripe",
            Self::OpenApi => "/openapi.json",
            Self::Llms => "/llms.txt",
        }
    }

    /// What the route is for, in one sentence.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Usage => "What this agent used this month: free launches, credits, entitlements.",
            Self::Payment => "What became of one payment of this agent, and what to do next.",
            Self::Credits => {
                "The balance of prepaid launches of a card account, and the packs on sale."
            }
            Self::Purchase => "Buys a pack of prepaid launches by card.",
            Self::Quote => {
                "What a route costs on each rail; with a proof of who asks also what it would cost now, and why."
            }
            Self::RotateToken => {
                "A new agent token in the place of the one that is shown, which ends a minute later."
            }
            Self::CardEvents => "Takes the card processor's events, which it signs.",
            Self::OpenApi => "Every operation with its price, as OpenAPI 3.1.",
            Self::Llms => "Prices, headers, clients and errors as short text.",
        }
    }
}
