//! What came in, what it cost and what went back: one description for the page, the API and the
//! command line.

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::ledger::{DISPUTE_FEE, PROCESSING_FEE};

/// What came and went in one currency, in its minor unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MoneyFlow {
    /// Came in, whatever it was for, less what a reorganisation took.
    pub gross_minor: i64,
    /// Kept by the card processor.
    pub fees_minor: i64,
    /// Went back to payers: refunds, and what disputes hold or took.
    pub refunds_minor: i64,
}

/// One of the figures that are told of a flow.
pub struct Figure {
    /// The word in answers, before `_minor`.
    pub name: &'static str,
    /// The word on the page and in tables.
    pub heading: &'static str,
    /// What it is, in a sentence.
    pub says: &'static str,
    /// The figure.
    pub of: fn(&MoneyFlow) -> i64,
}

impl MoneyFlow {
    /// Every figure, in the order in which they are told.
    pub const FIGURES: [Figure; 4] = [
        Figure {
            name: "gross",
            heading: "gross",
            says: "Came in, whatever it was for, less what a reorganisation took",
            of: |flow| flow.gross_minor,
        },
        Figure {
            name: "fees",
            heading: "fees",
            says: "Kept by the card processor for payments and disputes",
            of: |flow| flow.fees_minor,
        },
        Figure {
            name: "refunds",
            heading: "refunds",
            says: "Went back to payers: refunds, and what disputes hold or took",
            of: |flow| flow.refunds_minor,
        },
        Figure {
            name: "net",
            heading: "net",
            says: "Gross less fees and refunds",
            of: Self::net_minor,
        },
    ];

    /// Gross less fees and refunds.
    pub fn net_minor(&self) -> i64 {
        self.gross_minor.saturating_sub(self.fees_minor).saturating_sub(self.refunds_minor)
    }

    /// Counts what postings of a kind moved on an account that holds our money.
    pub fn count(&mut self, kind: &str, amount_minor: i64) {
        let add = |sum: &mut i64, amount: i64| *sum = sum.saturating_add(amount);
        match kind {
            "settled" | "mischarged" | "receipt" | "settlement_lost" | "settlement_back" => {
                add(&mut self.gross_minor, amount_minor)
            }
            PROCESSING_FEE | DISPUTE_FEE => {
                add(&mut self.fees_minor, amount_minor.saturating_neg())
            }
            "refunded" | "refund_reversed" | "refunded_elsewhere" | "paid_by_hand"
            | "paid_by_hand_lost" | "dispute_opened" | "dispute_won" | "dispute_lost" => {
                add(&mut self.refunds_minor, amount_minor.saturating_neg())
            }
            // Between our accounts, or to the bank.
            _ => {}
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            gross_minor: self.gross_minor.saturating_add(other.gross_minor),
            fees_minor: self.fees_minor.saturating_add(other.fees_minor),
            refunds_minor: self.refunds_minor.saturating_add(other.refunds_minor),
        }
    }

    /// This without the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self {
            gross_minor: self.gross_minor.saturating_sub(other.gross_minor),
            fees_minor: self.fees_minor.saturating_sub(other.fees_minor),
            refunds_minor: self.refunds_minor.saturating_sub(other.refunds_minor),
        }
    }
}

impl Serialize for MoneyFlow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Self::FIGURES.len()))?;
        for figure in Self::FIGURES {
            map.serialize_entry(&format!("{}_minor", figure.name), &(figure.of)(self))?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_left_is_what_the_accounts_hold() {
        let mut flow = MoneyFlow::default();
        let posted = [
            ("settled", 1_200),
            (PROCESSING_FEE, -65),
            ("dispute_opened", -300),
            (DISPUTE_FEE, -1_500),
            ("dispute_won", 300),
            ("moved", 7),
        ];
        for (kind, amount) in posted {
            flow.count(kind, amount);
        }
        assert_eq!(flow, MoneyFlow { gross_minor: 1_200, fees_minor: 1_565, refunds_minor: 0 });
        let told = serde_json::to_value(flow).unwrap();
        assert_eq!(
            told,
            serde_json::json!({"gross_minor": 1_200, "fees_minor": 1_565, "refunds_minor": 0, "net_minor": -365})
        );
        assert_eq!(flow.plus(&flow).without(&flow), flow);
    }
}
