//! What must hold in the books after each write.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{Sim, locked},
    lost,
};
use crate::{memory::Audit, world::launches};

impl Sim {
    /// After each step that wrote something: the books alone.
    pub fn check_step(&self) -> Result<(), String> {
        let mut oracle = locked(&self.oracle);
        if let Some(violation) = oracle.violation.take() {
            return Err(violation);
        }
        if !std::mem::take(&mut oracle.wrote) {
            return Ok(());
        }
        let seen = oracle.postings_seen;
        drop(oracle);
        let now_seen = self.books.audit(|books| check_books(books, seen))?;
        locked(&self.oracle).postings_seen = now_seen;
        Ok(())
    }
}

/// The books by themselves; says how many postings it has seen.
fn check_books(books: &Audit<'_>, seen: usize) -> Result<usize, String> {
    let postings = books.postings();
    for posting in postings.get(seen..).ok_or("a posting is gone")? {
        let sum: i64 = posting.lines().iter().map(|line| line.amount_minor).sum();
        if sum != 0 {
            return Err(format!("{} does not balance", posting.txn_id()));
        }
    }
    let mut slots = BTreeMap::new();
    let most = launches().count.get();
    for ((wallet, window, slot), _) in books.slots() {
        *slots.entry((wallet, window)).or_insert(0_u32) += 1;
        if !(1..=most).contains(&slot) {
            return Err(format!("{wallet} has slot {slot}"));
        }
    }
    if let Some(((wallet, window), _)) = slots.iter().find(|(_, held)| **held > most) {
        return Err(format!("{wallet} has too many slots of {window}"));
    }
    let mut settled = BTreeSet::new();
    let mut nonces = BTreeMap::new();
    let mut launches = BTreeSet::new();
    for intent in books.intents() {
        if let (Some(proof), Some(terms)) = (intent.transfer_proof(), &intent.transfer)
            && (!settled.insert(terms.key.to_string())
                || !settled.insert(format!("{}/{}", proof.tx_hash, proof.log_index)))
        {
            return Err(format!("{} is settled by what settled another", intent.id));
        }
        for attempt in &intent.attempts {
            if *nonces.entry((attempt.signer, attempt.eoa_nonce)).or_insert(intent.id) != intent.id
            {
                return Err(format!(
                    "nonce {} of {} serves two intents",
                    attempt.eoa_nonce, attempt.signer
                ));
            }
        }
        if intent.launch_id.as_ref().is_some_and(|launch| !launches.insert(launch.clone())) {
            return Err(format!("{} has the launch of another", intent.id));
        }
    }
    lost::held_is_settled(books)?;
    Ok(postings.len())
}
