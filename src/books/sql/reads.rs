//! What agents and operators ask. Pages go by key, newest first, so that page 100,000 costs what
//! page 1 does.

use super::dialect::{DbRow, Pool};
use payments::{
    agent::Payer,
    free_quota::QuotaWindow,
    ids::PaymentId,
    obligation::Entitlement,
    obligation_word,
    ports::{BooksError, Evidence, IntentSummary, JournalLine, LedgerPage, ObligationRow, Usage},
    time::{Month, UnixMs},
};

use super::{finality, lost::lost_of, rows, unavailable};

pub(super) async fn usage(
    readers: &Pool,
    payer: &Payer,
    month: Month,
    free: Option<&QuotaWindow>,
) -> Result<Usage, BooksError> {
    let payer_text = payer.to_string();
    let wallet = match payer {
        Payer::Wallet(wallet) => wallet.to_string(),
        Payer::Card(_) => String::new(),
    };
    let row = sqlx::query(concat!(
        "SELECT (SELECT count(*) FROM free_slots WHERE wallet = $1 AND quota = $7 AND month = $2) AS free_used,
                (SELECT count(*) FROM intents WHERE payer = $3 AND state = 'created' AND created_at_ms >= $4 AND created_at_ms < $5) AS launches,
                (",
        lost_of!("$6"),
        ") AS lost_settlement"
    ))
    .bind(wallet)
    .bind(free.map(|of| of.window.clone()))
    .bind(&payer_text)
    .bind(month.start().ms())
    .bind(month.end().ms())
    .bind(&payer_text)
    .bind(free.map(|of| of.quota.clone()))
    .fetch_one(readers)
    .await
    .map_err(unavailable)?;
    Ok(Usage {
        free_used: rows::count(&row, "free_used")?,
        launches: rows::count(&row, "launches")?,
        entitlements: entitlements(readers, &payer_text).await?,
        lost_settlement: match rows::text_or_none(&row, "lost_settlement")? {
            Some(_) => Some(rows::id(&row, "lost_settlements", "lost_settlement")?),
            None => None,
        },
    })
}

/// What is owed to the payer and may fund a call.
async fn entitlements(readers: &Pool, payer: &str) -> Result<Vec<Entitlement>, BooksError> {
    let open = sqlx::query(concat!(
        "SELECT o.intent_id, o.amount_minor, o.currency, o.part_of, i.route FROM obligations o LEFT JOIN intents i ON i.id = o.intent_id AND o.receipt_id IS NULL
         WHERE o.payer = $1 AND o.state = '",
        obligation_word!(Open),
        "' ORDER BY o.created_at_ms, o.intent_id"
    ));
    let open = open.bind(payer).fetch_all(readers).await.map_err(unavailable)?;
    let entitlement = |row: &DbRow| {
        let id = rows::id(row, "obligations", "intent_id")?;
        let (amount, route) =
            (rows::amount(row, "amount_minor", id)?, rows::text_or_none(row, "route")?);
        Ok(Entitlement { amount, route, is_rest: rows::text_or_none(row, "part_of")?.is_some() })
    };
    open.iter().map(entitlement).collect()
}

/// A page of the list. Every condition on a key stands alone: `? IS NULL OR id < ?` would walk the
/// whole table up to the page.
macro_rules! page_of {
    ($payer:literal) => {
        concat!(
            "SELECT i.id, i.payer, i.rail, i.funding, i.state, i.price_minor, i.currency, i.launch_id, i.created_at, i.updated_at, s.tx_hash
             FROM audit_intents i LEFT JOIN settlements s ON s.intent_id = i.id
             WHERE i.id < $1 AND ($2 IS NULL OR i.state = $2) ",
            $payer,
            " ORDER BY i.id DESC LIMIT $3"
        )
    };
}
pub(super) const PAGE: &str = page_of!("");
pub(super) const PAGE_OF_PAYER: &str = page_of!("AND i.payer = $4");
/// Sorts after every payment id.
const AFTER_ALL: &str = "pay_~";

pub(super) async fn intents(
    readers: &Pool,
    page: &LedgerPage,
) -> Result<Vec<IntentSummary>, BooksError> {
    let query = match &page.payer {
        Some(_) => sqlx::query(PAGE_OF_PAYER),
        None => sqlx::query(PAGE),
    };
    let before = page.before.map_or_else(|| AFTER_ALL.to_owned(), |id| id.to_string());
    let mut query = query.bind(before).bind(&page.state).bind(i64::from(page.limit));
    if let Some(payer) = &page.payer {
        query = query.bind(payer.to_string());
    }
    let list = query.fetch_all(readers).await.map_err(unavailable)?;
    list.iter().map(summary).collect()
}

pub(super) async fn evidence(
    readers: &Pool,
    id: PaymentId,
) -> Result<Option<Evidence>, BooksError> {
    let mut connection = readers.acquire().await.map_err(unavailable)?;
    let Some(intent) = rows::intent(&mut connection, id).await? else { return Ok(None) };
    let key = id.to_string();
    let events =
        sqlx::query("SELECT state, at_ms FROM intent_events WHERE intent_id = $1 ORDER BY version")
            .bind(&key)
            .fetch_all(&mut *connection)
            .await
            .map_err(unavailable)?;
    let journal = sqlx::query(
        "SELECT l.txn_id, l.account, l.currency, l.amount FROM journal_headers h JOIN journal_lines l ON l.txn_id = h.txn_id
         WHERE h.intent_id = $1 ORDER BY h.posted_at_ms, h.rowid, l.line_no",
    )
    .bind(&key)
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    let obligation = sqlx::query("SELECT intent_id, part_of, payer, amount_minor, currency, state FROM obligations WHERE intent_id = $1")
        .bind(&key)
        .fetch_optional(&mut *connection)
        .await
        .map_err(unavailable)?;
    Ok(Some(Evidence {
        intent,
        timeline: events
            .iter()
            .map(|row| Ok((rows::text(row, "state")?, UnixMs::new(rows::int(row, "at_ms")?))))
            .collect::<Result<_, BooksError>>()?,
        journal: journal.iter().map(journal_line).collect::<Result<_, _>>()?,
        obligation: obligation.as_ref().map(obligation_row).transpose()?,
        findings: finality::findings(&mut connection, &key).await?,
    }))
}

pub(super) async fn trial_balance(readers: &Pool) -> Result<Vec<JournalLine>, BooksError> {
    let list = sqlx::query(
        "SELECT '' AS txn_id, account, currency, CAST(sum(amount) AS BIGINT) AS amount FROM journal_lines GROUP BY account, currency ORDER BY currency, account",
    )
    .fetch_all(readers)
    .await
    .map_err(unavailable)?;
    list.iter().map(journal_line).collect()
}

fn summary(row: &DbRow) -> Result<IntentSummary, BooksError> {
    Ok(IntentSummary {
        id: rows::text(row, "id")?,
        payer: rows::text(row, "payer")?,
        rail: rows::text(row, "rail")?,
        funding: rows::text(row, "funding")?,
        state: rows::text(row, "state")?,
        price_minor: rows::int(row, "price_minor")?,
        currency: rows::text(row, "currency")?,
        launch_id: rows::text_or_none(row, "launch_id")?,
        tx_hash: rows::text_or_none(row, "tx_hash")?,
        created_at: rows::text(row, "created_at")?,
        updated_at: rows::text(row, "updated_at")?,
    })
}

fn journal_line(row: &DbRow) -> Result<JournalLine, BooksError> {
    Ok(JournalLine {
        txn_id: rows::text(row, "txn_id")?,
        account: rows::text(row, "account")?,
        currency: rows::text(row, "currency")?,
        amount: rows::int(row, "amount")?,
    })
}

pub(super) fn obligation_row(row: &DbRow) -> Result<ObligationRow, BooksError> {
    Ok(ObligationRow {
        intent_id: rows::text(row, "intent_id")?,
        part_of: rows::text_or_none(row, "part_of")?,
        payer: rows::text(row, "payer")?,
        amount_minor: rows::int(row, "amount_minor")?,
        currency: rows::text(row, "currency")?,
        state: rows::text(row, "state")?,
    })
}
