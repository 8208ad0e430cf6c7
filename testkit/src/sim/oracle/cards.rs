//! What must hold of cards: nothing is charged that was not saved, nothing twice, and every charge
//! is a launch, a pack or a credit.

use std::collections::BTreeMap;

use crate::{
    memory::Audit,
    sim::{Sim, locked, processor::Processor},
    suite::PACK_CREDITS,
};
use payments::{
    charge::Charge,
    funding::Funding,
    ids::PaymentId,
    intent::{Intent, State},
    ledger::Account,
    time::UnixMs,
};

impl Sim {
    /// A charge leaves a process: only what is saved, and only for what is to be charged.
    pub fn check_charging(&self, id: PaymentId, charge: &Charge) {
        let saved = self.books.audit(|books| {
            books.intent(id).map(|intent| (intent.funding.clone(), intent.charge.clone()))
        });
        let same = |kept: &Charge| kept.stripe_key == charge.stripe_key && kept.key == charge.key;
        match saved {
            Some((Funding::MppCharge { .. } | Funding::MppPack { .. }, Some(ref kept)))
                if same(kept) => {}
            other => self.violated(format!("{id} is charged and not saved like that: {other:?}")),
        }
    }

    /// Whether the processor took the money of an intent.
    pub fn is_charged(&self, id: PaymentId) -> bool {
        let now = self.scheduler.now();
        locked(&self.processor)
            .charges
            .values()
            .any(|landed| landed.intent == id && landed.settled(now) == Some(true))
    }

    /// A client is asked for another card payment.
    pub fn check_card_challenge(&self, intent: &Intent) {
        if self.is_charged(intent.id) {
            self.violated(format!("another payment is asked for, and {} was charged", intent.id));
        }
    }
}

/// What the processor took and what the books say, one to one, and what every account has left.
pub fn check_cards(books: &Audit<'_>, processor: &Processor, now: UnixMs) -> Result<(), String> {
    let mut taken = BTreeMap::new();
    for landed in processor.charges.values().filter(|landed| landed.settled(now) == Some(true)) {
        if taken.insert(landed.intent, landed.amount.get()).is_some() {
            return Err(format!("{} is charged twice", landed.intent));
        }
    }
    let mut credits: BTreeMap<String, i64> = BTreeMap::new();
    let mut booked = BTreeMap::new();
    for intent in books.intents() {
        let mut add = |count: u64| {
            *credits.entry(Account::CreditsOf(intent.payer.clone()).to_string()).or_default() +=
                signed(count)
        };
        match (&intent.funding, intent.state) {
            (Funding::MppPack { .. }, State::Granted) => add(PACK_CREDITS.get()),
            (Funding::MppCharge { .. }, State::Rejected) => add(1),
            _ => {}
        }
        if matches!(intent.funding, Funding::Credit { .. }) && intent.state == State::Created {
            *credits.entry(Account::CreditsOf(intent.payer.clone()).to_string()).or_default() -= 1;
        }
        if intent.settlement.as_ref().and_then(|settled| settled.charge()).is_some() {
            booked.insert(intent.id, intent.price.minor().unwrap_or(0));
        }
        if intent.charge.as_ref().is_some_and(|charge| !charge.sealed_params.is_empty()) {
            return Err(format!("{} is over and keeps what could be charged", intent.id));
        }
    }
    let booked: BTreeMap<_, u64> =
        booked.into_iter().map(|(id, minor)| (id, u64::try_from(minor).unwrap_or(0))).collect();
    if booked != taken {
        return Err(format!("the processor took {taken:?}, and the books say {booked:?}"));
    }
    let mut accounts: BTreeMap<String, i64> = BTreeMap::new();
    for line in books.postings().iter().flat_map(|posting| posting.lines()) {
        *accounts.entry(line.account.to_string()).or_default() += line.amount_minor;
    }
    for (account, expected) in credits {
        let left = accounts.get(&account).copied().unwrap_or(0);
        if left != expected || left < 0 {
            return Err(format!("{account} has {left} credits, and the rows say {expected}"));
        }
    }
    let clearing = accounts.get(&Account::StripeClearing.to_string()).copied().unwrap_or(0);
    let all = signed(taken.values().sum());
    if clearing == all {
        Ok(())
    } else {
        Err(format!("{clearing} cents are at the processor, and it says {all}"))
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
