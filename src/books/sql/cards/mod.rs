//! Card accounts in the same file: credits, agent tokens, refunds, and what the card processor told
//! us.

mod accounts;
mod adjust;
mod blocks;
mod disputes;
mod events;
mod facts;
mod findings;
mod foreign_debt;
pub(super) mod holders;
mod looks;
mod notes;
pub(super) mod paid_back;
mod refund_queue;
mod refunds;

use async_trait::async_trait;
use payments::{
    agent::Payer,
    charge::Refund,
    ids::PaymentId,
    money::Credits,
    ports::{
        AccountBlock, AdjustmentError, BlockLift, BooksError, CardBooks, ChargeFacts,
        CreditAccount, CreditAdjustment, CreditEntry, DisputeNote, EventNote, FactsBooked,
        LiftRefusal, ObligationRow, PaidBack, RefundApproval, RefundNote, RefundRefusal, UsdcOwed,
    },
    settlement::ChainHash,
    time::UnixMs,
};

use super::{Store, credits, dialect, store::in_transaction, unavailable};
use crate::books::doubt::{Attempt, until_known};

#[async_trait]
impl CardBooks for Store {
    async fn credit_account(&self, payer: &Payer) -> Result<CreditAccount, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        credits::account(&mut connection, payer).await
    }

    async fn credit_entries(
        &self,
        payer: &Payer,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<CreditEntry>, BooksError> {
        accounts::entries(&self.readers, payer, before, limit).await
    }

    async fn adjust_credits(
        &self,
        change: CreditAdjustment,
    ) -> Result<CreditAccount, AdjustmentError> {
        let change = &change;
        // Its name says whether it was made before.
        let attempt = |_| -> Attempt<'_, CreditAccount, AdjustmentError> {
            Box::pin(async move {
                let mut write = self.write(Some(change.at.ms())).await?;
                let adjusted = adjust::adjust(&mut write.transaction, change).await;
                self.finish_unless(change.dry_run, write, adjusted).await
            })
        };
        until_known(dialect::DOUBT, attempt).await
    }

    async fn books_name(&self, fresh: &str) -> Result<String, BooksError> {
        accounts::kept_mark(&self.writer, "books.name", fresh).await
    }

    async fn same_key(&self, name: &str, mark: &str) -> Result<bool, BooksError> {
        accounts::same_key(&self.writer, name, mark).await
    }

    async fn intent_of_charge(
        &self,
        payment_intent: &str,
    ) -> Result<Option<PaymentId>, BooksError> {
        accounts::intent_of_charge(&self.readers, payment_intent).await
    }

    /// A driver that lives keeps its lease and asks the processor again within a second; without
    /// one the lease is over, and the recovery loop takes the intent in its next round. So there is
    /// nothing to write, only to say whether such an intent is there.
    async fn wake(&self, intent: PaymentId) -> Result<bool, BooksError> {
        events::waits(&self.readers, intent).await
    }

    async fn event_arrived(&self, event: &EventNote) -> Result<bool, BooksError> {
        events::arrived(&self.writer, event).await
    }

    async fn event_done(&self, id: &str, at: UnixMs) -> Result<(), BooksError> {
        events::done(&self.writer, id, at).await
    }

    async fn book_facts(
        &self,
        intent: PaymentId,
        facts: &ChargeFacts,
        looks_before: u64,
        at: UnixMs,
    ) -> Result<FactsBooked, BooksError> {
        in_transaction!(self, Some(at.ms()), write => looks::book(&mut write.transaction, intent, facts, looks_before, at).await)
    }

    async fn looks_at(&self, intent: PaymentId) -> Result<u64, BooksError> {
        looks::count(&self.writer, intent).await
    }

    async fn blocks_of(&self, payer: &Payer) -> Result<Vec<AccountBlock>, BooksError> {
        blocks::of(&self.readers, payer).await
    }

    async fn blocks(&self, limit: u32) -> Result<Vec<AccountBlock>, BooksError> {
        blocks::open(&self.readers, limit).await
    }

    async fn lift_block(&self, lift: BlockLift) -> Result<u64, LiftRefusal> {
        let mut write = self.write(Some(lift.at.ms())).await?;
        let lifted = blocks::lift(&mut write.transaction, &lift).await;
        self.finish_unless(lift.dry_run, write, lifted).await
    }

    async fn disputes(
        &self,
        waiting_only: bool,
        limit: u32,
    ) -> Result<Vec<DisputeNote>, BooksError> {
        notes::disputes(&self.readers, waiting_only, limit).await
    }

    async fn obligations(
        &self,
        before: Option<PaymentId>,
        limit: u32,
    ) -> Result<Vec<ObligationRow>, BooksError> {
        refunds::obligations(&self.readers, before, limit).await
    }

    async fn approve_refund(&self, approval: RefundApproval) -> Result<Refund, RefundRefusal> {
        let approval = &approval;
        let attempt = |in_doubt| -> Attempt<'_, Refund, RefundRefusal> {
            Box::pin(async move {
                let mut write = self.write(Some(approval.at.ms())).await?;
                let approved = if in_doubt {
                    refunds::approve_once(&mut write.transaction, approval).await
                } else {
                    refunds::approve(&mut write.transaction, approval).await
                };
                self.finish_unless(approval.dry_run, write, approved).await
            })
        };
        until_known(dialect::DOUBT, attempt).await
    }

    async fn credit_instead(&self, approval: RefundApproval) -> Result<Credits, RefundRefusal> {
        let mut write = self.write(Some(approval.at.ms())).await?;
        let credited = refunds::credit_instead(&mut write.transaction, &approval).await;
        self.finish_unless(approval.dry_run, write, credited).await
    }

    async fn usdc_owed(&self, id: PaymentId) -> Result<UsdcOwed, RefundRefusal> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        paid_back::owed(&mut connection, id).await
    }

    async fn paid_back_by(
        &self,
        chain_id: u64,
        tx_hash: ChainHash,
    ) -> Result<Vec<u64>, BooksError> {
        paid_back::used_logs(&self.readers, chain_id, tx_hash).await
    }

    async fn note_paid_back(&self, paid: &PaidBack) -> Result<(), RefundRefusal> {
        let mut write = self.write(Some(paid.at.ms())).await?;
        let noted = paid_back::note(&mut write.transaction, paid).await;
        self.finish_unless(paid.dry_run, write, noted).await
    }

    async fn take_refund(
        &self,
        now: UnixMs,
        lease_until: UnixMs,
    ) -> Result<Option<Refund>, BooksError> {
        in_transaction!(self, None, write => refund_queue::take(&mut write.transaction, now, lease_until).await)
    }

    async fn note_refund(&self, seen: &Refund, note: RefundNote) -> Result<bool, BooksError> {
        let note = &note;
        in_transaction!(self, Some(note.at.ms()), write => refund_queue::note(&mut write.transaction, seen, note).await)
    }

    async fn wake_refund(&self, payment_intent: &str, at: UnixMs) -> Result<(), BooksError> {
        refund_queue::wake(&self.writer, payment_intent, at).await
    }
}
