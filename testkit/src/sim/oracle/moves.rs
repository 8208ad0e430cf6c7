//! An intent moves: by the drawing, and by what the world really did.

use crate::sim::{Sim, locked};
use payments::{
    intent::{Change, State, Transition},
    settlement::PaymentFailure,
};

impl Sim {
    /// An intent moved: by the drawing, and by what the chain really did.
    pub fn check_transition(&self, moved: &Transition) {
        use State::{
            Charged, CoreUnknown, Created, Forwarding, Granted, PayFailed, Rejected, Released,
            Signed, SubmitUnknown, Submitted,
        };
        let drawn = match moved.from() {
            Signed => {
                [Submitted, SubmitUnknown, Forwarding, Charged, PayFailed].contains(&moved.to())
            }
            Submitted => [SubmitUnknown, Forwarding, Charged, PayFailed].contains(&moved.to()),
            SubmitUnknown => [Submitted, Forwarding, Charged, PayFailed].contains(&moved.to()),
            Forwarding => [CoreUnknown, Created, Rejected, Released].contains(&moved.to()),
            Charged => moved.to() == Granted,
            CoreUnknown => [Created, Rejected, Released].contains(&moved.to()),
            _ => false,
        };
        if !drawn {
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
                self.count(|counts| counts.settled += 1);
                if !paid
                    || used.is_some_and(|used| {
                        settlement.transfer().is_none_or(|proof| proof.tx_hash != used.tx_hash)
                    })
                {
                    self.violated(format!(
                        "{} is booked as paid, and the chain says otherwise",
                        moved.intent()
                    ));
                }
            }
            Change::PayFailed { failure } => {
                self.count(|counts| counts.pay_failed += 1);
                if self.is_charged(moved.intent()) {
                    self.violated(format!(
                        "{} is booked as {}, and was charged",
                        moved.intent(),
                        failure.word()
                    ));
                }
                // What was reverted stays cashable by anyone; a late arrival is found by the
                // reconciler.
                if paid && *failure != PaymentFailure::Reverted {
                    self.violated(format!(
                        "{} is booked as {}, and was paid",
                        moved.intent(),
                        failure.word()
                    ));
                }
            }
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
}
