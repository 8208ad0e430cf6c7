//! Writing a posting: lines first, the header last, so that the database can refuse what does not
//! balance.

use payments::{ledger::Posting, ports::BooksError, time::UnixMs};

use super::dialect::Connection;
use super::unavailable;

pub(super) async fn post(
    connection: &mut Connection,
    posting: &Posting,
    at: UnixMs,
) -> Result<(), BooksError> {
    for (line_no, line) in (1_i64..).zip(posting.lines()) {
        sqlx::query("INSERT INTO journal_lines (txn_id, line_no, account, currency, amount) VALUES ($1, $2, $3, $4, $5)")
            .bind(posting.txn_id())
            .bind(line_no)
            .bind(line.account.to_string())
            .bind(line.currency)
            .bind(line.amount_minor)
            .execute(&mut *connection)
            .await
            .map_err(unavailable)?;
    }
    sqlx::query("INSERT INTO journal_headers (txn_id, kind, intent_id, posted_at_ms) VALUES ($1, $2, $3, $4)")
        .bind(posting.txn_id())
        .bind(posting.kind())
        .bind(posting.intent().to_string())
        .bind(at.ms())
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}
