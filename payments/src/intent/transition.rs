//! What may happen to an intent, with everything that is saved in the same commit.

use super::{Change, EndedBy, Guard, Intent, ReturnedCredits, State, StoredAnswer};
use crate::{
    charge::Mischarge,
    funding::{Funding, IfRefused},
    ids::PaymentId,
    ledger::{LedgerError, Posting},
    money::{Amount, Credits, UsdCents},
    settlement::{PaymentFailure, Settlement},
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
    /// The node took the transaction.
    ///
    /// # Errors
    /// [`TransitionError::NotAllowed`] outside the paying states; so for every method here.
    pub fn submitted(&self, at: UnixMs) -> Result<Transition, TransitionError> {
        self.change(&[State::Signed, State::SubmitUnknown], State::Submitted, at, Change::Mark)
    }

    /// Nobody knows whether the node took the transaction.
    ///
    /// # Errors
    /// See [`Intent::submitted`].
    pub fn submit_unknown(&self, at: UnixMs) -> Result<Transition, TransitionError> {
        self.change(&[State::Signed, State::Submitted], State::SubmitUnknown, at, Change::Mark)
    }

    /// The payment is proven: book it, and create.
    ///
    /// # Errors
    /// See [`Intent::submitted`].
    pub fn funded(
        &self,
        settlement: Settlement,
        at: UnixMs,
    ) -> Result<Transition, TransitionError> {
        if matches!(self.funding, Funding::MppPack { .. }) {
            return Err(TransitionError::NotAllowed { from: self.state, to: State::Forwarding });
        }
        let posting = Posting::settled(self.id, &self.payer, self.price)?;
        self.change(&PAYING, State::Forwarding, at, Change::Funded { settlement, posting })
    }

    /// The pack is proven paid.
    ///
    /// # Errors
    /// See [`Intent::submitted`].
    pub fn charged(
        &self,
        settlement: Settlement,
        at: UnixMs,
    ) -> Result<Transition, TransitionError> {
        if !matches!(self.funding, Funding::MppPack { .. }) {
            return Err(TransitionError::NotAllowed { from: self.state, to: State::Charged });
        }
        let posting = Posting::settled(self.id, &self.payer, self.price)?;
        self.change(&PAYING, State::Charged, at, Change::Charged { settlement, posting })
    }

    /// The pack's credits are due.
    ///
    /// # Errors
    /// See [`Intent::submitted`].
    pub fn granted(&self, at: UnixMs) -> Result<Transition, TransitionError> {
        let Funding::MppPack { credits } = self.funding else {
            return Err(TransitionError::NotAllowed { from: self.state, to: State::Granted });
        };
        let posting = Posting::credits_issued(self.id, &self.payer, credits)?;
        self.change(
            &[State::Charged],
            State::Granted,
            at,
            Change::Granted { credits, backing: self.paid_usd(), posting },
        )
    }

    /// Something else was taken than what was asked for.
    ///
    /// # Errors
    /// See [`Intent::submitted`].
    pub fn mischarged(
        &self,
        mischarge: Mischarge,
        at: UnixMs,
    ) -> Result<Transition, TransitionError> {
        let posting = mischarge
            .usd()
            .map(|taken| Posting::mischarged(self.id, &self.payer, taken))
            .transpose()?;
        self.change(&PAYING, State::PayFailed, at, Change::Mischarged { mischarge, posting })
    }

    /// The failure of the payment is proven.
    ///
    /// # Errors
    /// See [`Intent::submitted`].
    pub fn pay_failed(
        &self,
        failure: PaymentFailure,
        at: UnixMs,
    ) -> Result<Transition, TransitionError> {
        self.change(&PAYING, State::PayFailed, at, Change::PayFailed { failure })
    }

    /// The upstream gave no final answer.
    ///
    /// # Errors
    /// See [`Intent::submitted`].
    pub fn core_unknown(&self, at: UnixMs) -> Result<Transition, TransitionError> {
        self.change(&[State::Forwarding], State::CoreUnknown, at, Change::Mark)
    }

    /// The launch exists.
    ///
    /// # Errors
    /// See [`Intent::submitted`].
    pub fn created(
        &self,
        answer: StoredAnswer,
        launch_id: String,
        at: UnixMs,
    ) -> Result<Transition, TransitionError> {
        let posting = match self.funding {
            Funding::Credit { count, backing } => {
                Some(Posting::credit_spent(self.id, &self.payer, count, backing)?)
            }
            _ if self.is_paid() => Some(Posting::earned(self.id, &self.payer, self.price)?),
            _ => None,
        };
        let used_entitlement = self.entitlement_source();
        self.change(
            &CREATING,
            State::Created,
            at,
            Change::Created { answer, launch_id, posting, used_entitlement },
        )
    }

    /// The upstream finally refused. What that means depends on what funded the creation: a
    /// settlement leaves an entitlement, a charge a credit; a slot, a credit or an entitlement goes
    /// back.
    ///
    /// # Errors
    /// See [`Intent::submitted`].
    pub fn refused(
        &self,
        answer: StoredAnswer,
        entitled_until: UnixMs,
        at: UnixMs,
    ) -> Result<Transition, TransitionError> {
        match self.funding {
            Funding::X402 => {
                let posting = Posting::owed(self.id, &self.payer, self.price)?;
                self.change(
                    &CREATING,
                    State::Rejected,
                    at,
                    Change::Rejected { answer, posting, entitled_until },
                )
            }
            // Nothing of it can be used for another call: it is due back at once.
            Funding::MppCharge { if_refused: IfRefused::Owed } => {
                let posting = Posting::owed(self.id, &self.payer, self.price)?;
                self.change(
                    &CREATING,
                    State::Rejected,
                    at,
                    Change::Rejected { answer, posting, entitled_until: at },
                )
            }
            Funding::MppCharge { if_refused: IfRefused::Credit } => {
                let posting = Posting::credits_issued(self.id, &self.payer, Credits::new(1))?;
                let change = Change::Compensated { answer, backing: self.paid_usd(), posting };
                self.change(&CREATING, State::Rejected, at, change)
            }
            Funding::MppPack { .. } => {
                Err(TransitionError::NotAllowed { from: self.state, to: State::Rejected })
            }
            Funding::Free => {
                let change = Change::Released {
                    answer,
                    posting: None,
                    reopened_entitlement: None,
                    returned_credits: None,
                };
                self.change(&CREATING, State::Released, at, change)
            }
            Funding::Credit { count, backing } => {
                let posting = Some(Posting::credit_returned(self.id, &self.payer, count)?);
                let returned_credits = Some(ReturnedCredits { count, backing });
                let change = Change::Released {
                    answer,
                    posting,
                    reopened_entitlement: None,
                    returned_credits,
                };
                self.change(&CREATING, State::Released, at, change)
            }
            Funding::Entitlement { .. } => {
                let posting = Some(Posting::owed(self.id, &self.payer, self.price)?);
                let reopened_entitlement = self.entitlement_source();
                let change = Change::Released {
                    answer,
                    posting,
                    reopened_entitlement,
                    returned_credits: None,
                };
                self.change(&CREATING, State::Released, at, change)
            }
        }
    }

    /// What a card was charged.
    fn paid_usd(&self) -> UsdCents {
        match self.price {
            Amount::Usd(cents) => cents,
            Amount::Usdc(_) | Amount::Credits(_) => UsdCents::ZERO,
        }
    }

    fn entitlement_source(&self) -> Option<PaymentId> {
        match self.funding {
            Funding::Entitlement { source } => Some(source),
            _ => None,
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

const PAYING: [State; 3] = [State::Signed, State::Submitted, State::SubmitUnknown];
const CREATING: [State; 2] = [State::Forwarding, State::CoreUnknown];
