//! The journal, newest first.

use ::payments::ports::{
    BooksError, JournalLine,
    desk::{Page, PostingRow},
};

use super::super::{
    dialect::{Connection, DbRow},
    rows, unavailable,
};
use super::{
    fold::folded,
    page::ROW_BY_ROW,
    statement::CURRENCIES,
    text::{Text, all, moment},
};

/// Families of accounts that each payer has one of.
const OF_PAYERS: [&str; 3] = ["liab:unearned:", "liab:refund_due:", "payer:"];

/// A family with fewer lines is read whole: nothing else would find its few postings among the many
/// of their kind.
const FEW: i64 = 5_000;

pub(super) async fn page(
    connection: &mut Connection,
    account: Option<&str>,
    page: &Page<i64>,
) -> Result<Vec<PostingRow>, BooksError> {
    let after = page.after.unwrap_or(i64::MAX);
    let mut text = Text::new(
        "SELECT h.rowid AS seq, h.kind, h.intent_id, h.posted_at_ms, l.txn_id, l.account, l.currency, l.amount FROM (",
    );
    match account {
        None => {
            text.push("SELECT h.rowid AS place FROM journal_headers h WHERE h.rowid < ")
                .push_bind(after);
            text.push(" ORDER BY h.rowid DESC");
        }
        Some(account)
            if OF_PAYERS
                .iter()
                .any(|family| account.len() > family.len() && account.starts_with(family)) =>
        {
            let mark = folded(connection, "statements").await?;
            push_of_payer(&mut text, account, mark, after, page.limit);
        }
        Some(family) => {
            let mark = folded(connection, "journal").await?;
            let kinds = kinds(connection, family).await?;
            match kinds.iter().map(|(_, postings)| postings).sum::<i64>() {
                few if few <= FEW => push_few(&mut text, family, after),
                _ => push_of_kinds(&mut text, family, &kinds, after, mark, page.limit),
            }
        }
    }
    text.push(" LIMIT ").push_bind(i64::from(page.limit));
    text.push(") AS page JOIN journal_headers h ON h.rowid = page.place JOIN journal_lines l ON l.txn_id = h.txn_id");
    text.push(" ORDER BY h.rowid DESC, l.line_no");
    grouped(&all(text, connection).await?)
}

/// What is folded lies in its order; what was posted since is little.
fn push_of_payer(text: &mut Text, account: &str, mark: i64, after: i64, limit: u32) {
    text.push("SELECT DISTINCT place FROM (");
    for (number, currency) in CURRENCIES.into_iter().enumerate() {
        text.push(if number == 0 { "" } else { " UNION ALL " });
        text.push("SELECT place FROM (SELECT place FROM statement_lines WHERE account = ")
            .push_bind(account.to_owned());
        text.push(" AND currency = ").push_bind(currency).push(" AND place < ").push_bind(after);
        text.push(" ORDER BY place DESC LIMIT ")
            .push_bind(i64::from(limit))
            .push(format!(") AS of_{currency}"));
    }
    if after > mark {
        text.push(" UNION ALL SELECT h.rowid FROM journal_headers h JOIN journal_lines l ON l.txn_id = h.txn_id WHERE h.rowid > ");
        text.push_bind(mark)
            .push(" AND h.rowid < ")
            .push_bind(after)
            .push(" AND l.account = ")
            .push_bind(account.to_owned());
    }
    text.push(") AS places ORDER BY place DESC");
}

fn push_few(text: &mut Text, family: &str, after: i64) {
    text.push("SELECT DISTINCT h.rowid AS place FROM journal_lines l JOIN journal_headers h ON h.txn_id = l.txn_id WHERE ");
    push_of_family(text, "l.account", family);
    text.push(" AND h.rowid < ").push_bind(after).push(" ORDER BY place DESC");
}

/// What is folded lies together by its kind; what was posted since is little.
fn push_of_kinds(
    text: &mut Text,
    family: &str,
    kinds: &[(String, i64)],
    after: i64,
    mark: i64,
    limit: u32,
) {
    let end = |text: &mut Text, name: &str| {
        text.push(" AND h.rowid < ").push_bind(after);
        text.push(" AND EXISTS (SELECT 1 FROM journal_lines l WHERE l.txn_id = h.txn_id AND ");
        push_of_family(text, "l.account", family);
        text.push(ROW_BY_ROW)
            .push(" ORDER BY h.rowid DESC LIMIT ")
            .push_bind(i64::from(limit))
            .push(format!(") AS {name}"));
    };
    text.push("SELECT place FROM (");
    for (number, (kind, _)) in kinds.iter().enumerate() {
        text.push(
            "SELECT place FROM (SELECT h.rowid AS place FROM journal_headers h WHERE h.kind = ",
        )
        .push_bind(kind.clone());
        text.push(" AND h.rowid <= ").push_bind(mark);
        end(text, &format!("kind_{number}"));
        text.push(" UNION ALL ");
    }
    text.push("SELECT place FROM (SELECT h.rowid AS place FROM journal_headers h WHERE h.rowid > ")
        .push_bind(mark);
    end(text, "since");
    text.push(") AS kinds ORDER BY place DESC");
}

/// Kinds of postings that have lines in a family of accounts, and how many of them are folded.
async fn kinds(
    connection: &mut Connection,
    family: &str,
) -> Result<Vec<(String, i64)>, BooksError> {
    let mut text = Text::new(
        "SELECT kind, CAST(sum(postings) AS BIGINT) AS postings FROM posted_totals WHERE ",
    );
    push_of_family(&mut text, "account", family);
    text.push(" GROUP BY kind");
    all(text, connection)
        .await?
        .iter()
        .map(|row| Ok((rows::text(row, "kind")?, rows::int(row, "postings")?)))
        .collect()
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
