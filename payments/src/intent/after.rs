//! What an intent is after a transition, for books that do not read back what they have just
//! written.

use super::{Change, Guard, Intent, State, StoredAnswer, Transition};
use crate::{
    money::Credits,
    settlement::{PaymentFailure, Settlement},
};

/// What only the commit shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// The answer was handed to a client's connection: a mark may have come with the commit, or
    /// before it.
    pub delivered: bool,
    /// Our signed transactions are kept at the end, because a reorganisation may still take the
    /// settlement back.
    pub keeps_bytes: bool,
    /// The account's balance right after the pack's credits came.
    pub granted_balance: Option<Credits>,
}

// === impl Transition ===

impl Transition {
    /// The intent as it is once this transition is committed, from what its driver knew before.
    #[must_use]
    pub fn after(&self, written: Written) -> Intent {
        self.onto(self.before().clone(), written)
    }

    /// The same, from what the books have by now: a settlement may have moved to another block
    /// since its driver looked.
    #[must_use]
    pub fn onto(&self, mut intent: Intent, written: Written) -> Intent {
        intent.state = self.to();
        intent.guard = Guard { version: intent.guard.version.saturating_add(1), ..intent.guard };
        intent.updated_at = self.at();
        intent.delivered = written.delivered;
        intent.not_done = false;
        intent.ended_by = self.ended_by();
        if self.to() == State::Forwarding {
            intent.forwarding_since = Some(self.at());
        }
        match self.change() {
            Change::Mark => {}
            Change::Funded { settlement, .. } | Change::Charged { settlement, .. } => {
                intent.settle(settlement)
            }
            Change::PayFailed { failure } => intent.fail(failure.clone()),
            Change::Mischarged { .. } => intent.fail(PaymentFailure::Mischarged),
            Change::Granted { .. } => {
                intent.granted_balance = written.granted_balance;
                intent.wipe(false);
            }
            Change::Created { answer, launch_id, .. } => {
                intent.launch_id = Some(launch_id.clone());
                intent.finish(answer, written);
            }
            Change::Rejected { answer, entitled_until, .. } => {
                intent.entitled_until = Some(*entitled_until);
                intent.finish(answer, written);
            }
            Change::Compensated { answer, .. } | Change::Released { answer, .. } => {
                intent.finish(answer, written)
            }
        }
        intent
    }
}

// === impl Intent ===

impl Intent {
    /// The settlement, and what the chain took for it where it is a transaction of ours.
    fn settle(&mut self, settlement: &Settlement) {
        if let Settlement::Transfer(proof) = settlement {
            for attempt in
                self.attempts.iter_mut().filter(|attempt| attempt.tx_hash == proof.tx_hash)
            {
                attempt.fee_wei = Some(proof.fee_wei);
            }
        }
        self.settlement = Some(settlement.clone());
    }

    fn fail(&mut self, failure: PaymentFailure) {
        self.failure = Some(failure);
        self.wipe(false);
    }

    fn finish(&mut self, answer: &StoredAnswer, written: Written) {
        self.answer = Some(answer.clone());
        self.wipe(written.keeps_bytes);
    }

    /// Nothing that could move money is left, unless our own transactions are kept.
    fn wipe(&mut self, keeps_bytes: bool) {
        for attempt in self.attempts.iter_mut().filter(|_| !keeps_bytes) {
            attempt.sealed_tx.clear();
        }
        if let Some(charge) = &mut self.charge {
            charge.sealed_params.clear();
        }
    }
}
