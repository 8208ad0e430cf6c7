//! What is saved in the commit that changes an intent's state.

use super::StoredAnswer;
use crate::{
    charge::Mischarge,
    ids::PaymentId,
    ledger::Posting,
    money::{Credits, UsdCents},
    settlement::{PaymentFailure, Settlement},
    time::UnixMs,
};

/// What a transition saves beside the new state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing but the mark.
    Mark,
    /// The proof of payment and its posting. Unique keys refuse a second settlement of the same
    /// authorization or charge. A charge's agent token is good from here on.
    Funded {
        /// What reached us.
        settlement: Settlement,
        /// Money in, unearned.
        posting: Posting,
    },
    /// The proof that it was not paid. Sealed bytes are wiped.
    PayFailed {
        /// Why.
        failure: PaymentFailure,
    },
    /// Money was taken, but not what was asked for: a finding, the debt, and a refund of all of it
    /// that needs nobody's approval. Sealed bytes are wiped.
    Mischarged {
        /// What was taken.
        mischarge: Mischarge,
        /// Money in and owed back, where it is of a currency that the books keep.
        posting: Option<Posting>,
    },
    /// The pack is paid for: the proof and its posting, as in [`Change::Funded`].
    Charged {
        /// What reached us.
        settlement: Settlement,
        /// Money in, unearned.
        posting: Posting,
    },
    /// The pack's credits. A debt of the account is paid from them first. Sealed bytes are wiped.
    Granted {
        /// How many.
        credits: Credits,
        /// The money that stands behind all of them.
        backing: UsdCents,
        /// Credits issued to the payer.
        posting: Posting,
    },
    /// The launch and the answer for replay. Sealed bytes are wiped.
    Created {
        /// The upstream's answer.
        answer: StoredAnswer,
        /// The launch's id at the upstream.
        launch_id: String,
        /// Unearned to revenue, if money was taken.
        posting: Option<Posting>,
        /// The entitlement that this creation used up.
        used_entitlement: Option<PaymentId>,
    },
    /// Paid and finally refused: the answer, the debt and the entitlement.
    Rejected {
        /// The upstream's refusal.
        answer: StoredAnswer,
        /// Unearned to refund due.
        posting: Posting,
        /// Until when the payer's next creation is funded by it.
        entitled_until: UnixMs,
    },
    /// Paid by card and finally refused: the answer, and one credit for it. Sealed bytes are wiped.
    Compensated {
        /// The upstream's refusal.
        answer: StoredAnswer,
        /// The money that stands behind the credit: what was paid.
        backing: UsdCents,
        /// One credit issued to the payer.
        posting: Posting,
    },
    /// Refused and nothing was taken: the slot, the credit or the entitlement goes back.
    Released {
        /// The upstream's refusal.
        answer: StoredAnswer,
        /// An entitlement's money back to refund due, or the credit back to its payer.
        posting: Option<Posting>,
        /// The entitlement that opens again with its first deadline.
        reopened_entitlement: Option<PaymentId>,
        /// The credits that go back, with the money that stands behind them.
        returned_credits: Option<ReturnedCredits>,
    },
}

/// Credits that go back to their payer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReturnedCredits {
    /// How many.
    pub count: Credits,
    /// The money that stands behind them.
    pub backing: UsdCents,
}
