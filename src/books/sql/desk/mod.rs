//! What operators read. These reads have connections of their own: no payment waits behind a list.

pub(super) mod actions;
mod branches;
mod dossier;
mod fold;
mod lists;
mod of_payers;
mod overview;
mod page;
mod payments;
mod postings;
mod statement;
mod text;

use ::payments::{
    agent::{Payer, Wallet},
    ids::PaymentId,
    ports::{
        BooksError, Finding,
        desk::{
            ActionRow, CreditAccountRow, CreditTotals, DayTotals, DeskBooks, Dossier, FreeSlotRow,
            NewAction, Overview, OwedRow, Page, PaymentFilter, PaymentRow, PaymentSums, PostingRow,
            RequestRow, RunRow, StatementLine,
        },
    },
    time::UnixMs,
};
use async_trait::async_trait;

pub(super) use fold::{family, of_a_payer};

use super::{Store, reconcile, unavailable};

#[async_trait]
impl DeskBooks for Store {
    async fn payments(
        &self,
        filter: &PaymentFilter,
        page: &Page<PaymentId>,
    ) -> Result<Vec<PaymentRow>, BooksError> {
        let mut connection = self.desk.acquire().await.map_err(unavailable)?;
        payments::page(&mut connection, filter, page).await
    }

    async fn payment_sums(&self, filter: &PaymentFilter) -> Result<PaymentSums, BooksError> {
        let mut connection = self.desk.acquire().await.map_err(unavailable)?;
        payments::sums(&mut connection, filter).await
    }

    async fn shows_more_than(
        &self,
        filter: &PaymentFilter,
        payments: u32,
    ) -> Result<bool, BooksError> {
        let mut connection = self.desk.acquire().await.map_err(unavailable)?;
        payments::are_more_than(&mut connection, filter, payments).await
    }

    async fn dossier(&self, id: PaymentId) -> Result<Option<Dossier>, BooksError> {
        let mut connection = self.desk.acquire().await.map_err(unavailable)?;
        dossier::of(&mut connection, id).await
    }

    async fn requests(
        &self,
        payer: Option<&Payer>,
        page: &Page<i64>,
    ) -> Result<Vec<RequestRow>, BooksError> {
        lists::requests(&self.desk, payer, page).await
    }

    async fn owed(
        &self,
        all: bool,
        payer: Option<&Payer>,
        page: &Page<String>,
    ) -> Result<Vec<OwedRow>, BooksError> {
        lists::owed(&self.desk, all, payer, page).await
    }

    async fn credit_accounts(
        &self,
        page: &Page<String>,
    ) -> Result<Vec<CreditAccountRow>, BooksError> {
        lists::credit_accounts(&self.desk, page).await
    }

    async fn credit_totals(&self) -> Result<CreditTotals, BooksError> {
        lists::credit_totals(&self.desk).await
    }

    async fn free_slots(&self, wallet: Wallet, limit: u32) -> Result<Vec<FreeSlotRow>, BooksError> {
        lists::free_slots(&self.desk, wallet, limit).await
    }

    async fn statement(
        &self,
        payer: &Payer,
        since: UnixMs,
        until: UnixMs,
        page: &Page<i64>,
    ) -> Result<Vec<StatementLine>, BooksError> {
        statement::of(&self.desk, payer, since, until, page).await
    }

    async fn postings(
        &self,
        account: Option<&str>,
        page: &Page<i64>,
    ) -> Result<Vec<PostingRow>, BooksError> {
        let mut connection = self.desk.acquire().await.map_err(unavailable)?;
        postings::page(&mut connection, account, page).await
    }

    async fn all_findings(&self, open_only: bool, limit: u32) -> Result<Vec<Finding>, BooksError> {
        let mut connection = self.desk.acquire().await.map_err(unavailable)?;
        reconcile::findings::list(&mut connection, !open_only, limit).await
    }

    async fn runs(&self, limit: u32) -> Result<Vec<RunRow>, BooksError> {
        lists::runs(&self.desk, limit).await
    }

    async fn actions(&self, page: &Page<i64>) -> Result<Vec<ActionRow>, BooksError> {
        actions::page(&self.desk, page).await
    }

    async fn note_action(&self, action: &NewAction) -> Result<(), BooksError> {
        let mut connection = self.back().acquire().await.map_err(unavailable)?;
        actions::note(&mut connection, action).await
    }

    async fn overview(&self, now: UnixMs) -> Result<Overview, BooksError> {
        overview::read(&self.desk, now).await
    }

    async fn days_of(&self, payers: &[Payer], now: UnixMs) -> Result<Vec<DayTotals>, BooksError> {
        of_payers::days(&self.desk, payers, now).await
    }

    async fn note_challenges(
        &self,
        at: UnixMs,
        counts: &[(String, u64)],
    ) -> Result<(), BooksError> {
        fold::note_challenges(self.back(), at, counts).await
    }

    async fn fold(&self, now: UnixMs) -> Result<u64, BooksError> {
        fold::fold(self.back(), now).await
    }
}
