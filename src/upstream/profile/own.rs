//! The routes that the gateway answers by itself, in the same table as the upstream's.

use http::Method;

/// A route of the gateway. The operator's routes are not here: they live on another listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OwnRoute {
    /// The balance of prepaid launches.
    Credits,
    /// Buys a pack of prepaid launches.
    CreditsPurchase,
    /// Launches this month: limit, used, remaining.
    Usage,
    /// The state of one payment, for its payer.
    Payment,
    /// What a call would cost now, and why.
    Quote,
    /// The description of the API, generated from this table.
    OpenapiJson,
    /// The same for language models.
    LlmsTxt,
}

impl OwnRoute {
    /// Every own route.
    pub const ALL: [Self; 7] =
        [Self::Credits, Self::CreditsPurchase, Self::Usage, Self::Payment, Self::Quote, Self::OpenapiJson, Self::LlmsTxt];

    /// The method of the route.
    #[must_use]
    pub fn method(self) -> Method {
        match self {
            Self::CreditsPurchase => Method::POST,
            _ => Method::GET,
        }
    }

    /// The path pattern, without `/v1`.
    #[must_use]
    pub const fn pattern(self) -> &'static str {
        match self {
            Self::Credits => "/credits",
            Self::CreditsPurchase => "/credits/purchase",
            Self::Usage => "/usage",
            Self::Payment => "/payments/:id",
            Self::Quote => "/quote",
            Self::OpenapiJson => "/openapi.json",
            Self::LlmsTxt => "/llms.txt",
        }
    }
}
