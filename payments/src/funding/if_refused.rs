//! What becomes of a charge whose call is refused.

use std::num::NonZeroU32;

/// What a card's charge is turned into when the upstream refuses what it paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfRefused {
    /// A credit, which pays for the next call: where one credit pays for one.
    Credit,
    /// A debt in money, due at once: no credit, or more than one, pays for a call of that route.
    Owed,
}

impl IfRefused {
    /// By the credits that pay for one call.
    pub fn of(credits: Option<NonZeroU32>) -> Self {
        match credits.map(NonZeroU32::get) {
            Some(1) => Self::Credit,
            Some(_) | None => Self::Owed,
        }
    }

    /// The word in tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Credit => "credit",
            Self::Owed => "owed",
        }
    }

    /// By its word; rows of before it was written have none, and got a credit.
    pub fn from_word(word: Option<&str>) -> Option<Self> {
        match word {
            None | Some("credit") => Some(Self::Credit),
            Some("owed") => Some(Self::Owed),
            Some(_) => None,
        }
    }
}
