//! What may happen to an intent, with everything that is saved in the same commit.

mod calling;
mod paying;

use super::{Change, EndedBy, Guard, Intent, State};
use crate::{
    ids::PaymentId,
    ledger::LedgerError,
    money::{Amount, UsdCents},
    time::UnixMs,
};

/// One allowed change of one intent. Only the methods of [`Intent`] make it; the books apply it as
/// a guarded update of exactly one row together with all that it carries, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    before: Box<Intent>,
    to: State,
    at: UnixMs,
    change: Change,
    ended_by: Option<EndedBy>,
}

/// The intent is in no state for this change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransitionError {
    /// Asked for a change that the drawing does not have.
    #[error("an intent in state {} cannot become {}", from.word(), to.word())]
    NotAllowed {
        /// Where it stands.
        from: State,
        /// Where it should have gone.
        to: State,
    },
    /// The amount could not be booked.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

// === impl Transition ===

impl Transition {
    /// The intent that changes.
    pub fn intent(&self) -> PaymentId {
        self.before.id
    }

    /// The intent as its driver knows it.
    pub fn before(&self) -> &Intent {
        &self.before
    }

    /// The state that the row must have.
    pub fn from(&self) -> State {
        self.before.state
    }

    /// The state that it gets.
    pub fn to(&self) -> State {
        self.to
    }

    /// The version and fence that the row must have.
    pub fn guard(&self) -> Guard {
        self.before.guard
    }

    /// When it happens.
    pub fn at(&self) -> UnixMs {
        self.at
    }

    /// What is saved with it.
    pub fn change(&self) -> &Change {
        &self.change
    }

    /// The same end of a creation, where no answer of the upstream brought it.
    #[must_use]
    pub fn brought_by(self, by: EndedBy) -> Self {
        Self { ended_by: Some(by), ..self }
    }

    /// What brought the end of a creation, if that was no answer of the upstream.
    pub fn ended_by(&self) -> Option<EndedBy> {
        self.ended_by
    }
}

// === impl Intent: the changes ===

impl Intent {
    /// What a card was charged.
    fn paid_usd(&self) -> UsdCents {
        match self.price {
            Amount::Usd(cents) => cents,
            Amount::Usdc(_) | Amount::Credits(_) => UsdCents::ZERO,
        }
    }

    fn change(
        &self,
        from: &[State],
        to: State,
        at: UnixMs,
        change: Change,
    ) -> Result<Transition, TransitionError> {
        if !from.contains(&self.state) {
            return Err(TransitionError::NotAllowed { from: self.state, to });
        }
        Ok(Transition { before: Box::new(self.clone()), to, at, change, ended_by: None })
    }
}
