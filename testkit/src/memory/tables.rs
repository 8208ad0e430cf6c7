//! What the books in memory hold.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::finality::{Found, Look, keeps_bytes};
use payments::{
    agent::{Payer, Wallet},
    fingerprint::Fingerprint,
    free_quota::QuotaWindow,
    ids::PaymentId,
    intent::{Guard, Intent, State},
    ledger::Posting,
    money::Amount,
    obligation::{ObligationState, ObligationStep},
    ports::{
        BooksError, CreditAccount, KnownNonce, OpenNonce, RefusedProof, SealedRow, Sequence,
        SigningAccount,
    },
    proof::{ChargeKey, PaymentKey, ProofKey},
    settlement::{Attempt, ChainHash, seal_name},
    time::UnixMs,
};

#[derive(Clone, Default)]
pub(super) struct Tables {
    pub(super) intents: BTreeMap<PaymentId, Row>,
    pub(super) auths: HashMap<PaymentKey, Auth>,
    pub(super) challenges: HashMap<ChargeKey, Auth>,
    pub(super) credits: BTreeMap<Payer, CreditAccount>,
    pub(super) credit_entries: HashSet<(PaymentId, &'static str)>,
    pub(super) agent_tokens: HashMap<[u8; 32], PaymentId>,
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

    fn is_driven(&self, now: UnixMs) -> bool {
        self.intent.state.is_terminal() || self.lease_until >= now
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

    /// Of this account, or of all of them.
    pub(super) fn open_nonces(
        &self,
        account: Option<SigningAccount>,
        limit: u32,
    ) -> Vec<OpenNonce> {
        let paid = |intent: &Intent| {
            !matches!(
                intent.state,
                State::Claimed | State::Signed | State::Submitted | State::SubmitUnknown
            )
        };
        let intents = self.intents.values().map(|row| &row.intent);
        let of = |intent: &Intent| {
            let open = self
                .nonces_of(intent)
                .into_iter()
                .filter(|(of, nonce)| !self.closed_nonces.contains(&(*of, *nonce)));
            let open = open.filter(|(of, _)| account.is_none_or(|account| account == *of));
            open.map(|(_, eoa_nonce)| OpenNonce { intent: intent.clone(), eoa_nonce })
                .collect::<Vec<_>>()
        };
        intents.filter(|intent| paid(intent)).flat_map(of).take(limit as usize).collect()
    }

    /// Each nonce of an intent once, in order.
    fn nonces_of(&self, intent: &Intent) -> BTreeSet<(SigningAccount, u64)> {
        intent
            .attempts
            .iter()
            .filter_map(|attempt| Some((intent.account_of(attempt)?, attempt.eoa_nonce)))
            .collect()
    }

    pub(super) fn sequence(&self, account: SigningAccount, from_nonce: u64) -> Sequence {
        let mut nonces: BTreeMap<u64, KnownNonce> = BTreeMap::new();
        for intent in self.intents.values().map(|row| &row.intent) {
            for attempt in
                intent.attempts.iter().filter(|attempt| intent.account_of(attempt) == Some(account))
            {
                let open = !self.closed_nonces.contains(&(account, attempt.eoa_nonce));
                let fresh =
                    KnownNonce { eoa_nonce: attempt.eoa_nonce, open, saved_at: attempt.saved_at };
                let known = nonces.entry(attempt.eoa_nonce).or_insert(fresh);
                known.saved_at = known.saved_at.min(attempt.saved_at);
            }
        }
        let fills = self.open_fills().filter(|(of, _)| *of == account);
        Sequence {
            next_nonce: self.next_nonces.get(&account).copied().unwrap_or_default(),
            nonces: nonces.into_values().filter(|known| known.eoa_nonce >= from_nonce).collect(),
            fills: fills.map(|(_, fill)| fill.clone()).collect(),
        }
    }

    /// What it had cost is not known any more: it is not mined.
    pub(super) fn reopen_nonce(&mut self, account: SigningAccount, eoa_nonce: u64) {
        self.closed_nonces.remove(&(account, eoa_nonce));
        for intent in self.intents.values_mut().map(|row| &mut row.intent) {
            let Some(chain_id) = intent.transfer.as_ref().map(|terms| terms.key.chain_id) else {
                continue;
            };
            let same = |a: &&mut Attempt| {
                chain_id == account.chain_id
                    && (a.signer, a.eoa_nonce) == (account.address, eoa_nonce)
            };
            intent.attempts.iter_mut().filter(same).for_each(|attempt| attempt.fee_wei = None);
        }
        for (_, fill) in
            self.fills.iter_mut().filter(|(of, fill)| *of == account && fill.eoa_nonce == eoa_nonce)
        {
            fill.fee_wei = None;
            self.closed_fills.remove(&fill.tx_hash.0);
        }
    }

    /// Not over: open, or their settlement can still be taken back.
    pub(super) fn signers_at_work(&self) -> Vec<(Wallet, u64)> {
        let rows = self.intents.values().map(|row| &row.intent);
        let attempts =
            rows.flat_map(|intent| intent.attempts.iter().map(move |attempt| (intent, attempt)));
        let at_work = attempts.filter(|(intent, attempt)| {
            let settled =
                intent.own_settlement().is_some_and(|proof| proof.tx_hash == attempt.tx_hash);
            let open = intent
                .account_of(attempt)
                .is_some_and(|of| !self.closed_nonces.contains(&(of, attempt.eoa_nonce)));
            open || (settled && keeps_bytes(self, intent))
        });
        let nonces: BTreeSet<([u8; 20], u64)> =
            at_work.map(|(_, attempt)| (*attempt.signer.as_bytes(), attempt.eoa_nonce)).collect();
        let fills: BTreeSet<([u8; 20], u64)> = self
            .open_fills()
            .map(|(account, fill)| (*account.address.as_bytes(), fill.eoa_nonce))
            .collect();
        let mut counts = BTreeMap::new();
        for (signer, _) in nonces.union(&fills).copied() {
            *counts.entry(signer).or_insert(0_u64) += 1;
        }
        counts.into_iter().map(|(signer, count)| (Wallet::new(signer), count)).collect()
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
        let rows = self.intents.values().flat_map(|row| of(&row.intent)).chain(fills);
        rows.filter(|row| !row.bytes.is_empty()).take(limit as usize).collect()
    }

    /// What fills a hole and is not over.
    pub(super) fn open_fills(&self) -> impl Iterator<Item = &(SigningAccount, Attempt)> {
        self.fills.iter().filter(|(_, fill)| !self.closed_fills.contains(&fill.tx_hash.0))
    }

    /// A transaction is saved once, however often it is asked for.
    pub(super) fn save_fill(&mut self, account: SigningAccount, fill: &Attempt) {
        if self.fills.iter().all(|(_, saved)| saved.tx_hash != fill.tx_hash) {
            self.fills.push((account, fill.clone()));
        }
    }

    pub(super) fn close_nonce(&mut self, account: SigningAccount, eoa_nonce: u64) {
        self.closed_nonces.insert((account, eoa_nonce));
        for (_, fill) in
            self.fills.iter_mut().filter(|(of, fill)| *of == account && fill.eoa_nonce == eoa_nonce)
        {
            fill.sealed_tx.clear();
            self.closed_fills.insert(fill.tx_hash.0);
        }
        let kept: HashSet<PaymentId> = self
            .intents
            .values()
            .filter(|row| keeps_bytes(self, &row.intent))
            .map(|row| row.intent.id)
            .collect();
        for row in self.intents.values_mut().filter(|row| !kept.contains(&row.intent.id)) {
            let Some(chain_id) = row.intent.transfer.as_ref().map(|terms| terms.key.chain_id)
            else {
                continue;
            };
            let same = |a: &&mut Attempt| {
                chain_id == account.chain_id
                    && (a.signer, a.eoa_nonce) == (account.address, eoa_nonce)
            };
            row.intent
                .attempts
                .iter_mut()
                .filter(same)
                .for_each(|attempt| attempt.sealed_tx.clear());
        }
    }

    pub(super) fn note_fee(&mut self, tx_hash: ChainHash, fee_wei: Option<u128>) {
        let attempts = self.intents.values_mut().flat_map(|row| row.intent.attempts.iter_mut());
        let fills = self.fills.iter_mut().map(|(_, fill)| fill);
        attempts
            .chain(fills)
            .filter(|attempt| attempt.tx_hash == tx_hash)
            .for_each(|attempt| attempt.fee_wei = fee_wei);
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
