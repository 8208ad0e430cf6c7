//! A payer's account with us.

use ::payments::{
    agent::Payer,
    ledger::Account,
    ports::{
        BooksError,
        desk::{Page, StatementLine},
    },
    time::UnixMs,
};

use super::super::{
    dialect::{DbRow, Pool},
    rows, unavailable,
};
use super::text::moment;

/// One line for each posting and currency, in the order of the journal. A line's place is its posting's, four to each, one for each currency;
/// every line of the payer is added up, so that the balance is right wherever the statement begins. Credits are the payer's own account, the
/// others are what we owe: their balance has the other sign.
const STATEMENT: &str = "SELECT seq, posted_at_ms, kind, intent_id, currency, amount, balance FROM (
        SELECT place * 4 + CASE currency WHEN 'USDC' THEN 0 WHEN 'USD' THEN 1 ELSE 2 END AS seq, posted_at_ms, kind, intent_id, currency,
            CAST(amount AS BIGINT) AS amount, CAST(sum(amount) OVER (PARTITION BY currency ORDER BY place) AS BIGINT) AS balance
        FROM (
            SELECT h.rowid AS place, h.posted_at_ms, h.kind, h.intent_id, l.currency,
                sum(CASE WHEN l.account = $3 THEN l.amount ELSE -l.amount END) AS amount
            FROM journal_lines l JOIN journal_headers h ON h.txn_id = l.txn_id
            WHERE l.account IN ($1, $2, $3) GROUP BY h.rowid, h.posted_at_ms, h.kind, h.intent_id, l.currency) AS moved) AS told
     WHERE seq > $4 AND posted_at_ms >= $5 AND posted_at_ms < $6 ORDER BY seq LIMIT $7";

pub(super) async fn of(
    desk: &Pool,
    payer: &Payer,
    since: UnixMs,
    until: UnixMs,
    page: &Page<i64>,
) -> Result<Vec<StatementLine>, BooksError> {
    let list = sqlx::query(STATEMENT)
        .bind(Account::Unearned(payer.clone()).to_string())
        .bind(Account::RefundDue(payer.clone()).to_string())
        .bind(Account::CreditsOf(payer.clone()).to_string())
        .bind(page.after.unwrap_or(-1))
        .bind(since.ms())
        .bind(until.ms())
        .bind(i64::from(page.limit))
        .persistent(false)
        .fetch_all(desk)
        .await
        .map_err(unavailable)?;
    list.iter().map(line).collect()
}

fn line(row: &DbRow) -> Result<StatementLine, BooksError> {
    Ok(StatementLine {
        seq: rows::int(row, "seq")?,
        at: moment(row, "posted_at_ms")?,
        kind: rows::text(row, "kind")?,
        intent_id: rows::text(row, "intent_id")?,
        currency: rows::text(row, "currency")?,
        amount_minor: rows::int(row, "amount")?,
        balance_minor: rows::int(row, "balance")?,
    })
}
