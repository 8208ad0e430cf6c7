//! What the books in memory hold.

mod nonces;

use std::collections::{BTreeMap, HashMap, HashSet};

use payments::{
    agent::{Payer, Wallet},
    fingerprint::Fingerprint,
    free_quota::QuotaWindow,
    ids::PaymentId,
    intent::{Guard, Intent, State},
    ledger::Posting,
    money::Amount,
    obligation::{ObligationState, ObligationStep},
    ports::{BooksError, CreditAccount, RefusedProof, SealedRow, SigningAccount},
    proof::{ChargeKey, PaymentKey, ProofKey},
    settlement::{Attempt, queued_name, seal_name},
    time::UnixMs,
};

use super::finality::{Found, Look};

#[derive(Clone, Default)]
pub(super) struct Tables {
    pub(super) intents: BTreeMap<PaymentId, Row>,
    pub(super) auths: HashMap<PaymentKey, Auth>,
    pub(super) challenges: HashMap<ChargeKey, Auth>,
    pub(super) credits: BTreeMap<Payer, CreditAccount>,
    pub(super) credit_entries: HashSet<(PaymentId, &'static str)>,
    pub(super) agent_tokens: HashMap<[u8; 32], PaymentId>,
    /// What waits for a signer, with what it takes to sign it.
    pub(super) queue: BTreeMap<PaymentId, Vec<u8>>,
    pub(super) next_nonces: HashMap<SigningAccount, u64>,
    pub(super) closed_nonces: HashSet<(SigningAccount, u64)>,
    pub(super) fills: Vec<(SigningAccount, Attempt)>,
    /// Those whose nonce was closed since they were saved, by the hash: one that is saved late,
    /// under a closed nonce, is open.
    pub(super) closed_fills: HashSet<[u8; 32]>,
    pub(super) slots: BTreeMap<(Wallet, QuotaWindow, u32), Slot>,
    pub(super) refused_proofs: HashMap<PaymentKey, RefusedProof>,
    pub(super) obligations: BTreeMap<PaymentId, Obligation>,
    pub(super) postings: Vec<Posting>,
    pub(super) timeline: Vec<(PaymentId, State, UnixMs)>,
    pub(super) looks: BTreeMap<PaymentId, Look>,
    pub(super) findings: BTreeMap<(&'static str, PaymentId), Found>,
    /// How often each settlement was lost, and whether it is lost now.
    pub(super) lost: BTreeMap<PaymentId, (u32, bool)>,
}

#[derive(Clone)]
pub(super) struct Row {
    pub(super) intent: Intent,
    pub(super) idempotency: Option<String>,
    pub(super) lease_until: UnixMs,
    pub(super) parked_until: UnixMs,
    pub(super) attended_until: UnixMs,
}

#[derive(Clone)]
pub(super) struct Auth {
    pub(super) fingerprint: Fingerprint,
    pub(super) intent: Option<PaymentId>,
}

#[derive(Clone)]
pub(super) struct Slot {
    pub(super) day: String,
    pub(super) intent: PaymentId,
}

#[derive(Clone)]
pub(super) struct Obligation {
    pub(super) payer: Payer,
    pub(super) amount: Amount,
    pub(super) state: ObligationState,
    pub(super) reserved_by: Option<PaymentId>,
    pub(super) entitled_until: UnixMs,
    pub(super) created_at: UnixMs,
    /// The payment whose money it is, where a later one left it.
    pub(super) part_of: Option<PaymentId>,
}

impl Row {
    pub(super) fn deliver(&mut self) {
        self.intent.delivered = true;
        self.attended_until = UnixMs::new(0);
    }

    /// Nobody has to take it up: it is over, driven, or waits for a settler.
    fn is_driven(&self, now: UnixMs) -> bool {
        self.intent.state.is_terminal()
            || self.intent.state == State::Queued
            || self.lease_until >= now
    }

    fn taken(&mut self, lease_until: UnixMs) -> Intent {
        (self.lease_until, self.parked_until, self.attended_until) =
            (lease_until, UnixMs::new(0), UnixMs::new(0));
        self.intent.guard.fence += 1;
        self.intent.clone()
    }
}

impl Tables {
    pub(super) fn row(&mut self, id: PaymentId) -> Result<&mut Row, BooksError> {
        self.intents.get_mut(&id).ok_or(BooksError::Stale(id))
    }

    /// Takes whatever the request proved itself with.
    pub(super) fn take_proof(
        &mut self,
        proof: Option<ProofKey>,
        fingerprint: Fingerprint,
        intent: Option<PaymentId>,
    ) {
        match proof {
            Some(ProofKey::Authorization(key)) => {
                self.take_auth(key, fingerprint, intent);
            }
            Some(ProofKey::Charge(key)) => {
                self.challenges.insert(key, Auth { fingerprint, intent });
            }
            None => {}
        }
    }

    /// False when anything took the proof before.
    pub(super) fn take_auth(
        &mut self,
        key: PaymentKey,
        fingerprint: Fingerprint,
        intent: Option<PaymentId>,
    ) -> bool {
        if self.auths.contains_key(&key) {
            return false;
        }
        self.auths.insert(key, Auth { fingerprint, intent });
        true
    }

    pub(super) fn take_stuck(
        &mut self,
        now: UnixMs,
        lease_until: UnixMs,
        limit: u32,
    ) -> Vec<Intent> {
        let stuck =
            self.intents.values_mut().filter(|row| !row.is_driven(now) && row.parked_until < now);
        stuck.take(limit as usize).map(|row| row.taken(lease_until)).collect()
    }

    pub(super) fn take(
        &mut self,
        id: PaymentId,
        now: UnixMs,
        lease_until: UnixMs,
    ) -> Option<Intent> {
        let row = self.intents.get_mut(&id).filter(|row| !row.is_driven(now))?;
        Some(row.taken(lease_until))
    }

    pub(super) fn park(&mut self, id: PaymentId, fence: i64, until: UnixMs) -> bool {
        let Some(row) = self.intents.get_mut(&id).filter(|row| row.intent.guard.fence == fence)
        else {
            return false;
        };
        (row.lease_until, row.parked_until) = (UnixMs::new(0), until);
        true
    }

    pub(super) fn note_not_done(
        &mut self,
        id: PaymentId,
        guard: Guard,
        not_done: bool,
    ) -> Result<Intent, BooksError> {
        let intent = &mut self.row(id)?.intent;
        if intent.guard != guard || intent.state != State::CoreUnknown {
            return Err(BooksError::Stale(id));
        }
        intent.guard.version += 1;
        intent.not_done = not_done;
        Ok(intent.clone())
    }

    pub(super) fn sealed(&self, limit: u32) -> Vec<SealedRow> {
        let of = |intent: &Intent| {
            let signed = intent.attempts.iter().map(|attempt| {
                (seal_name(attempt.kind, attempt.tx_hash), attempt.sealed_tx.clone())
            });
            let charge = intent
                .charge
                .iter()
                .map(|charge| (intent.id.to_string(), charge.sealed_params.clone()));
            signed.chain(charge).map(|(name, bytes)| SealedRow { name, bytes }).collect::<Vec<_>>()
        };
        let fills = self.fills.iter().map(|(_, fill)| SealedRow {
            name: seal_name(fill.kind, fill.tx_hash),
            bytes: fill.sealed_tx.clone(),
        });
        let queued = self
            .queue
            .iter()
            .map(|(id, bytes)| SealedRow { name: queued_name(*id), bytes: bytes.clone() });
        let rows = self.intents.values().flat_map(|row| of(&row.intent)).chain(fills).chain(queued);
        rows.filter(|row| !row.bytes.is_empty()).take(limit as usize).collect()
    }

    pub(super) fn expire_entitlements(&mut self, now: UnixMs) -> u64 {
        let over = self.obligations.values_mut().filter(|owed| {
            owed.state == ObligationStep::EXPIRE.from() && owed.entitled_until <= now
        });
        over.map(|owed| owed.state = ObligationStep::EXPIRE.to()).count() as u64
    }
}

/// A write that a key of the database would refuse.
pub(super) fn refused_by_key(what: &'static str) -> BooksError {
    BooksError::Unavailable(what.into())
}
