//! Nonces of the signers: which are open, what fills a hole, and what was noted of fees.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use payments::{
    agent::Wallet,
    ids::PaymentId,
    intent::{Intent, State},
    ports::{KnownNonce, OpenNonce, Sequence, SigningAccount},
    settlement::{Attempt, ChainHash},
};

use super::{super::finality::keeps_bytes, Tables};

impl Tables {
    /// Of this account, or of all of them.
    pub(in super::super) fn open_nonces(
        &self,
        account: Option<SigningAccount>,
        limit: u32,
    ) -> Vec<OpenNonce> {
        let paid = |intent: &Intent| {
            !matches!(
                intent.state,
                State::Queued | State::Signed | State::Submitted | State::SubmitUnknown
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

    pub(in super::super) fn sequence(&self, account: SigningAccount, from_nonce: u64) -> Sequence {
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
    pub(in super::super) fn reopen_nonce(&mut self, account: SigningAccount, eoa_nonce: u64) {
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
    pub(in super::super) fn signers_at_work(&self) -> Vec<(Wallet, u64)> {
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

    /// What fills a hole and is not over.
    pub(in super::super) fn open_fills(&self) -> impl Iterator<Item = &(SigningAccount, Attempt)> {
        self.fills.iter().filter(|(_, fill)| !self.closed_fills.contains(&fill.tx_hash.0))
    }

    /// A transaction is saved once, however often it is asked for.
    pub(in super::super) fn save_fill(&mut self, account: SigningAccount, fill: &Attempt) {
        if self.fills.iter().all(|(_, saved)| saved.tx_hash != fill.tx_hash) {
            self.fills.push((account, fill.clone()));
        }
    }

    pub(in super::super) fn close_nonce(&mut self, account: SigningAccount, eoa_nonce: u64) {
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

    pub(in super::super) fn note_fee(&mut self, tx_hash: ChainHash, fee_wei: Option<u128>) {
        let attempts = self.intents.values_mut().flat_map(|row| row.intent.attempts.iter_mut());
        let fills = self.fills.iter_mut().map(|(_, fill)| fill);
        attempts
            .chain(fills)
            .filter(|attempt| attempt.tx_hash == tx_hash)
            .for_each(|attempt| attempt.fee_wei = fee_wei);
    }
}
