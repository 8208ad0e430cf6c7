//! The books on one database: a read on any connection, a write in one transaction.

mod finish;

use async_trait::async_trait;
use payments::{
    agent::{Payer, Wallet},
    free_quota::QuotaWindow,
    ids::PaymentId,
    intent::{Guard, Intent, Transition},
    ports::{
        Books, BooksError, ClaimKey, Claimed, Evidence, Found, IdentityClaim, IntentSummary,
        JournalLine, Known, LedgerPage, NewClaim, OpenNonce, PreparationError, Renewal,
        RequestNote, SealedRow, Sequence, Sighting, SigningAccount, UnclaimedBooked,
        UnclaimedReceipt, Usage,
    },
    settlement::{Attempt, ChainHash, GasSpent},
    time::{Month, UnixMs},
};

use super::{
    Store, apply, claim, dialect, driving, finality, gas, known, leases, marks, reads, reconcile,
    refused_proofs, requests, rows, sequence, unavailable,
};
use crate::books::doubt::until_known;

/// A change of several statements that comes to the same when it is made twice: begun again where
/// it lost against another one, or where its answer was lost.
macro_rules! in_transaction {
    ($store:expr, $at:expr, $write:ident => $work:expr) => {{
        let (store, at_ms) = ($store, $at);
        let attempt = |_| -> $crate::books::doubt::Attempt<'_, _, BooksError> {
            Box::pin(async move {
                let mut tries = 0_u32;
                loop {
                    let mut $write = store.write(at_ms).await?;
                    let outcome = $work;
                    match store.finish($write, outcome).await {
                        Err(error)
                            if dialect::is_conflict(&error) && tries < $crate::books::AGAIN =>
                        {
                            tries += 1
                        }
                        done => break done,
                    }
                }
            })
        };
        $crate::books::doubt::until_known(dialect::DOUBT, attempt).await
    }};
}
pub(super) use in_transaction;

#[async_trait]
impl Books for Store {
    async fn known(&self, key: &ClaimKey) -> Result<Option<Known>, BooksError> {
        known::known(&self.readers, key).await
    }

    async fn claim(&self, claim: NewClaim<'_>) -> Result<Claimed, BooksError> {
        claim::claim(self, claim).await
    }

    async fn claim_identities(&self, claims: &[IdentityClaim]) -> Result<Vec<bool>, BooksError> {
        claim::identities(&self.writer, claims).await
    }

    async fn intent(&self, id: PaymentId) -> Result<Option<Intent>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        rows::intent(&mut connection, id).await
    }

    async fn apply(&self, transition: Transition) -> Result<Intent, BooksError> {
        apply::apply(self, transition).await
    }

    async fn save_attempt(
        &self,
        id: PaymentId,
        guard: Guard,
        attempt: &Attempt,
    ) -> Result<Intent, BooksError> {
        until_known(dialect::DOUBT, |in_doubt| {
            Box::pin(self.saved_attempt(id, guard, attempt, in_doubt))
        })
        .await
    }

    async fn renew_lease(
        &self,
        id: PaymentId,
        fence: i64,
        until: UnixMs,
    ) -> Result<bool, BooksError> {
        driving::renew(self, id, fence, until).await
    }

    async fn release_lease(&self, id: PaymentId, fence: i64) -> Result<(), BooksError> {
        leases::release(&self.writer, id, fence).await
    }

    async fn take_stuck(
        &self,
        now: UnixMs,
        lease_until: UnixMs,
        limit: u32,
    ) -> Result<Vec<Intent>, BooksError> {
        driving::take_stuck(self, now, lease_until, limit).await
    }

    async fn open_nonces(
        &self,
        account: SigningAccount,
        limit: u32,
    ) -> Result<Vec<OpenNonce>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        sequence::open_nonces(&mut connection, account, limit).await
    }

    async fn sequence(
        &self,
        account: SigningAccount,
        from_nonce: u64,
    ) -> Result<Sequence, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        sequence::sequence(&mut connection, account, from_nonce).await
    }

    async fn save_fill(&self, account: SigningAccount, fill: &Attempt) -> Result<(), BooksError> {
        in_transaction!(self, Some(fill.saved_at.ms()), write => sequence::save_fill(&mut write.transaction, account, fill).await)
    }

    async fn renew(
        &self,
        id: PaymentId,
        guard: Guard,
        renewal: Renewal<'_>,
    ) -> Result<Result<Intent, PreparationError>, BooksError> {
        let mut tries = 0_u32;
        loop {
            let mut write = self.write(Some(renewal.at.ms())).await?;
            let renewed = sequence::renew(&mut write.transaction, id, guard, &renewal).await;
            // What cannot be prepared gives back its nonce.
            let refused = matches!(renewed, Ok(Err(_)));
            match self.finish_unless(refused, write, renewed).await {
                Err(error) if dialect::is_conflict(&error) && tries < crate::books::AGAIN => {
                    tries += 1
                }
                done => break done,
            }
        }
    }

    async fn signers_at_work(&self) -> Result<Vec<(Wallet, u64)>, BooksError> {
        leases::signers_at_work(&self.readers).await
    }

    async fn sealed(&self, limit: u32) -> Result<Vec<SealedRow>, BooksError> {
        leases::sealed(&self.readers, limit).await
    }

    async fn close_nonce(&self, account: SigningAccount, eoa_nonce: u64) -> Result<(), BooksError> {
        in_transaction!(self, None, write => leases::close_nonce(&mut write.transaction, account, eoa_nonce).await)
    }

    async fn reopen_nonce(
        &self,
        account: SigningAccount,
        eoa_nonce: u64,
    ) -> Result<(), BooksError> {
        in_transaction!(self, None, write => sequence::reopen(&mut write.transaction, account, eoa_nonce).await)
    }

    async fn note_finding(&self, found: &Found, at: UnixMs) -> Result<(), BooksError> {
        in_transaction!(self, Some(at.ms()), write => reconcile::findings::open_one(&mut write.transaction, found, at).await.map(drop))
    }

    async fn note_fees(&self, fees_wei: &[(ChainHash, u128)]) -> Result<(), BooksError> {
        in_transaction!(self, None, write => gas::note_all(&mut write.transaction, fees_wei).await)
    }

    async fn gas_spent(&self) -> Result<GasSpent, BooksError> {
        gas::spent(&self.readers).await
    }

    async fn recent_settlements(
        &self,
        chain_id: u64,
        due: UnixMs,
        limit: u32,
    ) -> Result<Vec<Intent>, BooksError> {
        finality::recent(&self.readers, chain_id, due, limit).await
    }

    async fn note_sightings(&self, sightings: &[Sighting]) -> Result<(), BooksError> {
        let at = sightings.first().map(|sighting| sighting.at.ms());
        in_transaction!(self, at, write => finality::note(&mut write.transaction, sightings).await)
    }

    async fn book_unclaimed(
        &self,
        receipt: &UnclaimedReceipt,
        at: UnixMs,
    ) -> Result<UnclaimedBooked, BooksError> {
        in_transaction!(self, Some(at.ms()), write => reconcile::unclaimed::book(&mut write.transaction, receipt, at).await)
    }

    fn delivered(&self, id: PaymentId) {
        self.marks.push(marks::Mark::Delivered(id));
    }

    fn unattended(&self, id: PaymentId) {
        self.marks.push(marks::Mark::Unattended(id));
    }

    fn note_request(&self, note: RequestNote) {
        self.requests.push(note);
    }

    async fn request(&self, request_id: &str) -> Result<Option<RequestNote>, BooksError> {
        requests::find(&self.readers, request_id).await
    }

    async fn flush(&self) -> Result<(), BooksError> {
        self.flush_marks().await?;
        self.requests.write(&self.writer).await
    }

    async fn expire_entitlements(&self, now: UnixMs) -> Result<u64, BooksError> {
        leases::expire_entitlements(&self.writer, now).await
    }

    async fn free_calls_on(&self, day: &str) -> Result<u32, BooksError> {
        refused_proofs::free_calls_on(&self.readers, day).await
    }

    async fn drop_refused_proofs(&self, now: UnixMs) -> Result<u64, BooksError> {
        refused_proofs::drop_past(&self.writer, now).await
    }

    async fn usage(
        &self,
        payer: &Payer,
        month: Month,
        free: Option<&QuotaWindow>,
    ) -> Result<Usage, BooksError> {
        reads::usage(&self.readers, payer, month, free).await
    }

    async fn intents(&self, page: &LedgerPage) -> Result<Vec<IntentSummary>, BooksError> {
        reads::intents(&self.readers, page).await
    }

    async fn evidence(&self, id: PaymentId) -> Result<Option<Evidence>, BooksError> {
        reads::evidence(&self.readers, id).await
    }

    async fn trial_balance(&self) -> Result<Vec<JournalLine>, BooksError> {
        reads::trial_balance(&self.desk).await
    }

    async fn ready(&self) -> Result<(), BooksError> {
        dialect::ready(self).await
    }
}
