//! What the books in memory hold.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::finality::{Found, Look, keeps_bytes};
use crate::{
    agent::{Payer, Wallet},
    fingerprint::Fingerprint,
    ids::PaymentId,
    intent::{Intent, State},
    ledger::Posting,
    money::Amount,
    ports::{BooksError, CreditAccount, RefusedProof, SealedRow},
    proof::{ChargeKey, PaymentKey, ProofKey},
    settlement::{ChainHash, seal_name},
    time::{Month, UnixMs},
};

#[derive(Clone, Default)]
pub(super) struct Tables {
    pub(super) intents: BTreeMap<PaymentId, Row>,
    pub(super) auths: HashMap<PaymentKey, Auth>,
    pub(super) challenges: HashMap<ChargeKey, Auth>,
    pub(super) credits: BTreeMap<Payer, CreditAccount>,
    pub(super) credit_entries: HashSet<(PaymentId, &'static str)>,
    pub(super) agent_tokens: HashMap<[u8; 32], PaymentId>,
    pub(super) next_nonces: HashMap<Wallet, u64>,
    pub(super) closed_nonces: HashSet<(Wallet, u64)>,
    pub(super) slots: BTreeMap<(Wallet, Month, u8), Slot>,
    pub(super) refused_proofs: HashMap<PaymentKey, RefusedProof>,
    pub(super) obligations: BTreeMap<PaymentId, Obligation>,
    pub(super) postings: Vec<Posting>,
    pub(super) timeline: Vec<(PaymentId, State, UnixMs)>,
    pub(super) looks: BTreeMap<PaymentId, Look>,
    pub(super) findings: BTreeMap<(&'static str, PaymentId), Found>,
}

#[derive(Clone)]
pub(super) struct Row {
    pub(super) intent: Intent,
    pub(super) idempotency: Option<String>,
    pub(super) lease_until: UnixMs,
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
    pub(super) state: &'static str,
    pub(super) reserved_by: Option<PaymentId>,
    pub(super) entitled_until: UnixMs,
    pub(super) created_at: UnixMs,
}

impl Row {
    pub(super) fn deliver(&mut self) {
        self.intent.delivered = true;
        self.attended_until = UnixMs::new(0);
    }
}

impl Tables {
    pub(super) fn row(&mut self, id: PaymentId) -> Result<&mut Row, BooksError> {
        self.intents.get_mut(&id).ok_or(BooksError::Stale(id))
    }

    /// Takes whatever the request proved itself with.
    pub(super) fn take_proof(&mut self, proof: Option<ProofKey>, fingerprint: Fingerprint, intent: Option<PaymentId>) {
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
    pub(super) fn take_auth(&mut self, key: PaymentKey, fingerprint: Fingerprint, intent: Option<PaymentId>) -> bool {
        if self.auths.contains_key(&key) {
            return false;
        }
        self.auths.insert(key, Auth { fingerprint, intent });
        true
    }

    pub(super) fn take_stuck(&mut self, now: UnixMs, lease_until: UnixMs, limit: u32) -> Vec<Intent> {
        let stuck = self.intents.values_mut().filter(|row| !row.intent.state.is_terminal() && row.lease_until < now);
        stuck
            .take(limit as usize)
            .map(|row| {
                (row.lease_until, row.attended_until) = (lease_until, UnixMs::new(0));
                row.intent.guard.fence += 1;
                row.intent.clone()
            })
            .collect()
    }

    /// Of this signer, or of all of them.
    pub(super) fn open_nonces(&self, signer: Option<Wallet>, limit: u32) -> Vec<Intent> {
        let paid = |intent: &Intent| !matches!(intent.state, State::Claimed | State::Signed | State::Submitted | State::SubmitUnknown);
        let wanted = |of: Wallet| signer.is_none_or(|signer| signer == of);
        let open =
            |intent: &Intent| intent.attempts.iter().any(|a| wanted(a.signer) && !self.closed_nonces.contains(&(a.signer, a.eoa_nonce)));
        let intents = self.intents.values().map(|row| &row.intent);
        intents.filter(|intent| paid(intent) && open(intent)).take(limit as usize).cloned().collect()
    }

    /// Not over: open, or their settlement can still be taken back.
    pub(super) fn signers_at_work(&self) -> Vec<(Wallet, u64)> {
        let rows = self.intents.values().map(|row| &row.intent);
        let attempts = rows.flat_map(|intent| intent.attempts.iter().map(move |attempt| (intent, attempt)));
        let at_work = attempts.filter(|(intent, attempt)| {
            let settled = intent.own_settlement().is_some_and(|proof| proof.tx_hash == attempt.tx_hash);
            !self.closed_nonces.contains(&(attempt.signer, attempt.eoa_nonce)) || (settled && keeps_bytes(self, intent))
        });
        let nonces: BTreeSet<([u8; 20], u64)> = at_work.map(|(_, attempt)| (*attempt.signer.as_bytes(), attempt.eoa_nonce)).collect();
        let mut counts = BTreeMap::new();
        for (signer, _) in nonces {
            *counts.entry(signer).or_insert(0_u64) += 1;
        }
        counts.into_iter().map(|(signer, count)| (Wallet::new(signer), count)).collect()
    }

    pub(super) fn sealed(&self, limit: u32) -> Vec<SealedRow> {
        let of = |intent: &Intent| {
            let signed = intent.attempts.iter().map(|attempt| (seal_name(attempt.kind, attempt.tx_hash), attempt.sealed_tx.clone()));
            let charge = intent.charge.iter().map(|charge| (intent.id.to_string(), charge.sealed_params.clone()));
            signed.chain(charge).map(|(name, bytes)| SealedRow { name, bytes }).collect::<Vec<_>>()
        };
        let rows = self.intents.values().flat_map(|row| of(&row.intent));
        rows.filter(|row| !row.bytes.is_empty()).take(limit as usize).collect()
    }

    pub(super) fn close_nonce(&mut self, signer: Wallet, eoa_nonce: u64) {
        self.closed_nonces.insert((signer, eoa_nonce));
        let kept: HashSet<PaymentId> =
            self.intents.values().filter(|row| keeps_bytes(self, &row.intent)).map(|row| row.intent.id).collect();
        for row in self.intents.values_mut().filter(|row| !kept.contains(&row.intent.id)) {
            for attempt in row.intent.attempts.iter_mut().filter(|a| a.signer == signer && a.eoa_nonce == eoa_nonce) {
                attempt.sealed_tx.clear();
            }
        }
    }

    pub(super) fn note_fee(&mut self, tx_hash: ChainHash, fee_wei: Option<u128>) {
        let attempts = self.intents.values_mut().flat_map(|row| row.intent.attempts.iter_mut());
        attempts.filter(|attempt| attempt.tx_hash == tx_hash).for_each(|attempt| attempt.fee_wei = fee_wei);
    }

    pub(super) fn expire_entitlements(&mut self, now: UnixMs) -> u64 {
        let over = self.obligations.values_mut().filter(|owed| owed.state == "open" && owed.entitled_until <= now);
        over.map(|owed| owed.state = "refund_due").count() as u64
    }
}

/// A write that a key of the database would refuse.
pub(super) fn refused_by_key(what: &'static str) -> BooksError {
    BooksError::Unavailable(what.into())
}
