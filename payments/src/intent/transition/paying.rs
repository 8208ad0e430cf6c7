//! Transitions of the payment: submitted, proven, failed, charged otherwise than asked.

use super::{
    super::{Change, Intent, State},
    Transition, TransitionError,
};
use crate::{
    charge::Mischarge,
    funding::Funding,
    ledger::Posting,
    settlement::{PaymentFailure, Settlement},
    time::UnixMs,
};

impl Intent {
    /// The node accepted the transaction.
    ///
    /// # Errors
    /// [`TransitionError::NotAllowed`] outside the paying states; so for every method here.
    pub fn submitted(&self, at: UnixMs) -> Result<Transition, TransitionError> {
        self.change(&[State::Signed, State::SubmitUnknown], State::Submitted, at, Change::Mark)
    }

    /// Whether the node accepted the transaction is unknown.
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
        self.change(self.unpaid(), State::Forwarding, at, Change::Funded { settlement, posting })
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
        if failure == PaymentFailure::NeverSent {
            return self.change(&QUEUED, State::PayFailed, at, Change::PayFailed { failure });
        }
        self.change(self.unpaid(), State::PayFailed, at, Change::PayFailed { failure })
    }

    /// The states before it is paid. A transfer that waits for a signer may be settled by somebody
    /// else, and may fail on the chain.
    fn unpaid(&self) -> &'static [State] {
        if self.funding == Funding::X402 { &TRANSFERRING } else { &PAYING }
    }
}

/// Nothing was sent: a failure that says so is proven nowhere else.
const QUEUED: [State; 1] = [State::Queued];
const TRANSFERRING: [State; 4] =
    [State::Queued, State::Signed, State::Submitted, State::SubmitUnknown];
const PAYING: [State; 3] = [State::Signed, State::Submitted, State::SubmitUnknown];
