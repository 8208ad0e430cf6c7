//! The journal, newest first.

use ::payments::ports::{
    BooksError, JournalLine,
    desk::{Page, PostingRow},
};

use super::super::{
    dialect::{Connection, DbRow},
    rows, unavailable,
};
use super::text::{Text, all, moment};

/// Families of accounts that each payer has one of.
const OF_PAYERS: [&str; 3] = ["liab:unearned:", "liab:refund_due:", "payer:"];

pub(super) async fn page(connection: &mut Connection, account: Option<&str>, page: &Page<i64>) -> Result<Vec<PostingRow>, BooksError> {
    let after = page.after.unwrap_or(i64::MAX);
    let mut text =
        Text::new("SELECT h.rowid AS seq, h.kind, h.intent_id, h.posted_at_ms, l.txn_id, l.account, l.currency, l.amount FROM (");
    match account {
        None => {
            text.push("SELECT h.rowid AS place FROM journal_headers h WHERE h.rowid < ").push_bind(after);
            text.push(" ORDER BY h.rowid DESC");
        }
        Some(account) if OF_PAYERS.iter().any(|family| account.len() > family.len() && account.starts_with(family)) => {
            text.push(
                "SELECT DISTINCT h.rowid AS place FROM journal_lines l JOIN journal_headers h ON h.txn_id = l.txn_id WHERE l.account = ",
            );
            text.push_bind(account.to_owned()).push(" AND h.rowid < ").push_bind(after).push(" ORDER BY place DESC");
        }
        Some(account) => {
            let kinds = kinds(connection, account).await?;
            if kinds.is_empty() {
                return Ok(Vec::new());
            }
            text.push("SELECT place FROM (");
            for (number, kind) in kinds.iter().enumerate() {
                text.push(if number == 0 { "" } else { " UNION ALL " });
                text.push("SELECT place FROM (SELECT h.rowid AS place FROM journal_headers h WHERE h.kind = ").push_bind(kind.clone());
                text.push(" AND h.rowid < ").push_bind(after);
                text.push(" AND EXISTS (SELECT 1 FROM journal_lines l WHERE l.txn_id = h.txn_id AND ");
                push_of_family(&mut text, "l.account", account);
                text.push(") ORDER BY h.rowid DESC LIMIT ").push_bind(i64::from(page.limit)).push(format!(") AS kind_{number}"));
            }
            text.push(") AS kinds ORDER BY place DESC");
        }
    }
    text.push(" LIMIT ").push_bind(i64::from(page.limit));
    text.push(") AS page JOIN journal_headers h ON h.rowid = page.place JOIN journal_lines l ON l.txn_id = h.txn_id");
    text.push(" ORDER BY h.rowid DESC, l.line_no");
    grouped(&all(text, connection).await?)
}

/// Kinds of postings that have lines in a family of accounts: those that the folded sums know, and any that came since.
async fn kinds(connection: &mut Connection, family: &str) -> Result<Vec<String>, BooksError> {
    let mut text = Text::new("SELECT kind FROM posted_totals WHERE ");
    push_of_family(&mut text, "account", family);
    text.push(" UNION SELECT kind FROM journal_headers WHERE rowid > ").push_bind(super::overview::folded(connection).await?);
    all(text, connection).await?.iter().map(|row| rows::text(row, "kind")).collect()
}

/// The family itself, or an account of it; the name of one goes on with a colon.
fn push_of_family(text: &mut Text, column: &str, family: &str) {
    text.push(format!("({column} = ")).push_bind(family.to_owned());
    text.push(format!(" OR ({column} > ")).push_bind(format!("{family}:"));
    text.push(format!(" AND {column} < ")).push_bind(format!("{family};")).push("))");
}

fn grouped(list: &[DbRow]) -> Result<Vec<PostingRow>, BooksError> {
    let mut postings: Vec<PostingRow> = Vec::new();
    for row in list {
        let seq = rows::int(row, "seq")?;
        let txn_id = rows::text(row, "txn_id")?;
        let line = JournalLine {
            txn_id: txn_id.clone(),
            account: rows::text(row, "account")?,
            currency: rows::text(row, "currency")?,
            amount: sqlx::Row::try_get(row, "amount").map_err(unavailable)?,
        };
        match postings.last_mut().filter(|posting| posting.seq == seq) {
            Some(posting) => posting.lines.push(line),
            None => postings.push(PostingRow {
                seq,
                txn_id,
                kind: rows::text(row, "kind")?,
                intent_id: rows::text(row, "intent_id")?,
                posted_at: moment(row, "posted_at_ms")?,
                lines: vec![line],
            }),
        }
    }
    Ok(postings)
}
