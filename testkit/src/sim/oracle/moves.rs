//! An intent moves: by the drawing, and by what the world really did.

use crate::sim::{Sim, chain::Use, locked};
use payments::{
    ids::PaymentId,
    intent::{Change, State, Transition},
    settlement::{PaymentFailure, Settlement},
};

impl Sim {
    /// An intent moved: by the drawing, and by what the chain really did.
    pub fn check_transition(&self, moved: &Transition) {
        if !is_drawn(moved.from(), moved.to()) {
            self.violated(format!(
                "{} went from {} to {}",
                moved.intent(),
                moved.from().word(),
                moved.to().word()
            ));
        }
        let terms = self
            .books
            .audit(|books| books.intent(moved.intent()).and_then(|intent| intent.transfer.clone()));
        let used =
            terms.and_then(|terms| locked(&self.chain).ledger().uses.get(&terms.key).cloned());
        let paid = used.as_ref().is_some_and(|used| used.paid);
        match moved.change() {
            Change::Funded { settlement, .. } | Change::Charged { settlement, .. }
                if settlement.charge().is_some() =>
            {
                self.count(|counts| counts.charged += 1);
                if !self.is_charged(moved.intent()) {
                    self.violated(format!(
                        "{} is booked as charged, and the processor says otherwise",
                        moved.intent()
                    ));
                }
            }
            Change::Funded { settlement, .. } => {
                self.check_settled(moved.intent(), settlement, used.as_ref());
            }
            Change::PayFailed { failure } => self.check_failed(moved.intent(), failure, paid),
            Change::Rejected { .. } => self.count(|counts| counts.rejected += 1),
            Change::Released { .. } => self.count(|counts| counts.released += 1),
            Change::Created { .. }
            | Change::Mark
            | Change::Mischarged { .. }
            | Change::Charged { .. }
            | Change::Granted { .. }
            | Change::Compensated { .. } => {}
        }
    }

    fn check_settled(&self, id: PaymentId, settlement: &Settlement, used: Option<&Use>) {
        self.count(|counts| counts.settled += 1);
        let is_proven = used.is_some_and(|used| {
            used.paid && settlement.transfer().is_some_and(|proof| proof.tx_hash == used.tx_hash)
        });
        if !is_proven {
            self.violated(format!("{id} is booked as paid, and the chain says otherwise"));
        }
    }

    /// What was reverted, or never sent, stays cashable by anyone who saw the proof; a late arrival
    /// is found by the reconciler.
    fn check_failed(&self, id: PaymentId, failure: &PaymentFailure, is_paid: bool) {
        self.count(|counts| counts.pay_failed += 1);
        if self.is_charged(id) {
            self.violated(format!("{id} is booked as {}, and was charged", failure.word()));
        }
        let may_arrive = matches!(failure, PaymentFailure::Reverted | PaymentFailure::NeverSent);
        if is_paid && !may_arrive {
            self.violated(format!("{id} is booked as {}, and was paid", failure.word()));
        }
    }
}

/// Whether the drawing of intents has this step.
fn is_drawn(from: State, to: State) -> bool {
    use State::{
        Charged, CoreUnknown, Created, Forwarding, Granted, PayFailed, Queued, Rejected, Released,
        Signed, SubmitUnknown, Submitted,
    };
    match from {
        Queued => [Forwarding, PayFailed].contains(&to),
        Signed => [Submitted, SubmitUnknown, Forwarding, Charged, PayFailed].contains(&to),
        Submitted => [SubmitUnknown, Forwarding, Charged, PayFailed].contains(&to),
        SubmitUnknown => [Submitted, Forwarding, Charged, PayFailed].contains(&to),
        Forwarding => [CoreUnknown, Created, Rejected, Released].contains(&to),
        Charged => to == Granted,
        CoreUnknown => [Created, Rejected, Released].contains(&to),
        Created | Granted | PayFailed | Rejected | Released => false,
    }
}
