//! The half of the judge that knows cards and credits.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::audit::{Line, number, text};
use super::Books;

impl Books {
    /// The settlements of one rail.
    pub(super) fn settled_by(&self, rail: &'static str) -> impl Iterator<Item = &Line> {
        self.settlements.iter().filter(move |line| text(line, "rail") == rail)
    }

    /// Invariants 2, 3 and 10: what the books call charged is what Stripe took, each once, each
    /// with a token of its own, and the other way round; what was taken for another amount or
    /// currency is named by a finding instead.
    pub(super) fn charges_are_at_stripe(&self, charges: &[Value]) {
        let succeeded = charges.iter().filter(|charge| charge["status"] == "succeeded");
        let mut tokens = BTreeSet::new();
        let mut taken = BTreeSet::new();
        for charge in succeeded {
            assert!(
                tokens.insert(charge["shared_payment_granted_token"].to_string()),
                "one token, two charges: {charge}"
            );
            let id = charge["id"].as_str().unwrap().to_owned();
            let payment = charge["metadata"]["gateway_payment_id"].as_str().unwrap_or_default();
            if self.found("amount_mismatch", payment) {
                continue;
            }
            let amount = i128::from(charge["amount_received"].as_i64().unwrap());
            taken.insert((id, payment.to_owned(), amount));
            assert_eq!(charge["currency"], "usd", "{charge}");
        }
        let mut booked = BTreeSet::new();
        for line in self.settled_by("mpp") {
            let id = text(line, "intent_id");
            let price = self
                .intents
                .iter()
                .find(|intent| text(intent, "id") == id)
                .map(|intent| number(intent, "price_minor"));
            assert_eq!(
                price,
                Some(number(line, "amount_minor")),
                "settled for another price: {line:?}"
            );
            let once = booked.insert((text(line, "stripe_pi"), id, number(line, "amount_minor")));
            assert!(once, "charged twice: {line:?}");
        }
        assert_eq!(booked, taken, "Stripe and the settlements differ");
    }

    fn found(&self, kind: &str, key: &str) -> bool {
        self.findings
            .iter()
            .any(|finding| text(finding, "kind") == kind && text(finding, "key") == key)
    }

    /// Invariant 4 in the journal: what each account can spend, and what all of them together were
    /// given.
    pub(super) fn credits_are_in_the_journal(&self) {
        let lines = || self.journal.iter().filter(|line| text(line, "currency") == "CREDIT");
        for account in &self.credits {
            let name = format!("payer:{}", text(account, "payer"));
            let booked: i128 = lines()
                .filter(|line| text(line, "account") == name)
                .map(|line| number(line, "amount"))
                .sum();
            assert_eq!(booked, number(account, "balance"), "{account:?}");
        }
        let accounts =
            self.credit_entries.iter().map(|entry| text(entry, "payer")).collect::<BTreeSet<_>>();
        let known = self.credits.iter().map(|account| text(account, "payer")).collect();
        assert!(
            accounts.is_subset(&known),
            "entries of accounts that are not there: {accounts:?}, {known:?}"
        );
        for intent in self.intents.iter().filter(|intent| text(intent, "state") == "granted") {
            assert!(self.credit_taken(&text(intent, "id")) <= 20, "{intent:?}");
            let granted =
                self.entries_of(intent).filter(|entry| text(entry, "kind") == "grant").count();
            assert_eq!(granted, 1, "granted once: {intent:?}");
        }
    }

    fn entries_of(&self, intent: &Line) -> impl Iterator<Item = &Line> {
        let id = text(intent, "id");
        self.credit_entries.iter().filter(move |entry| text(entry, "intent_id") == id)
    }

    /// What the entries of an intent come to.
    pub(super) fn credit_taken(&self, intent: &str) -> i128 {
        let entries = self.credit_entries.iter().filter(|entry| text(entry, "intent_id") == intent);
        entries.map(|entry| number(entry, "delta")).sum()
    }
}
