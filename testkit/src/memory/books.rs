//! [`Books`] on the tables in memory.

use std::sync::{PoisonError, atomic::Ordering};

use async_trait::async_trait;
use payments::{
    agent::{Payer, Wallet},
    free_quota::QuotaWindow,
    ids::PaymentId,
    intent::{Guard, Intent, Transition},
    ports::{
        Books, BooksError, ClaimKey, Claimed, Evidence, Found, IdentityClaim, IntentSummary,
        JournalLine, Known, LedgerPage, MAX_WAITING_NOTES, NewClaim, OpenNonce, Payment,
        PreparationError, REQUESTS_KEPT_MS, Renewal, RequestNote, SealedRow, Sequence, Sighting,
        SigningAccount, Usage,
    },
    settlement::{Attempt, ChainHash, GasSpent},
    time::{Month, UnixMs},
};

use super::{Mark, MemoryBooks, apply, claim, finality, reads};

#[async_trait]
impl Books for MemoryBooks {
    async fn known(&self, key: &ClaimKey) -> Result<Option<Known>, BooksError> {
        Ok(claim::known(&self.tables(), key))
    }

    async fn claim(&self, mut claim: NewClaim<'_>) -> Result<Claimed, BooksError> {
        if let Payment::Transfer(payment) = &mut claim.payment {
            payment.queueing.always |= self.is_signer_busy.load(Ordering::Relaxed);
        }
        self.write(|tables| claim::claim(tables, claim))
    }

    async fn claim_identities(&self, claims: &[IdentityClaim]) -> Result<Vec<bool>, BooksError> {
        self.write(|tables| {
            Ok(claims
                .iter()
                .map(|claim| tables.take_auth(claim.key, claim.fingerprint, None))
                .collect())
        })
    }

    async fn intent(&self, id: PaymentId) -> Result<Option<Intent>, BooksError> {
        Ok(self.tables().intents.get(&id).map(|row| row.intent.clone()))
    }

    async fn apply(&self, transition: Transition) -> Result<Intent, BooksError> {
        self.write(|tables| apply::apply(tables, transition))
    }

    async fn save_attempt(
        &self,
        id: PaymentId,
        guard: Guard,
        attempt: &Attempt,
    ) -> Result<Intent, BooksError> {
        self.write(|tables| {
            let intent = &mut tables.row(id)?.intent;
            if intent.guard != guard {
                return Err(BooksError::Stale(id));
            }
            intent.guard.version += 1;
            intent.updated_at = attempt.saved_at;
            intent.attempts.push(attempt.clone());
            Ok(intent.clone())
        })
    }

    async fn renew_lease(
        &self,
        id: PaymentId,
        fence: i64,
        until: UnixMs,
    ) -> Result<bool, BooksError> {
        let mut tables = self.tables();
        let row = tables.row(id)?;
        let ours = row.intent.guard.fence == fence;
        if ours {
            row.lease_until = until;
            row.attended_until =
                if row.attended_until == UnixMs::new(0) { row.attended_until } else { until };
        }
        Ok(ours)
    }

    async fn release_lease(&self, id: PaymentId, fence: i64) -> Result<(), BooksError> {
        let mut tables = self.tables();
        let row = tables.row(id)?;
        if row.intent.guard.fence == fence {
            (row.lease_until, row.parked_until) = (UnixMs::new(0), UnixMs::new(0));
        }
        Ok(())
    }

    async fn take_stuck(
        &self,
        now: UnixMs,
        lease_until: UnixMs,
        limit: u32,
    ) -> Result<Vec<Intent>, BooksError> {
        self.write(|tables| Ok(tables.take_stuck(now, lease_until, limit)))
    }

    async fn open_nonces(
        &self,
        account: SigningAccount,
        limit: u32,
    ) -> Result<Vec<OpenNonce>, BooksError> {
        Ok(self.tables().open_nonces(Some(account), limit))
    }

    async fn sequence(
        &self,
        account: SigningAccount,
        from_nonce: u64,
    ) -> Result<Sequence, BooksError> {
        Ok(self.tables().sequence(account, from_nonce))
    }

    async fn save_fill(&self, account: SigningAccount, fill: &Attempt) -> Result<(), BooksError> {
        self.tables().save_fill(account, fill);
        Ok(())
    }

    async fn renew(
        &self,
        id: PaymentId,
        guard: Guard,
        renewal: Renewal<'_>,
    ) -> Result<Result<Intent, PreparationError>, BooksError> {
        self.write(|tables| claim::renew(tables, id, guard, renewal))
    }

    async fn signers_at_work(&self) -> Result<Vec<(Wallet, u64)>, BooksError> {
        Ok(self.tables().signers_at_work())
    }

    async fn sealed(&self, limit: u32) -> Result<Vec<SealedRow>, BooksError> {
        Ok(self.tables().sealed(limit))
    }

    async fn close_nonce(&self, account: SigningAccount, eoa_nonce: u64) -> Result<(), BooksError> {
        self.tables().close_nonce(account, eoa_nonce);
        Ok(())
    }

    async fn reopen_nonce(
        &self,
        account: SigningAccount,
        eoa_nonce: u64,
    ) -> Result<(), BooksError> {
        self.tables().reopen_nonce(account, eoa_nonce);
        Ok(())
    }

    async fn note_finding(&self, found: &Found, at: UnixMs) -> Result<(), BooksError> {
        self.write(|tables| {
            finality::note_found(tables, found, at);
            Ok(())
        })
    }

    async fn note_fees(&self, fees_wei: &[(ChainHash, u128)]) -> Result<(), BooksError> {
        self.write(|tables| {
            fees_wei
                .iter()
                .for_each(|(tx_hash, fee_wei)| tables.note_fee(*tx_hash, Some(*fee_wei)));
            Ok(())
        })
    }

    async fn gas_spent(&self) -> Result<GasSpent, BooksError> {
        Ok(reads::gas_spent(&self.tables()))
    }

    async fn recent_settlements(
        &self,
        chain_id: u64,
        due: UnixMs,
        limit: u32,
    ) -> Result<Vec<Intent>, BooksError> {
        Ok(finality::recent(&self.tables(), chain_id, due, limit))
    }

    async fn note_sightings(&self, sightings: &[Sighting]) -> Result<(), BooksError> {
        self.write(|tables| finality::note(tables, sightings))
    }

    fn delivered(&self, id: PaymentId) {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).push(Mark::Delivered(id));
    }

    fn unattended(&self, id: PaymentId) {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).push(Mark::Unattended(id));
    }

    fn note_request(&self, note: RequestNote) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MAX_WAITING_NOTES {
            waiting.push(note);
        }
    }

    async fn request(&self, request_id: &str) -> Result<Option<RequestNote>, BooksError> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(requests.iter().find(|note| note.request_id == request_id).cloned())
    }

    async fn flush(&self) -> Result<(), BooksError> {
        self.write(|_| Ok(()))?;
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.append(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(newest) = requests.iter().map(|note| note.at).max() {
            requests.retain(|note| note.at.plus_ms(REQUESTS_KEPT_MS) >= newest);
        }
        Ok(())
    }

    async fn expire_entitlements(&self, now: UnixMs) -> Result<u64, BooksError> {
        self.write(|tables| Ok(tables.expire_entitlements(now)))
    }

    async fn free_calls_on(&self, day: &str) -> Result<u32, BooksError> {
        Ok(self
            .tables()
            .slots
            .values()
            .filter(|slot| slot.day == day)
            .count()
            .try_into()
            .unwrap_or(u32::MAX))
    }

    async fn drop_refused_proofs(&self, now: UnixMs) -> Result<u64, BooksError> {
        let mut tables = self.tables();
        let before = tables.refused_proofs.len();
        tables.refused_proofs.retain(|_, refused| refused.keep_until > now);
        Ok((before - tables.refused_proofs.len()) as u64)
    }

    async fn usage(
        &self,
        payer: &Payer,
        month: Month,
        free: Option<&QuotaWindow>,
    ) -> Result<Usage, BooksError> {
        Ok(reads::usage(&self.tables(), payer, month, free))
    }

    async fn intents(&self, page: &LedgerPage) -> Result<Vec<IntentSummary>, BooksError> {
        Ok(reads::intents(&self.tables(), page))
    }

    async fn evidence(&self, id: PaymentId) -> Result<Option<Evidence>, BooksError> {
        Ok(reads::evidence(&self.tables(), id))
    }

    async fn trial_balance(&self) -> Result<Vec<JournalLine>, BooksError> {
        Ok(reads::trial_balance(&self.tables()))
    }

    async fn ready(&self) -> Result<(), BooksError> {
        Ok(())
    }
}
