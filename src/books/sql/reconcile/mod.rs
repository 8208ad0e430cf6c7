//! The books' side of reconciliation.

pub(super) mod findings;
mod receipts;
pub(super) mod runs;
pub(super) mod unclaimed;
mod world;

use async_trait::async_trait;
use payments::{
    gas::Gwei,
    ids::PaymentId,
    money::UsdcUnits,
    ports::{
        BookedCharge, BookedLaunch, BookedTransfer, BooksError, ClaimedAuthorization, CloseFinding,
        CloseRefusal, Finding, Found, Holdings, InTransit, KnownCharge, LogPlace, MoveNote, NewRun,
        OpenFinding, PaidBackTransfer, ReceiptNote, Receiver, ReconcileBooks, RunEnd, Source,
        Window,
    },
    proof::PaymentKey,
    time::UnixMs,
};

use super::{
    Store, cards::paid_back, dialect, gas, store::in_transaction, unavailable, usdc_refunds::moves,
};
use crate::books::doubt::{Attempt, until_known};

#[async_trait]
impl ReconcileBooks for Store {
    async fn begin_run(&self, run: &NewRun) -> Result<Option<i64>, BooksError> {
        let mut write = self.write(Some(run.at.ms())).await?;
        let begun = runs::begin(&mut write.transaction, run).await;
        self.finish(write, begun).await
    }

    async fn keep_run(&self, fence: i64, until: UnixMs) -> Result<bool, BooksError> {
        let mut write = self.write(None).await?;
        let kept = runs::keep(&mut write.transaction, fence, until).await;
        self.finish(write, kept).await
    }

    async fn end_run(&self, fence: i64, end: &RunEnd) -> Result<(), BooksError> {
        let mut write = self.write(Some(end.at.ms())).await?;
        let ended = runs::end(&mut write.transaction, fence, end).await;
        self.finish(write, ended).await
    }

    async fn mark(&self, name: &str) -> Result<Option<String>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        runs::mark(&mut connection, name).await
    }

    async fn set_mark(&self, fence: i64, name: &str, value: &str) -> Result<(), BooksError> {
        let mut write = self.write(None).await?;
        let set = runs::set_mark(&mut write.transaction, fence, name, value).await;
        self.finish(write, set).await
    }

    async fn findings(&self, all: bool, limit: u32) -> Result<Vec<Finding>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        findings::list(&mut connection, all, limit).await
    }

    async fn open_findings(&self, source: Source) -> Result<Vec<OpenFinding>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        findings::open(&mut connection, source).await
    }

    async fn note_findings(
        &self,
        fence: i64,
        found: &[Found],
        gone: &[OpenFinding],
        at: UnixMs,
    ) -> Result<(u64, u64), BooksError> {
        let mut write = self.write(Some(at.ms())).await?;
        let noted = findings::note(&mut write.transaction, fence, found, gone, at).await;
        self.finish(write, noted).await
    }

    async fn close_finding(&self, close: &CloseFinding) -> Result<(), CloseRefusal> {
        let attempt = |in_doubt| -> Attempt<'_, (), CloseRefusal> {
            Box::pin(async move {
                let mut write = self.write(Some(close.at.ms())).await?;
                let before =
                    in_doubt && findings::is_closed_by(&mut write.transaction, close).await?;
                let closed = if before {
                    Ok(())
                } else {
                    findings::close(&mut write.transaction, close).await
                };
                self.finish_unless(close.dry_run, write, closed).await
            })
        };
        until_known(dialect::DOUBT, attempt).await
    }

    async fn note_first_block(&self, to: &Receiver, block: u64) -> Result<(), BooksError> {
        let mut write = self.write(None).await?;
        let noted = runs::note_first(&mut write.transaction, &to.mark("first"), block).await;
        self.finish(write, noted).await
    }

    async fn oldest_block(&self) -> Result<Option<u64>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        world::oldest_block(&mut connection).await
    }

    async fn transfers_in(
        &self,
        to: &Receiver,
        first: u64,
        last: u64,
    ) -> Result<Vec<BookedTransfer>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        world::transfers_in(&mut connection, to, first, last).await
    }

    async fn transfer_of(&self, intent: PaymentId) -> Result<Option<BookedTransfer>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        world::transfer_of(&mut connection, intent).await
    }

    async fn claimed(&self, key: &PaymentKey) -> Result<Option<ClaimedAuthorization>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        world::claimed(&mut connection, key).await
    }

    async fn note_receipts(
        &self,
        fence: i64,
        receipts: &[ReceiptNote],
        at: UnixMs,
    ) -> Result<u64, BooksError> {
        let mut write = self.write(Some(at.ms())).await?;
        let noted = receipts::note(&mut write.transaction, fence, receipts, at).await;
        self.finish(write, noted).await
    }

    async fn receipts_in(
        &self,
        chain_id: u64,
        first: u64,
        last: u64,
    ) -> Result<Vec<ReceiptNote>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        receipts::of_blocks(&mut connection, chain_id, first, last).await
    }

    async fn note_moves(
        &self,
        fence: i64,
        notes: &[MoveNote],
        at: UnixMs,
    ) -> Result<u64, BooksError> {
        let work = async |connection: &mut dialect::Connection| {
            runs::guard(connection, fence).await?;
            moves::note(connection, notes, at).await
        };
        let mut write = self.write(Some(at.ms())).await?;
        let noted = work(&mut write.transaction).await;
        self.finish(write, noted).await
    }

    async fn moves_in(
        &self,
        chain_id: u64,
        first: u64,
        last: u64,
    ) -> Result<Vec<MoveNote>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        moves::of_blocks(&mut connection, chain_id, first, last).await
    }

    async fn unsettled_paid_back(
        &self,
        chain_id: u64,
    ) -> Result<Vec<PaidBackTransfer>, BooksError> {
        paid_back::unsettled(&self.readers, chain_id).await
    }

    async fn note_paid_back_fate(
        &self,
        transfer: &PaidBackTransfer,
        stands: bool,
        at: UnixMs,
    ) -> Result<(), BooksError> {
        in_transaction!(self, Some(at.ms()), write => paid_back::note_fate(&mut write.transaction, transfer, stands, at).await)
    }

    async fn holdings(
        &self,
        chain_id: u64,
        block: u64,
        transfers: &[(LogPlace, UsdcUnits)],
    ) -> Result<Holdings, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        receipts::holdings(&mut connection, chain_id, block, transfers).await
    }

    async fn oldest_charge(&self) -> Result<Option<UnixMs>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        world::oldest_charge(&mut connection).await
    }

    async fn known_charge(
        &self,
        payment_intent: &str,
        named: Option<PaymentId>,
    ) -> Result<KnownCharge, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        world::known_charge(&mut connection, payment_intent, named).await
    }

    async fn charges_in(&self, booked: Window) -> Result<Vec<BookedCharge>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        world::charges_in(&mut connection, booked).await
    }

    async fn open_disputes(&self) -> Result<Vec<(PaymentId, String)>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        world::open_disputes(&mut connection).await
    }

    async fn launch_of(&self, core_key: &str) -> Result<Option<BookedLaunch>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        world::launch_of(&mut connection, core_key).await
    }

    async fn created_since(
        &self,
        since: UnixMs,
        after: Option<PaymentId>,
        limit: u32,
    ) -> Result<Vec<BookedLaunch>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        world::created_since(&mut connection, since, after, limit).await
    }

    async fn book_gas(&self, fence: i64, id: PaymentId, at: UnixMs) -> Result<Gwei, BooksError> {
        let mut write = self.write(Some(at.ms())).await?;
        let booked = gas::book(&mut write.transaction, fence, id, at).await;
        self.finish(write, booked).await
    }

    async fn in_transit(
        &self,
        claimed_before: UnixMs,
        limit: u32,
    ) -> Result<Vec<InTransit>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        world::in_transit(&mut connection, claimed_before, limit).await
    }
}
