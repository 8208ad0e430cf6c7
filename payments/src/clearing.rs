//! Our balance at the card processor: what it kept of charges and disputes, and what it sent to the
//! bank.

mod payout;

use std::fmt;

pub use payout::{Payout, PayoutStanding, PayoutState, PayoutStep};

use crate::time::UnixMs;

/// US cents that move or stand: below zero for what was taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CentsMoved(i64);

/// What the processor keeps a fee for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeeKind {
    /// Taking, or giving back, a payment.
    Processing,
    /// Handling a dispute.
    Dispute,
}

/// One entry of the balance at the processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceEntry {
    /// The processor's name of it, `txn_...`.
    pub id: String,
    /// Its type in the processor's word, `charge`.
    pub kind: String,
    /// The same for reports, `dispute_reversal`.
    pub category: String,
    /// The charge, refund, dispute or payout that it is about.
    pub source: Option<String>,
    /// The payment at the processor that the source belongs to, `pi_...`.
    pub payment: Option<String>,
    /// What came, before fees, in the currency's minor unit; below zero for what went.
    pub amount_minor: i64,
    /// What the processor kept of it; below zero for a fee that it gave back.
    pub fee_minor: i64,
    /// The currency of the balance, in lower case.
    pub currency: String,
    /// When the processor made it.
    pub created: UnixMs,
}

/// What an entry is to the books by its type alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryRole {
    /// It may be ours: a charge, a refund, a dispute, a correction.
    Movement,
    /// Money on its way to the bank.
    PaidOut,
    /// Money of a payout that failed, back in the balance.
    CameBack,
}

// === impl CentsMoved ===

impl CentsMoved {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many cents.
    #[must_use]
    pub const fn new(cents: i64) -> Self {
        Self(cents)
    }

    /// The cents.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum, or `None` when it does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or `None` when it does not fit.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl fmt::Display for CentsMoved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

// === impl BalanceEntry ===

impl BalanceEntry {
    /// What it is by its type.
    pub fn role(&self) -> EntryRole {
        match self.kind.as_str() {
            "payout" => EntryRole::PaidOut,
            "payout_failure" | "payout_cancel" => EntryRole::CameBack,
            _ => EntryRole::Movement,
        }
    }

    /// What its fee is for.
    pub fn fee_kind(&self) -> FeeKind {
        let of_dispute = self
            .source
            .as_deref()
            .is_some_and(|source| source.starts_with("du_") || source.starts_with("dp_"));
        if of_dispute || self.category.starts_with("dispute") {
            FeeKind::Dispute
        } else {
            FeeKind::Processing
        }
    }

    /// What it changed the balance by, in its minor unit; none where that does not fit.
    pub fn net_minor(&self) -> Option<i64> {
        self.amount_minor.checked_sub(self.fee_minor)
    }

    /// Whether it is in the currency that the books hold what the processor owes us in.
    pub fn is_in_usd(&self) -> bool {
        self.currency == "usd"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: &str, category: &str, source: &str) -> BalanceEntry {
        BalanceEntry {
            id: String::from("txn_1"),
            kind: kind.to_owned(),
            category: category.to_owned(),
            source: Some(source.to_owned()),
            payment: None,
            amount_minor: 60,
            fee_minor: 32,
            currency: String::from("usd"),
            created: UnixMs::new(0),
        }
    }

    fn payout(state: PayoutState, automatic: bool, still_naming: bool) -> Payout {
        let (id, currency, status) =
            (String::from("po_1"), String::from("usd"), String::from("paid"));
        Payout {
            id,
            amount_minor: 28,
            currency,
            automatic,
            still_naming,
            state,
            status,
            created: UnixMs::new(0),
        }
    }

    #[test]
    fn a_fee_is_a_disputes_where_the_entry_is() {
        assert_eq!(entry("charge", "charge", "ch_1").fee_kind(), FeeKind::Processing);
        assert_eq!(entry("adjustment", "dispute_reversal", "x").fee_kind(), FeeKind::Dispute);
        assert_eq!(entry("adjustment", "other_adjustment", "du_1").fee_kind(), FeeKind::Dispute);
        assert_eq!(
            (entry("payout", "payout", "po_1").role(), entry("payout_cancel", "", "po_1").role()),
            (EntryRole::PaidOut, EntryRole::CameBack)
        );
        assert_eq!(
            (
                entry("charge", "charge", "ch_1").net_minor(),
                CentsMoved::new(-5).to_string().as_str()
            ),
            (Some(28), "-0.05")
        );
    }

    #[test]
    fn a_payout_is_booked_once_it_is_paid_and_taken_back_when_it_fails() {
        use PayoutStanding::{Assigned, Booked, Seen, TakenBack};
        use PayoutState::{Failed, OnItsWay, Paid, Unrecognised};
        for (state, standing, automatic, step) in [
            (OnItsWay, Seen, true, PayoutStep::Leave),
            (Paid, Seen, true, PayoutStep::Book),
            (Paid, Seen, false, PayoutStep::HaveAssigned),
            (Paid, Booked, true, PayoutStep::Leave),
            (Paid, Assigned, false, PayoutStep::Leave),
            (Failed, Seen, true, PayoutStep::Leave),
            (Failed, Booked, true, PayoutStep::TakeBack),
            (Failed, Assigned, false, PayoutStep::TakeBack),
            (Failed, TakenBack, true, PayoutStep::Leave),
            (Unrecognised, Seen, true, PayoutStep::Report),
        ] {
            assert_eq!(
                payout(state, automatic, false).step(standing),
                step,
                "{state:?} {standing:?}"
            );
        }
        assert_eq!(payout(Paid, true, true).step(Seen), PayoutStep::Leave);
    }
}
