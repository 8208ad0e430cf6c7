//! [`Books`] with lost calls, lost answers and checks by the oracle.

use async_trait::async_trait;
use payments::{
    agent::{Payer, Wallet},
    free_quota::QuotaWindow,
    ids::PaymentId,
    intent::{Guard, Intent, Transition},
    ports::{
        Books, BooksError, ClaimKey, Claimed, Evidence, Found, IdentityClaim, IntentSummary,
        JournalLine, Known, LedgerPage, NewClaim, OpenNonce, Payment, PreparationError, Renewal,
        RequestNote, SealedRow, Sequence, Sighting, SigningAccount, Usage,
    },
    settlement::{Attempt, ChainHash, GasSpent},
    time::{Month, UnixMs},
};

use super::{super::locked, Note, SimBooks};

#[async_trait]
impl Books for SimBooks {
    // Reads come back at once: what the caller decides by them, it decides at the moment of the
    // read.
    async fn known(&self, key: &ClaimKey) -> Result<Option<Known>, BooksError> {
        self.reach().await?;
        self.sim.books.known(key).await
    }

    async fn claim(&self, mut claim: NewClaim<'_>) -> Result<Claimed, BooksError> {
        self.reach_to_write().await?;
        if let Payment::Transfer(payment) = &mut claim.payment {
            payment.queueing.always = self.sim.chance(self.sim.odds().signer_busy);
        }
        let (key, at, id, lease_until) =
            (claim.key.authorization().copied(), claim.at, claim.id, claim.lease_until);
        locked(&self.claimed).insert(id);
        let claimed = self.sim.books.claim(claim).await?;
        self.sim.trace(|| format!("claim {key:?}: {}", summary(&claimed)));
        self.note_claim(&claimed, at);
        match claimed {
            Claimed::New(_) => {
                self.sim.wrote();
                self.sim.under_way().await;
                if self.is_reply_lost() {
                    self.looked_for(id, lease_until).await
                } else {
                    Ok(claimed)
                }
            }
            Claimed::Joined(_) => self.back(Ok(claimed)).await,
            Claimed::Known(_) | Claimed::Refused(_) => Ok(claimed),
        }
    }

    async fn claim_identities(&self, claims: &[IdentityClaim]) -> Result<Vec<bool>, BooksError> {
        self.reach_to_write().await?;
        let fresh = self.sim.books.claim_identities(claims).await?;
        for (claim, fresh) in claims.iter().zip(&fresh) {
            self.sim.note_identity(claim.key, *fresh);
        }
        self.back(Ok(fresh)).await
    }

    async fn intent(&self, id: PaymentId) -> Result<Option<Intent>, BooksError> {
        self.reach().await?;
        self.sim.books.intent(id).await
    }

    async fn apply(&self, transition: Transition) -> Result<Intent, BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.apply(transition.clone()).await;
        self.sim.trace(|| {
            format!(
                "{} {} -> {}: {}",
                transition.intent(),
                transition.from().word(),
                transition.to().word(),
                done.is_ok()
            )
        });
        if done.is_ok() {
            self.sim.check_transition(&transition);
        }
        self.back(done).await
    }

    async fn save_attempt(
        &self,
        id: PaymentId,
        guard: Guard,
        attempt: &Attempt,
    ) -> Result<Intent, BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.save_attempt(id, guard, attempt).await;
        self.back(done).await
    }

    async fn renew_lease(
        &self,
        id: PaymentId,
        fence: i64,
        until: UnixMs,
    ) -> Result<bool, BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.renew_lease(id, fence, until).await;
        self.back(done).await
    }

    async fn release_lease(&self, id: PaymentId, fence: i64) -> Result<(), BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.release_lease(id, fence).await;
        self.back(done).await
    }

    async fn take_stuck(
        &self,
        now: UnixMs,
        lease_until: UnixMs,
        limit: u32,
    ) -> Result<Vec<Intent>, BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.take_stuck(now, lease_until, limit).await;
        self.back(done).await
    }

    async fn open_nonces(
        &self,
        account: SigningAccount,
        limit: u32,
    ) -> Result<Vec<OpenNonce>, BooksError> {
        self.reach().await?;
        self.sim.books.open_nonces(account, limit).await
    }

    async fn sequence(
        &self,
        account: SigningAccount,
        from_nonce: u64,
    ) -> Result<Sequence, BooksError> {
        self.reach().await?;
        self.sim.books.sequence(account, from_nonce).await
    }

    async fn save_fill(&self, account: SigningAccount, fill: &Attempt) -> Result<(), BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.save_fill(account, fill).await;
        self.back(done).await
    }

    async fn renew(
        &self,
        id: PaymentId,
        guard: Guard,
        renewal: Renewal<'_>,
    ) -> Result<Result<Intent, PreparationError>, BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.renew(id, guard, renewal).await;
        self.sim.count(|counts| counts.renewals += u64::from(matches!(done, Ok(Ok(_)))));
        self.back(done).await
    }

    async fn signers_at_work(&self) -> Result<Vec<(Wallet, u64)>, BooksError> {
        self.reach().await?;
        self.sim.books.signers_at_work().await
    }

    async fn sealed(&self, limit: u32) -> Result<Vec<SealedRow>, BooksError> {
        self.reach().await?;
        self.sim.books.sealed(limit).await
    }

    async fn close_nonce(&self, account: SigningAccount, eoa_nonce: u64) -> Result<(), BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.close_nonce(account, eoa_nonce).await;
        self.back(done).await
    }

    async fn reopen_nonce(
        &self,
        account: SigningAccount,
        eoa_nonce: u64,
    ) -> Result<(), BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.reopen_nonce(account, eoa_nonce).await;
        self.sim.count(|counts| counts.reopened += 1);
        self.back(done).await
    }

    async fn note_finding(&self, found: &Found, at: UnixMs) -> Result<(), BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.note_finding(found, at).await;
        self.back(done).await
    }

    async fn note_fees(&self, fees_wei: &[(ChainHash, u128)]) -> Result<(), BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.note_fees(fees_wei).await;
        self.back(done).await
    }

    async fn gas_spent(&self) -> Result<GasSpent, BooksError> {
        self.reach().await?;
        self.sim.books.gas_spent().await
    }

    async fn recent_settlements(
        &self,
        chain_id: u64,
        due: UnixMs,
        limit: u32,
    ) -> Result<Vec<Intent>, BooksError> {
        self.reach().await?;
        self.sim.books.recent_settlements(chain_id, due, limit).await
    }

    async fn note_sightings(&self, sightings: &[Sighting]) -> Result<(), BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.note_sightings(sightings).await;
        self.back(done).await
    }

    fn delivered(&self, id: PaymentId) {
        locked(&self.notes).push(Note::Delivered(id));
    }

    fn unattended(&self, id: PaymentId) {
        locked(&self.notes).push(Note::Unattended(id));
    }

    fn note_request(&self, note: RequestNote) {
        self.sim.books.note_request(note);
    }

    async fn request(&self, request_id: &str) -> Result<Option<RequestNote>, BooksError> {
        self.reach().await?;
        self.sim.books.request(request_id).await
    }

    async fn flush(&self) -> Result<(), BooksError> {
        if locked(&self.notes).is_empty() { Ok(()) } else { self.reach_to_write().await }
    }

    async fn expire_entitlements(&self, now: UnixMs) -> Result<u64, BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.expire_entitlements(now).await;
        self.back(done).await
    }

    async fn free_calls_on(&self, day: &str) -> Result<u32, BooksError> {
        self.reach().await?;
        self.sim.books.free_calls_on(day).await
    }

    async fn drop_refused_proofs(&self, now: UnixMs) -> Result<u64, BooksError> {
        self.reach_to_write().await?;
        let done = self.sim.books.drop_refused_proofs(now).await;
        self.back(done).await
    }

    async fn usage(
        &self,
        payer: &Payer,
        month: Month,
        free: Option<&QuotaWindow>,
    ) -> Result<Usage, BooksError> {
        self.reach().await?;
        self.sim.books.usage(payer, month, free).await
    }

    async fn intents(&self, page: &LedgerPage) -> Result<Vec<IntentSummary>, BooksError> {
        self.reach().await?;
        self.sim.books.intents(page).await
    }

    async fn evidence(&self, id: PaymentId) -> Result<Option<Evidence>, BooksError> {
        self.reach().await?;
        self.sim.books.evidence(id).await
    }

    async fn trial_balance(&self) -> Result<Vec<JournalLine>, BooksError> {
        self.reach().await?;
        self.sim.books.trial_balance().await
    }

    async fn ready(&self) -> Result<(), BooksError> {
        self.reach().await
    }
}

fn summary(claimed: &Claimed) -> String {
    match claimed {
        Claimed::New(intent) => format!("new {} {}", intent.id, intent.funding.word()),
        Claimed::Joined(intent) => format!("joins {}", intent.id),
        Claimed::Known(known) => {
            format!("known {:?}", known.intent.as_ref().map(|intent| intent.id))
        }
        Claimed::Refused(refusal) => format!("refused: {refusal}"),
    }
}
