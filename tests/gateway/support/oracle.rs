//! The judge: what must be true after every case, whatever happened, read from the books, the chain
//! and the core.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alloy_primitives::{Address, B256};
use serde_json::Value;

use super::audit::{Line, number, text};
use super::world::{PRICE, World};

/// States in which an intent still has work before it.
const TRANSIENT: [&str; 9] = [
    "received",
    "claimed",
    "signed",
    "submitted",
    "submit_unknown",
    "funded",
    "forwarding",
    "core_unknown",
    "charged",
];

/// Fails if any of the invariants of the fault catalogue does not hold. Waits up to 60 s for work
/// to finish by itself.
pub async fn check(world: &World) {
    everything_ends(world).await;
    let books = Books::read(world).await;
    books.journal_sums_to_zero();
    books.one_settlement_per_authorization();
    books.settlements_are_on_the_chain(world).await;
    books.slots_and_credits_are_within_bounds();
    books.charges_are_at_stripe(&charges(world));
    books.credits_are_in_the_journal();
    books.launches_are_one_to_one(world);
    books.launches_are_funded();
    books.every_payment_is_delivered_or_owed();
    nothing_leaked(world).await;
}

/// Invariant 8: no row stays on its way.
async fn everything_ends(world: &World) {
    let audit = world.gateway.audit();
    let done = async || {
        let intents = audit.view("intents").await;
        let open = intents.iter().filter(|i| TRANSIENT.contains(&text(i, "state").as_str()));
        let open: Vec<String> =
            open.map(|i| format!("{} {}", text(i, "id"), text(i, "state"))).collect();
        if open.is_empty() { Ok(()) } else { Err(open.join(", ")) }
    };
    let limit = Duration::from_secs(60);
    world.gateway.until("every intent is finished", limit, done).await;
}

/// One reading of the views.
#[derive(Default)]
struct Books {
    intents: Vec<Line>,
    settlements: Vec<Line>,
    journal: Vec<Line>,
    slots: Vec<Line>,
    obligations: Vec<Line>,
    credits: Vec<Line>,
    credit_entries: Vec<Line>,
    findings: Vec<Line>,
}

impl Books {
    async fn read(world: &World) -> Self {
        let audit = world.gateway.audit();
        // Read only to see that it is there, with its columns.
        audit.view("attempts").await;
        Self {
            intents: audit.view("intents").await,
            settlements: audit.view("settlements").await,
            journal: audit.view("journal").await,
            slots: audit.view("free_slots").await,
            obligations: audit.view("obligations").await,
            credits: audit.view("credits").await,
            credit_entries: audit.view("credit_entries").await,
            findings: audit.view("findings").await,
        }
    }

    /// Invariant 1: per transaction and currency.
    fn journal_sums_to_zero(&self) {
        let mut sums: BTreeMap<(String, String), i128> = BTreeMap::new();
        for line in &self.journal {
            let key = (text(line, "txn_id"), text(line, "currency"));
            *sums.entry(key).or_default() += number(line, "amount");
        }
        let odd: Vec<_> = sums.iter().filter(|(_, sum)| **sum != 0).collect();
        assert!(odd.is_empty(), "journal transactions that are not zero: {odd:?}");
    }

    /// Invariant 2: one settlement per authorization and per log.
    fn one_settlement_per_authorization(&self) {
        let (mut authorizations, mut logs) = (BTreeSet::new(), BTreeSet::new());
        for line in self.settled_by("x402") {
            let key = |names: [&str; 4]| names.map(|name| text(line, name).to_lowercase());
            let authorization = key(["chain_id", "asset", "from_addr", "nonce"]);
            assert!(authorizations.insert(authorization), "settled twice: {line:?}");
            let log = key(["chain_id", "asset", "tx_hash", "log_index"]);
            assert!(logs.insert(log), "one log, two settlements: {line:?}");
        }
    }

    /// Invariants 3, 7 and 10: what reached us on the chain is what the books say, for those very
    /// authorizations.
    async fn settlements_are_on_the_chain(&self, world: &World) {
        let payee = world.terms.pay_to;
        let transfers = world.chain.transfers_to(payee).await;
        let moved: BTreeSet<(Address, u64, B256)> = transfers.iter().copied().collect();
        let received: u64 = transfers.iter().map(|(_, value, _)| value).sum();
        assert_eq!(world.chain.balance(payee).await, received, "money left the payee");
        let all_used = world.chain.authorizations_used().await;
        let mut booked = 0;
        for line in self.settled_by("x402") {
            assert_eq!(number(line, "amount_minor"), i128::from(PRICE), "{line:?}");
            booked += number(line, "amount_minor");
            let from: Address = text(line, "from_addr").parse().unwrap();
            let nonce: B256 = text(line, "nonce").parse().unwrap();
            let hash: B256 = text(line, "tx_hash").parse().unwrap();
            assert!(
                all_used.contains(&(from, nonce, hash)),
                "authorization not used there: {line:?}"
            );
            assert!(moved.contains(&(from, PRICE, hash)), "no such transfer: {line:?}");
        }
        assert_eq!(i128::from(received), booked, "the chain and the settlements differ");
        let held = |line: &&Line| {
            text(line, "account").starts_with("asset:usdc") && text(line, "currency") == "USDC"
        };
        let journal: i128 = self.journal.iter().filter(held).map(|l| number(l, "amount")).sum();
        assert_eq!(journal.abs(), booked, "the journal and the settlements differ");
    }

    /// Invariant 4.
    fn slots_and_credits_are_within_bounds(&self) {
        let mut slots = BTreeSet::new();
        for line in &self.slots {
            let slot = number(line, "slot");
            assert!((1..=5).contains(&slot), "{line:?}");
            let key = (text(line, "wallet"), text(line, "month"), slot);
            assert!(slots.insert(key), "a slot used twice: {line:?}");
        }
        for line in &self.credits {
            let payer = text(line, "payer");
            let entries = self.credit_entries.iter().filter(|e| text(e, "payer") == payer);
            let sum: i128 = entries.map(|entry| number(entry, "delta")).sum();
            assert_eq!(number(line, "balance"), sum, "{line:?}");
            assert!(sum >= 0, "{line:?}");
        }
    }

    /// Invariant 5: launches at the core, launches recorded, and what paid for them.
    fn launches_are_one_to_one(&self, world: &World) {
        let created = || self.intents.iter().filter(|i| text(i, "state") == "created");
        let mut recorded: Vec<String> = created().map(|i| text(i, "core_key")).collect();
        recorded.sort();
        if let Some(core) = &world.core {
            let mut there = core.launch_keys();
            there.sort();
            assert_eq!(there, recorded, "launches at the core and in the books differ");
        }
        let mut launches: Vec<String> = created().map(|i| text(i, "launch_id")).collect();
        let count = launches.len();
        launches.sort();
        launches.dedup();
        assert_eq!(launches.len(), count, "one launch, two intents");
    }

    /// Invariant 5, its second half: no launch that nobody paid.
    fn launches_are_funded(&self) {
        let (slots, settlements) =
            (ids(&self.slots, "intent_id"), ids(&self.settlements, "intent_id"));
        let mut entitled = 0;
        for intent in self.intents.iter().filter(|i| text(i, "state") == "created") {
            let id = text(intent, "id");
            let funded = match text(intent, "funding").as_str() {
                "free" => slots.contains(&id),
                "x402" | "mpp_charge" => settlements.contains(&id),
                "credit" => self.credit_taken(&id) == -1,
                "entitlement" => {
                    entitled += 1;
                    true
                }
                other => panic!("unknown funding {other}: {intent:?}"),
            };
            assert!(funded, "a launch that nobody paid: {intent:?}");
        }
        // A card that was charged for a refused creation got a credit at once: used up, without a
        // launch.
        let by_card: BTreeSet<String> =
            self.settled_by("mpp").map(|line| text(line, "intent_id")).collect();
        let used = self
            .obligations
            .iter()
            .filter(|o| text(o, "state") == "used" && !by_card.contains(&text(o, "intent_id")))
            .count();
        assert_eq!(entitled, used, "launches by entitlement and used entitlements differ");
    }

    /// Invariant 6.
    fn every_payment_is_delivered_or_owed(&self) {
        let served = |i: &&Line| ["created", "granted"].contains(&text(i, "state").as_str());
        let delivered: BTreeSet<String> =
            self.intents.iter().filter(served).map(|i| text(i, "id")).collect();
        let owed = ids(&self.obligations, "intent_id");
        for line in &self.settlements {
            let id = text(line, "intent_id");
            assert!(
                delivered.contains(&id) || owed.contains(&id),
                "paid, not delivered, not owed: {line:?}"
            );
        }
    }
}

/// What Stripe says of its payment intents; nothing where no cards are taken.
fn charges(world: &World) -> Vec<Value> {
    world.stripe.as_ref().map(|stripe| stripe.intents()).unwrap_or_default()
}

/// One column of some lines.
fn ids(lines: &[Line], column: &str) -> BTreeSet<String> {
    lines.iter().map(|line| text(line, column)).collect()
}

/// Invariant 10, its second half: no credential in clear outside the request that carried it.
async fn nothing_leaked(world: &World) {
    let core = world.core_process.iter().map(super::core_process::CoreProcess::logs);
    for logs in world.gateways().map(super::gateway::Gateway::logs).chain(core) {
        assert_eq!(world.secrets.found_in(logs.as_bytes()), None, "in the logs");
    }
    let database = world.gateway.audit().bytes().await;
    assert_eq!(world.secrets.found_in(&database), None, "in the database");
    for seen in world.core.iter().flat_map(super::FakeCore::seen) {
        let head = format!("{} {} {:?}\n", seen.method, seen.target, seen.headers);
        let all = [head.as_bytes(), &seen.body].concat();
        assert_eq!(world.secrets.found_in(&all), None, "sent upstream");
    }
}

mod cards;
#[cfg(test)]
mod tests;
