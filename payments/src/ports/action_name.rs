//! What a change is called before it is made.

use crate::ids::PaymentId;

/// The name of an operator's change: 1 to 128 visible characters and spaces of ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionName(String);

// === impl ActionName ===

impl ActionName {
    /// The longest name, in characters.
    const LONGEST: usize = 128;

    /// A name that a client chose; none if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=Self::LONGEST).contains(&text.len())
            && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
            && text.trim() == text;
        fits.then(|| Self(text.to_owned()))
    }

    /// The name of a change that its client did not name.
    pub fn of(id: PaymentId) -> Self {
        Self(id.to_string())
    }

    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
