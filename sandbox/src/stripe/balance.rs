//! The balance: what each charge, refund and dispute moves, and what Stripe keeps of it.

use super::rows::{BalanceTransaction, Charge, Dispute, Refund};
use super::world::{Change, Tx};

/// The fee of a charge: 29 thousandths, and 30 of the smallest unit.
const FEE_THOUSANDTHS: i64 = 29;
const FEE_FIXED: i64 = 30;
/// What a dispute costs, won or lost.
const DISPUTE_FEE: i64 = 1_500;

/// The fee of a charge, half a cent rounded up. Amounts are limited to eight digits, so nothing
/// overflows.
pub(super) fn fee(amount: i64) -> i64 {
    (amount * FEE_THOUSANDTHS + 500) / 1_000 + FEE_FIXED
}

/// What an entry is about.
struct About<'a> {
    kind: &'a str,
    reporting_category: &'a str,
    currency: &'a str,
    source: &'a str,
    description: &'a str,
}

impl Tx<'_> {
    pub(super) fn record_charge(&mut self, charge: &Charge) -> String {
        let (currency, source) = (charge.currency.as_str(), charge.id.as_str());
        let kind = if charge.id.starts_with("py_") { "payment" } else { "charge" };
        let about =
            About { kind, reporting_category: "charge", currency, source, description: "Payment" };
        self.record(charge.amount, fee(charge.amount), &about)
    }

    /// Stripe keeps its fee of the charge.
    pub(super) fn record_refund(&mut self, refund: &Refund) -> String {
        let (currency, source) = (refund.currency.as_str(), refund.id.as_str());
        let about = About {
            kind: "refund",
            reporting_category: "refund",
            currency,
            source,
            description: "Refund of a payment",
        };
        self.record(-refund.amount, 0, &about)
    }

    /// A refund that failed gives its amount back to the seller.
    pub(super) fn record_refund_failure(&mut self, refund: &Refund) -> String {
        let (currency, source) = (refund.currency.as_str(), refund.id.as_str());
        let about = About {
            kind: "refund_failure",
            reporting_category: "refund_failure",
            currency,
            source,
            description: "Failed refund",
        };
        self.record(refund.amount, 0, &about)
    }

    pub(super) fn record_dispute(&mut self, dispute: &Dispute) -> String {
        let (currency, source) = (dispute.currency.as_str(), dispute.id.as_str());
        let about = About {
            kind: "adjustment",
            reporting_category: "dispute",
            currency,
            source,
            description: "Chargeback withdrawal",
        };
        self.record(-dispute.amount, DISPUTE_FEE, &about)
    }

    pub(super) fn record_dispute_won(&mut self, dispute: &Dispute) -> String {
        let (currency, source) = (dispute.currency.as_str(), dispute.id.as_str());
        let about = About {
            kind: "adjustment",
            reporting_category: "dispute_reversal",
            currency,
            source,
            description: "Chargeback reversal",
        };
        self.record(dispute.amount, 0, &about)
    }

    fn record(&mut self, amount: i64, fee: i64, about: &About<'_>) -> String {
        let id = self.id("txn");
        self.put(Change::BalanceTransaction(BalanceTransaction {
            id: id.clone(),
            created_unix_s: self.now_unix_s,
            kind: about.kind.to_owned(),
            reporting_category: about.reporting_category.to_owned(),
            amount,
            fee,
            net: amount - fee,
            currency: about.currency.to_owned(),
            source: Some(about.source).filter(|it| !it.is_empty()).map(str::to_owned),
            description: about.description.to_owned(),
            payout: Some(about.source)
                .filter(|it| about.kind == "payout" && it.starts_with("po_"))
                .map(str::to_owned),
        }));
        id
    }

    /// What leaves the balance for the bank, or comes back from there. A payout is an entry of
    /// itself.
    pub(super) fn record_payout(&mut self, payout: &str, kind: &str, amount: i64) -> String {
        let about = About {
            kind,
            reporting_category: kind,
            currency: "usd",
            source: payout,
            description: "STRIPE PAYOUT",
        };
        self.record(amount, 0, &about)
    }

    /// An entry that no call of the API made.
    pub(super) fn record_other(
        &mut self,
        amount: i64,
        fee: i64,
        kind: &str,
        currency: &str,
        source: Option<&str>,
    ) -> String {
        let source = source.unwrap_or_default();
        let about =
            About { kind, reporting_category: kind, currency, source, description: "Other" };
        self.record(amount, fee, &about)
    }
}
