//! The card processor's balance in the books: entries, fees, payouts, and what is left with it.

mod assign;
mod entries;
mod payouts;
mod sums;

use async_trait::async_trait;
use payments::{
    clearing::{BalanceEntry, CentsMoved, Payout, PayoutStanding},
    ids::PaymentId,
    ports::{
        AssignPayout, AssignRefusal, BooksError, Clearing, ClearingBooks, EntryOwner, PayoutRow,
    },
    time::UnixMs,
};

use super::{Store, dialect, unavailable};
use crate::books::doubt::{Attempt, until_known};

#[async_trait]
impl ClearingBooks for Store {
    async fn note_entries(
        &self,
        fence: i64,
        entries: &[BalanceEntry],
        foreign_since: Option<UnixMs>,
        at: UnixMs,
    ) -> Result<Vec<EntryOwner>, BooksError> {
        let mut write = self.write(Some(at.ms())).await?;
        let noted =
            entries::note_all(&mut write.transaction, fence, entries, foreign_since, at).await;
        self.finish(write, noted).await
    }

    async fn charges_without_entry(
        &self,
        since: UnixMs,
        limit: u32,
    ) -> Result<Vec<String>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        entries::missing(&mut connection, since, limit).await
    }

    async fn note_payout(
        &self,
        fence: i64,
        id: PaymentId,
        payout: &Payout,
        at: UnixMs,
    ) -> Result<PayoutStanding, BooksError> {
        let mut write = self.write(Some(at.ms())).await?;
        let noted = payouts::note(&mut write.transaction, fence, id, payout, at).await;
        self.finish(write, noted).await
    }

    async fn book_payout(
        &self,
        fence: i64,
        payout: &Payout,
        entries: &[BalanceEntry],
        at: UnixMs,
    ) -> Result<CentsMoved, BooksError> {
        let mut write = self.write(Some(at.ms())).await?;
        let booked = payouts::book(&mut write.transaction, fence, payout, entries, at).await;
        self.finish(write, booked).await
    }

    async fn take_back_payout(
        &self,
        fence: i64,
        payout: &str,
        at: UnixMs,
    ) -> Result<(), BooksError> {
        let mut write = self.write(Some(at.ms())).await?;
        let taken = payouts::take_back(&mut write.transaction, fence, payout, at).await;
        self.finish(write, taken).await
    }

    async fn assign_payout(&self, assign: &AssignPayout) -> Result<PayoutRow, AssignRefusal> {
        let attempt = |in_doubt| -> Attempt<'_, PayoutRow, AssignRefusal> {
            Box::pin(async move {
                let mut write = self.write(Some(assign.at.ms())).await?;
                let before = if in_doubt {
                    assign::made(&mut write.transaction, assign).await?
                } else {
                    None
                };
                let assigned = match before {
                    Some(row) => Ok(row),
                    None => assign::assign(&mut write.transaction, assign).await,
                };
                self.finish_unless(assign.dry_run, write, assigned).await
            })
        };
        until_known(dialect::DOUBT, attempt).await
    }

    async fn open_payouts(&self, limit: u32) -> Result<Vec<String>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        payouts::open(&mut connection, limit).await
    }

    async fn payouts(&self, waiting_only: bool, limit: u32) -> Result<Vec<PayoutRow>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        payouts::list(&mut connection, waiting_only, limit).await
    }

    async fn clearing(
        &self,
        read_since: UnixMs,
        settled_since: UnixMs,
    ) -> Result<Clearing, BooksError> {
        sums::clearing(&self.readers, read_since, settled_since).await
    }

    async fn account_held(&self) -> Result<CentsMoved, BooksError> {
        sums::account_held(&self.readers).await
    }

    async fn has_entry(&self, id: &str) -> Result<bool, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        Ok(entries::owner(&mut connection, id).await?.is_some())
    }

    async fn is_ours(&self, entry: &str) -> Result<bool, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        Ok(entries::owner(&mut connection, entry).await? == Some(EntryOwner::Ours))
    }
}
