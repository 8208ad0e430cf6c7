//! What must hold, checked against what the world knows and the gateway does not.

mod attendance;
mod cards;
mod end;
mod lost;
mod moves;
mod step;

use std::collections::{BTreeMap, BTreeSet};

pub use attendance::Attendance;

use payments::{
    funding::Funding,
    ids::PaymentId,
    intent::{Intent, State},
    proof::PaymentKey,
    settlement::{Attempt, AttemptKind},
    time::UnixMs,
};

use super::{
    Sim,
    chain::{Deed, Tx},
    locked,
};

/// Beyond its lease, the longest that a note about a client may be under way.
const NOTE_MS: i64 = 120_000;

/// The longest that a note of a client that was sent away waits for its turn to be written.
const SENT_AWAY_MS: i64 = 5_000;

/// What the world saw.
pub struct Oracle {
    violation: Option<String>,
    wrote: bool,
    /// Bytes that could settle these left a process.
    sent: BTreeSet<PaymentKey>,
    /// The books know that these identified somebody.
    identity: BTreeSet<PaymentKey>,
    /// Another payment was asked for although bytes had left.
    challenged: BTreeSet<PaymentKey>,
    /// Since when no client waits for the answer to its own claim; none while one does.
    left_alone: BTreeMap<PaymentId, Option<UnixMs>>,
    /// When the client of a claim was sent away with 503, by which process. While that process
    /// lives, its note of it is soon with the books.
    sent_away: BTreeMap<PaymentId, (usize, UnixMs)>,
    /// Some client got the stored answer.
    handed: BTreeSet<PaymentId>,
    postings_seen: usize,
}

// === impl Oracle ===

impl Oracle {
    /// It has seen nothing.
    pub fn new() -> Self {
        Self {
            violation: None,
            wrote: false,
            sent: BTreeSet::new(),
            identity: BTreeSet::new(),
            challenged: BTreeSet::new(),
            left_alone: BTreeMap::new(),
            sent_away: BTreeMap::new(),
            handed: BTreeSet::new(),
            postings_seen: 0,
        }
    }
}

// === what is noted, and what must hold at that moment ===

impl Sim {
    /// The client of a claim heard 503: it may sign anew, and must not pay again.
    pub fn sent_away(&self, id: PaymentId, process: usize) {
        locked(&self.oracle).sent_away.insert(id, (process, self.scheduler.now()));
    }

    /// Notes die with their process; then only the end of a lease says that nobody waits.
    pub fn forget_sent_away(&self, process: usize) {
        locked(&self.oracle).sent_away.retain(|_, (by, _)| *by != process);
    }

    /// Something was written to the books.
    pub fn wrote(&self) {
        locked(&self.oracle).wrote = true;
    }

    pub fn violated(&self, what: impl Into<String>) {
        let what = what.into();
        self.trace(|| format!("VIOLATION: {what}"));
        locked(&self.oracle).violation.get_or_insert(what);
    }

    /// Bytes leave a process: only what is saved, and only for what is to be paid.
    pub fn check_sending(&self, attempt: &Attempt) {
        if self.books.audit(|books| books.is_fill(attempt.tx_hash)) {
            return;
        }
        let Some(owner) = self.books.audit(|books| books.owner_of(attempt.tx_hash).cloned()) else {
            return self.violated(format!("{} is sent and not saved", attempt.tx_hash));
        };
        if attempt.kind == AttemptKind::Void {
            return;
        }
        if owner.funding != Funding::X402 {
            self.violated(format!(
                "{} is {} and its proof is sent",
                owner.id,
                owner.funding.word()
            ));
        }
        if owner.transfer.is_some_and(|terms| locked(&self.oracle).identity.contains(&terms.key)) {
            self.violated(format!("the proof of {} identified somebody and is sent", owner.id));
        }
    }

    /// A node got the bytes.
    pub fn note_sent(&self, tx: &Tx) {
        if let Deed::Settle(terms) = &tx.deed {
            locked(&self.oracle).sent.insert(terms.key);
        }
    }

    /// The books said whether a proof was free to identify somebody.
    pub fn note_identity(&self, key: PaymentKey, fresh: bool) {
        self.wrote();
        if fresh {
            locked(&self.oracle).identity.insert(key);
        }
    }

    /// A client is asked for another payment.
    pub fn check_challenge(&self, key: PaymentKey) {
        if !locked(&self.oracle).sent.contains(&key) {
            return;
        }
        locked(&self.oracle).challenged.insert(key);
        if locked(&self.chain).ledger().uses.get(&key).is_some_and(|used| used.paid) {
            self.violated(format!("another payment is asked for, and {key} was paid"));
        }
    }

    /// A claim made an intent: nobody may pay twice for an answer that he never got.
    pub fn check_new(&self, new: &Intent, at: UnixMs) {
        self.wrote();
        self.check_served(new);
        let grace_ms = self.plan.settings.lease_ms + NOTE_MS;
        let since = at.plus_ms(-self.plan.settings.join_window_ms);
        // A few messages may be slow, and clocks differ.
        let noted_ms =
            i64::try_from(3 * self.plan.slow_ms + self.plan.skew_ms).unwrap_or(0) + SENT_AWAY_MS;
        let oracle = locked(&self.oracle);
        let forsaken = |other: &&Intent| {
            let left_alone =
                oracle.left_alone.get(&other.id).copied().unwrap_or(Some(other.created_at));
            other.id != new.id
                && other.payer == new.payer
                && other.fingerprint == new.fingerprint
                && other.state != State::PayFailed
                && other.created_at >= since
                && !oracle.handed.contains(&other.id)
                && (left_alone.is_some_and(|since| since.plus_ms(grace_ms) < at)
                    || oracle
                        .sent_away
                        .get(&other.id)
                        .is_some_and(|(_, since)| since.plus_ms(noted_ms) < at))
        };
        let paid_for =
            self.books.audit(|books| books.intents().find(forsaken).map(|other| other.id));
        drop(oracle);
        if let Some(other) = paid_for {
            self.violated(format!(
                "{} asks for what {other} was to do, whose answer nobody got: it had to join",
                new.id
            ));
        }
    }

    /// The core made a launch: it must be paid for, or be somebody's due.
    pub fn check_launch(&self, key: &str) {
        self.count(|counts| counts.launches += 1);
        let intent = self
            .books
            .audit(|books| books.intents().find(|intent| intent.core_key() == key).cloned());
        let Some(intent) = intent else {
            return self.violated(format!("launch of {key}, which is no intent"));
        };
        if !matches!(intent.state, State::Forwarding | State::CoreUnknown) {
            return self.violated(format!("launch of {key}, which is {}", intent.state.word()));
        }
        let paid = || {
            let chain = locked(&self.chain);
            intent.transfer.as_ref().is_some_and(|terms| {
                chain.ledger().uses.get(&terms.key).is_some_and(|used| used.paid)
            })
        };
        let unpaid = match intent.funding {
            Funding::X402 => intent.settlement.is_none() || !paid(),
            Funding::MppCharge { .. } => intent.settlement.is_none() || !self.is_charged(intent.id),
            _ => false,
        };
        if unpaid {
            self.violated(format!("launch of {key}, which nobody paid for"));
        }
    }
}
