//! Who ended a creation whose outcome the upstream never gave.

/// What ended it, where that was no answer of the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndedBy {
    /// Each time it was sent, the upstream is known to have done nothing, until the deadline came.
    NotDone,
    /// An operator.
    Operator,
    /// The outcome stayed unknown for longer than `upstream.unknown_after_s` allows.
    Policy,
}

// === impl EndedBy ===

impl EndedBy {
    const ALL: [Self; 3] = [Self::NotDone, Self::Operator, Self::Policy];

    /// The word in tables and logs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotDone => "not_done",
            Self::Operator => "operator",
            Self::Policy => "policy",
        }
    }

    /// What a stored word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.word() == word)
    }
}
