//! The routes that the gateway answers by itself, in the same table as the upstream's.

use http::Method;

/// A route of the gateway. The operator's routes are not here: they live on another listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OwnRoute {
    /// Launches this month: limit, used, remaining.
    Usage,
    /// The state of one payment, for its payer.
    Payment,
}

impl OwnRoute {
    /// Every own route.
    pub const ALL: [Self; 2] = [Self::Usage, Self::Payment];

    /// The method of the route.
    #[must_use]
    pub fn method(self) -> Method {
        match self {
            Self::Usage | Self::Payment => Method::GET,
        }
    }

    /// The path pattern, without `/v1`.
    #[must_use]
    pub const fn pattern(self) -> &'static str {
        match self {
            Self::Usage => "/usage",
            Self::Payment => "/payments/:id",
        }
    }
}
