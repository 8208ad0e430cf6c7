//! What must hold at rest: nothing is open, and the totals of books, chain and core are equal.

use std::collections::{BTreeMap, BTreeSet};

use super::cards::check_cards;
use crate::{
    memory::{Audit, minor},
    sim::{
        Sim,
        chain::{Chain, Ledger},
        locked,
    },
};
use payments::{
    funding::Funding,
    intent::{Intent, State},
    obligation::ObligationState,
    ports::Standing,
    settlement::PaymentFailure,
};

impl Sim {
    /// No intent is under way, every nonce that was signed is known to be used, and every
    /// settlement is final.
    pub fn at_rest(&self) -> bool {
        self.books.audit(|books| {
            open(books).is_none() && hole(books, locked(&self.chain).ledger()).is_none()
        }) && self.books.open_nonce_count() == 0
            && self.books.open_settlement_count() == 0
    }

    /// See the module.
    pub fn check_end(&self) -> Result<(), String> {
        let chain = locked(&self.chain);
        let core = locked(&self.core);
        let oracle = locked(&self.oracle);
        let ledger = chain.ledger();
        if let Some(key) =
            oracle.challenged.iter().find(|key| ledger.uses.get(key).is_some_and(|used| used.paid))
        {
            return Err(format!("another payment was asked for, and {key} was paid after all"));
        }
        let launches: BTreeMap<&str, &str> = core
            .launches
            .iter()
            .map(|(key, (launch, _))| (key.as_str(), launch.as_str()))
            .collect();
        self.books.audit(|books| {
            check_rest(books, ledger)?;
            check_launches(books, &launches)?;
            check_chain(books, ledger)?;
            check_blocks(books, &chain)?;
            check_debts(self, books)?;
            check_totals(books)?;
            check_cards(books, &locked(&self.processor), self.scheduler.now())
        })?;
        match (self.books.open_nonce_count(), self.books.open_settlement_count()) {
            (0, 0) => Ok(()),
            (nonces, settlements) => Err(format!(
                "{nonces} nonces are open, and {settlements} settlements are not final"
            )),
        }
    }
}

fn open<'b>(books: &'b Audit<'_>) -> Option<&'b Intent> {
    books.intents().find(|intent| !intent.state.is_terminal())
}

/// A nonce that was given out and that no transaction of anybody's used: it would hold up what its
/// signer signs next.
fn hole(books: &Audit<'_>, ledger: &Ledger) -> Option<String> {
    let mut given_out = books.next_nonces();
    let (account, next) = given_out.find(|(account, next)| {
        ledger.nonces.get(&account.address).copied().unwrap_or(0) < *next
    })?;
    let used = ledger.nonces.get(&account.address).copied().unwrap_or(0);
    Some(format!("{} has used {used} nonces of the {next} that it was given", account.address))
}

fn check_rest(books: &Audit<'_>, ledger: &Ledger) -> Result<(), String> {
    if let Some(hole) = hole(books, ledger) {
        return Err(hole);
    }
    for fill in books.fills() {
        if fill.fee_wei.is_some() != ledger.receipts.contains_key(&fill.tx_hash.0) {
            return Err(format!(
                "{} filled nonce {} for {:?}, and the chain says otherwise",
                fill.tx_hash, fill.eoa_nonce, fill.fee_wei
            ));
        }
        if !fill.sealed_tx.is_empty() {
            return Err(format!(
                "{} filled nonce {} and is kept sealed",
                fill.tx_hash, fill.eoa_nonce
            ));
        }
    }
    if let Some(intent) = open(books) {
        return Err(format!("{} never comes to rest: it is {}", intent.id, intent.state.word()));
    }
    for intent in books.intents() {
        for attempt in &intent.attempts {
            if ledger.nonces.get(&attempt.signer).copied().unwrap_or(0) <= attempt.eoa_nonce {
                return Err(format!(
                    "nonce {} of {} was signed for {} and never used",
                    attempt.eoa_nonce, attempt.signer, intent.id
                ));
            }
            if attempt.fee_wei.is_some() != ledger.receipts.contains_key(&attempt.tx_hash.0) {
                return Err(format!(
                    "{} of {} cost {:?}, and the chain says otherwise",
                    attempt.tx_hash, intent.id, attempt.fee_wei
                ));
            }
        }
        if intent.attempts.iter().any(|attempt| {
            attempt.kind == payments::settlement::AttemptKind::Transfer
                && !attempt.sealed_tx.is_empty()
        }) {
            return Err(format!("{} is over and keeps bytes that move money", intent.id));
        }
    }
    Ok(())
}

/// Launches at the core and launches in the books, one to one, each with what pays for it.
fn check_launches(books: &Audit<'_>, at_core: &BTreeMap<&str, &str>) -> Result<(), String> {
    let created: Vec<&Intent> =
        books.intents().filter(|intent| intent.state == State::Created).collect();
    for intent in &created {
        if at_core.get(intent.core_key().as_str()).copied() != intent.launch_id.as_deref() {
            return Err(format!("{} has a launch that the core does not know", intent.id));
        }
        if intent.funding == Funding::X402 && intent.settlement.is_none() {
            return Err(format!("{} has a launch that nobody paid for", intent.id));
        }
    }
    if created.len() != at_core.len() {
        return Err(format!(
            "{} launches at the core, {} in the books",
            at_core.len(),
            created.len()
        ));
    }
    let held: BTreeSet<_> = books.slots().map(|(_, intent)| intent).collect();
    let free: BTreeSet<_> = created
        .iter()
        .filter(|intent| matches!(intent.funding, Funding::Free))
        .map(|intent| intent.id)
        .collect();
    if held == free {
        Ok(())
    } else {
        Err(format!("slots are held by {held:?} and free launches are {free:?}"))
    }
}

/// A settlement is booked if and only if it happened; what strangers cashed beside it is nobody's
/// launch.
fn check_chain(books: &Audit<'_>, ledger: &Ledger) -> Result<(), String> {
    let paying: BTreeMap<_, &Intent> = books
        .intents()
        .filter(|intent| intent.funding == Funding::X402)
        .filter_map(|intent| Some((intent.transfer.as_ref()?.key, intent)))
        .collect();
    for intent in paying.values() {
        let Some(settlement) = intent.transfer_proof() else { continue };
        let used = intent.transfer.as_ref().and_then(|terms| ledger.uses.get(&terms.key));
        if !used.is_some_and(|used| used.paid && used.tx_hash == settlement.tx_hash) {
            return Err(format!("{} is booked as paid, and no money came", intent.id));
        }
    }
    let mut received = 0;
    for (key, used) in ledger.uses.iter().filter(|(_, used)| used.paid) {
        received += used.units;
        let Some(intent) = paying.get(key) else { continue };
        // Somebody who saw the proof settled it later: the reconciler finds that.
        let may_arrive =
            matches!(intent.failure, Some(PaymentFailure::Reverted | PaymentFailure::NeverSent));
        if intent.settlement.is_none() && !may_arrive {
            return Err(format!(
                "{} was paid in {} and is {}",
                intent.id,
                used.tx_hash,
                intent.state.word()
            ));
        }
    }
    if received == ledger.received {
        Ok(())
    } else {
        Err(format!("{} units came, {received} are explained", ledger.received))
    }
}

/// A settlement names the block that holds it now.
fn check_blocks(books: &Audit<'_>, chain: &Chain) -> Result<(), String> {
    let elsewhere = |intent: &&Intent| {
        let booked = intent.transfer_proof();
        booked.is_some_and(|booked| chain.standing(0, booked) != Standing::Final)
    };
    match books.intents().find(elsewhere) {
        Some(intent) => Err(format!(
            "the settlement of {} is booked in a block that is not on the chain",
            intent.id
        )),
        None => Ok(()),
    }
}

/// Every refused payment is owed or was used, once.
fn check_debts(sim: &Sim, books: &Audit<'_>) -> Result<(), String> {
    let owed: BTreeMap<_, _> = books.debts().map(|owed| (owed.id, owed)).collect();
    let mut parts: BTreeMap<_, i64> = BTreeMap::new();
    books.debts().for_each(|owed| *parts.entry(owed.source).or_default() += minor(owed.amount));
    for intent in books.intents() {
        let paid = (intent.state == State::Rejected).then(|| minor(intent.price));
        if parts.get(&intent.id).copied() != paid {
            return Err(format!(
                "{} is {}, and its debts are {:?}",
                intent.id,
                intent.state.word(),
                parts.get(&intent.id)
            ));
        }
        let Funding::Entitlement { source } = intent.funding else { continue };
        let used_by_it = owed.get(&source).is_some_and(|owed| {
            owed.state == ObligationState::Used && owed.reserved_by == Some(intent.id)
        });
        if used_by_it != (intent.state == State::Created) {
            return Err(format!(
                "{} is {}, and the debt that paid for it is {:?}",
                intent.id,
                intent.state.word(),
                owed.get(&source)
            ));
        }
    }
    sim.count(|counts| {
        counts.rests += owed.values().filter(|owed| owed.id != owed.source).count() as u64
    });
    match owed
        .values()
        .find(|owed| ![ObligationState::Used, ObligationState::RefundDue].contains(&owed.state))
    {
        Some(owed) => {
            Err(format!("a day later the debt of {} is {}", owed.source, owed.state.word()))
        }
        None => Ok(()),
    }
}

/// What the accounts say is what the rows say.
fn check_totals(books: &Audit<'_>) -> Result<(), String> {
    let mut accounts: BTreeMap<String, i64> = BTreeMap::new();
    let all = books.postings().iter().flat_map(|posting| posting.lines());
    for line in all.filter(|line| line.currency == "USDC") {
        let name = line.account.to_string();
        let kind = name.split(":wallet").next().unwrap_or_default().to_owned();
        *accounts.entry(kind).or_insert(0) += line.amount_minor;
    }
    let sum = |intents: &mut dyn Iterator<Item = &Intent>| -> i64 {
        intents.map(|intent| minor(intent.price)).sum()
    };
    let settled = sum(&mut books.intents().filter(|intent| intent.transfer_proof().is_some()));
    let is_earned = |intent: &&Intent| {
        intent.state == State::Created && intent.is_paid() && intent.transfer.is_some()
    };
    let earned = sum(&mut books.intents().filter(is_earned));
    let due: i64 = books
        .debts()
        .filter(|owed| owed.state == ObligationState::RefundDue)
        .map(|owed| minor(owed.amount))
        .sum();
    let expected = [
        ("asset:usdc_hot", settled),
        ("rev:launch", -earned),
        ("liab:refund_due", -due),
        ("liab:unearned", 0),
    ];
    for (account, expected) in expected {
        let booked = accounts.get(account).copied().unwrap_or(0);
        if booked != expected {
            return Err(format!("{account} stands at {booked}, and the rows say {expected}"));
        }
    }
    Ok(())
}
