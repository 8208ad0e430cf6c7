//! Transitions of the paid call: created, refused, or without a final answer.

use super::{
    super::{Change, Intent, ReturnedCredits, State, StoredAnswer},
    Transition, TransitionError,
};
use crate::{
    funding::{Funding, IfRefused},
    ids::PaymentId,
    ledger::Posting,
    money::Credits,
    time::UnixMs,
};

impl Intent {
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

    fn entitlement_source(&self) -> Option<PaymentId> {
        match self.funding {
            Funding::Entitlement { source } => Some(source),
            _ => None,
        }
    }
}

const CREATING: [State; 2] = [State::Forwarding, State::CoreUnknown];
