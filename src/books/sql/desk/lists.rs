//! Lists beside the payments': requests, debts, card accounts, free launches, comparisons.

use ::payments::{
    agent::{Payer, Wallet},
    obligation::ObligationState,
    obligation_word,
    ports::{
        BooksError,
        desk::{CreditAccountRow, CreditTotals, FreeSlotRow, OwedRow, Page, RequestRow, RunRow},
    },
};

use super::super::{
    dialect::{DbRow, Pool},
    rows, unavailable,
    usdc_refunds::receipt_state,
};
use super::text::{Text, all, moment, moment_or_none, number};

pub(super) async fn requests(
    desk: &Pool,
    payer: Option<&Payer>,
    page: &Page<i64>,
) -> Result<Vec<RequestRow>, BooksError> {
    let mut text = Text::new("SELECT * FROM request_log WHERE seq < ");
    text.push_bind(page.after.unwrap_or(i64::MAX));
    if let Some(payer) = payer {
        text.push(" AND payer = ").push_bind(payer.to_string());
    }
    text.push(" ORDER BY seq DESC LIMIT ").push_bind(i64::from(page.limit));
    let mut connection = desk.acquire().await.map_err(unavailable)?;
    all(text, &mut connection).await?.iter().map(request).collect()
}

pub(super) fn request(row: &DbRow) -> Result<RequestRow, BooksError> {
    Ok(RequestRow {
        seq: rows::int(row, "seq")?,
        request_id: rows::text(row, "request_id")?,
        at: moment(row, "at_ms")?,
        route: rows::text(row, "route")?,
        payer: rows::text(row, "payer")?,
        status: rows::int(row, "status")?,
        code: rows::text_or_none(row, "code")?,
        reason: rows::text_or_none(row, "reason")?,
        payment_id: rows::text_or_none(row, "payment_id")?,
        charge: rows::text(row, "charge")?,
    })
}

/// One piece for each state, and one for money that belongs to no payment: each lies in the order
/// of its key.
pub(super) async fn owed(
    desk: &Pool,
    everything: bool,
    payer: Option<&Payer>,
    page: &Page<String>,
) -> Result<Vec<OwedRow>, BooksError> {
    let (beyond, order) = if everything { (" < ", " DESC") } else { (" > ", "") };
    let states = ObligationState::ALL.into_iter().filter(|state| everything || state.is_owed());
    let mut text = Text::new("SELECT * FROM (");
    let end = |text: &mut Text, key: &str| {
        if let Some(payer) = payer {
            text.push(" AND payer = ").push_bind(payer.to_string());
        }
        if let Some(after) = &page.after {
            text.push(format!(" AND {key}{beyond}")).push_bind(after.clone());
        }
        text.push(format!(" ORDER BY {key}{order} LIMIT ")).push_bind(i64::from(page.limit));
    };
    for state in states {
        text.push("SELECT * FROM (SELECT intent_id AS id, payer, amount_minor, currency, state, created_at_ms,");
        text.push(concat!(
            " CASE WHEN state IN ('",
            obligation_word!(Open),
            "', '",
            obligation_word!(Reserved)
        ));
        text.push("') THEN entitled_until_ms END AS until_ms FROM obligations WHERE state = ");
        text.push_bind(state.word());
        end(&mut text, "intent_id");
        text.push(") AS debts UNION ALL ");
    }
    text.push(concat!(
        "SELECT * FROM (SELECT receipt_id, payer, amount_minor, 'USDC', ",
        receipt_state!(),
        ", booked_at_ms, CAST(NULL AS BIGINT)"
    ));
    text.push(concat!(
        " FROM receipts WHERE kind = 'unearned' AND ",
        receipt_state!(),
        " <> 'refunded'"
    ));
    end(&mut text, "receipt_id");
    text.push(format!(") AS receipts) AS owed ORDER BY id{order} LIMIT "))
        .push_bind(i64::from(page.limit));
    let mut connection = desk.acquire().await.map_err(unavailable)?;
    all(text, &mut connection).await?.iter().map(owed_row).collect()
}

fn owed_row(row: &DbRow) -> Result<OwedRow, BooksError> {
    Ok(OwedRow {
        id: rows::text(row, "id")?,
        payer: rows::text(row, "payer")?,
        amount_minor: rows::int(row, "amount_minor")?,
        currency: rows::text(row, "currency")?,
        state: rows::text(row, "state")?,
        since: moment(row, "created_at_ms")?,
        entitled_until: moment_or_none(row, "until_ms")?,
    })
}

pub(super) async fn credit_accounts(
    desk: &Pool,
    page: &Page<String>,
) -> Result<Vec<CreditAccountRow>, BooksError> {
    let list = sqlx::query("SELECT payer, balance, debt, backing_cents FROM credit_accounts WHERE payer > $1 ORDER BY payer LIMIT $2")
        .bind(page.after.clone().unwrap_or_default())
        .bind(i64::from(page.limit))
        .fetch_all(desk)
        .await
        .map_err(unavailable)?;
    let account = |row: &DbRow| {
        Ok(CreditAccountRow {
            payer: rows::text(row, "payer")?,
            balance: rows::int(row, "balance")?,
            debt: rows::int(row, "debt")?,
            backing_cents: rows::int(row, "backing_cents")?,
        })
    };
    list.iter().map(account).collect()
}

pub(super) async fn credit_totals(desk: &Pool) -> Result<CreditTotals, BooksError> {
    let row = sqlx::query(
        "SELECT CAST(count(*) AS BIGINT) AS accounts, CAST(coalesce(sum(balance), 0) AS BIGINT) AS balance,
            CAST(coalesce(sum(debt), 0) AS BIGINT) AS debt, CAST(coalesce(sum(backing_cents), 0) AS BIGINT) AS backing_cents
         FROM credit_accounts",
    )
    .fetch_one(desk)
    .await
    .map_err(unavailable)?;
    Ok(CreditTotals {
        accounts: number(&row, "accounts")?,
        balance: rows::int(&row, "balance")?,
        debt: rows::int(&row, "debt")?,
        backing_cents: rows::int(&row, "backing_cents")?,
    })
}

pub(super) async fn free_slots(
    desk: &Pool,
    wallet: Wallet,
    limit: u32,
) -> Result<Vec<FreeSlotRow>, BooksError> {
    let list = sqlx::query(
        "SELECT f.quota, f.month, f.slot, f.intent_id, i.state, i.launch_id, i.created_at_ms FROM free_slots f JOIN intents i ON i.id = f.intent_id
         WHERE f.wallet = $1 ORDER BY f.month DESC, f.quota, f.slot DESC LIMIT $2",
    )
    .bind(wallet.to_string())
    .bind(i64::from(limit))
    .fetch_all(desk)
    .await
    .map_err(unavailable)?;
    let slot = |row: &DbRow| {
        Ok(FreeSlotRow {
            quota: rows::text(row, "quota")?,
            month: rows::text(row, "month")?,
            slot: rows::int(row, "slot")?,
            intent_id: rows::text(row, "intent_id")?,
            state: rows::text(row, "state")?,
            launch_id: rows::text_or_none(row, "launch_id")?,
            created_at: moment(row, "created_at_ms")?,
        })
    };
    list.iter().map(slot).collect()
}

/// Names of runs sort by the moment when they began.
pub(super) async fn runs(desk: &Pool, limit: u32) -> Result<Vec<RunRow>, BooksError> {
    let list = sqlx::query("SELECT * FROM reconcile_runs ORDER BY run_id DESC LIMIT $1")
        .bind(i64::from(limit));
    let run = |row: &DbRow| {
        let run_id = rows::text(row, "run_id")?;
        let corrupt = |_| BooksError::Corrupt {
            table: "reconcile_runs",
            column: "sources",
            key: run_id.clone(),
        };
        Ok(RunRow {
            scope: rows::text(row, "scope")?,
            started_at: moment(row, "started_at_ms")?,
            ended_at: moment_or_none(row, "ended_at_ms")?,
            sources: serde_json::from_str(&rows::text(row, "sources")?).map_err(corrupt)?,
            opened: rows::int(row, "opened")?,
            closed: rows::int(row, "closed")?,
            run_id,
        })
    };
    list.fetch_all(desk).await.map_err(unavailable)?.iter().map(run).collect()
}
