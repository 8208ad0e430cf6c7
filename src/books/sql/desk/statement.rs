//! A payer's account with us: what is folded into lines with their balances, and what was posted
//! since, as of one moment.

mod lines;

use std::collections::BTreeMap;

use ::payments::{
    agent::Payer,
    ledger::Account,
    ports::{
        BooksError,
        desk::{Page, StatementLine},
    },
    time::UnixMs,
};
use lines::{Moved, Teller};

use super::{
    super::{
        dialect::{BEGIN_READ, Connection, DbRow, Pool},
        rows, unavailable,
    },
    fold::folded,
    text::{Text, all, int_or_none, one},
};

/// Currencies in the order of a posting's lines here.
pub(super) const CURRENCIES: [&str; 3] = ["USDC", "USD", "CREDIT"];

/// A line's place is its posting's, so many to each.
const PLACES: i64 = 4;

const HOUR_MS: i64 = 3_600_000;

const HOURS: i64 = 48;

/// Lines that are read at once at most.
const LONGEST_STEP: usize = 5_000;

/// A payer's accounts; the last one is the payer's own, the others are what we owe: their balance
/// has the other sign.
pub(super) type Accounts = [String; 3];

const SIGNS: [i64; 3] = [-1, -1, 1];

/// A posting has one line here for each account and currency at most.
const LINES_OF_POSTING: usize = CURRENCIES.len() * SIGNS.len();

pub(super) async fn of(
    desk: &Pool,
    payer: &Payer,
    since: UnixMs,
    until: UnixMs,
    page: &Page<i64>,
) -> Result<Vec<StatementLine>, BooksError> {
    let accounts = accounts_of(payer);
    let mut transaction = desk.begin_with(BEGIN_READ).await.map_err(unavailable)?;
    let connection = &mut *transaction;
    let mark = folded(connection, "statements").await?;
    let (first, last) = between(connection, since, until).await?;
    let after = page.after.unwrap_or(-1);
    let mut from = first.unwrap_or_else(|| mark.saturating_add(1)).max(after.div_euclid(PLACES));
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let balances = balances_before(connection, &accounts, from).await?;
    let mut teller = Teller { balances, since, until, after, limit, lines: Vec::new() };
    // What is not of the asked time is passed over in longer and longer steps.
    let mut step = limit;
    while !teller.is_full() {
        let (moved, more) = folded_from(connection, &accounts, from, last, step).await?;
        step = step.saturating_mul(2).min(LONGEST_STEP);
        teller.tell(&moved);
        match moved.last() {
            Some(moved) if more => from = moved.place.saturating_add(1),
            _ => break,
        }
    }
    if !teller.is_full() {
        teller.balances = balances_before(connection, &accounts, mark.saturating_add(1)).await?;
        teller.tell(&since_mark(connection, &accounts, mark).await?);
    }
    transaction.commit().await.map_err(unavailable)?;
    Ok(teller.lines)
}

pub(super) fn accounts_of(payer: &Payer) -> Accounts {
    let accounts = [
        Account::Unearned(payer.clone()),
        Account::RefundDue(payer.clone()),
        Account::CreditsOf(payer.clone()),
    ];
    accounts.map(|account| account.to_string())
}

/// Between which places the folded postings of a time are. An hour's postings lie together but for
/// what processes' clocks differ, and nobody's is off by as many hours as are looked at here.
pub(super) async fn between(
    connection: &mut Connection,
    since: UnixMs,
    until: UnixMs,
) -> Result<(Option<i64>, i64), BooksError> {
    let hour = |at: UnixMs| at.ms().div_euclid(HOUR_MS);
    let mut text = Text::new(
        "SELECT (SELECT min(first_place) FROM (SELECT first_place FROM posting_hours WHERE hour >= ",
    );
    text.push_bind(hour(since)).push(" ORDER BY hour LIMIT ").push_bind(HOURS);
    text.push(") AS next) AS first, (SELECT max(last_place) FROM (SELECT last_place FROM posting_hours WHERE hour <= ");
    text.push_bind(hour(until))
        .push(" ORDER BY hour DESC LIMIT ")
        .push_bind(HOURS)
        .push(") AS before) AS last");
    let row = one(text, connection).await?;
    Ok((int_or_none(&row, "first")?, int_or_none(&row, "last")?.unwrap_or(0)))
}

/// One query for each account and currency, all of them together.
pub(super) fn pieces(text: &mut Text, accounts: &Accounts, columns: &str, end: impl Fn(&mut Text)) {
    for (account, name) in accounts.iter().enumerate() {
        for (currency, code) in CURRENCIES.into_iter().enumerate() {
            text.push(if account + currency == 0 {
                "SELECT * FROM (SELECT "
            } else {
                " UNION ALL SELECT * FROM (SELECT "
            });
            text.push(format!("{account} AS account, {currency} AS currency, {columns} FROM statement_lines WHERE account = "));
            text.push_bind(name.clone()).push(" AND currency = ").push_bind(code).push(" AND ");
            end(text);
            text.push(format!(") AS piece_{account}_{currency}"));
        }
    }
}

/// A line `l` is on one of the accounts.
pub(super) fn push_on(text: &mut Text, accounts: &Accounts) {
    text.push("l.account IN (");
    let mut names = text.separated(", ");
    for account in accounts {
        names.push_bind(account.clone());
    }
    text.push(")");
}

async fn balances_before(
    connection: &mut Connection,
    accounts: &Accounts,
    place: i64,
) -> Result<BTreeMap<(usize, usize), i64>, BooksError> {
    let mut text = Text::new(
        "SELECT CAST(account AS BIGINT) AS account, CAST(currency AS BIGINT) AS currency, balance FROM (",
    );
    pieces(&mut text, accounts, "balance", |text| {
        text.push("place < ").push_bind(place).push(" ORDER BY place DESC LIMIT 1");
    });
    text.push(") AS last");
    let list = all(text, connection).await?;
    list.iter()
        .map(|row| {
            Ok(((index(row, "account")?, index(row, "currency")?), rows::int(row, "balance")?))
        })
        .collect()
}

/// Whole postings of at least so many lines, and whether there are more.
async fn folded_from(
    connection: &mut Connection,
    accounts: &Accounts,
    from: i64,
    last: i64,
    limit: usize,
) -> Result<(Vec<Moved>, bool), BooksError> {
    let rows = limit.saturating_add(LINES_OF_POSTING);
    let at_most = i64::try_from(rows).unwrap_or(i64::MAX);
    let mut text = Text::new(
        "SELECT page.place, CAST(page.account AS BIGINT) AS account, CAST(page.currency AS BIGINT) AS currency, page.amount, page.balance,
            h.posted_at_ms, h.kind, h.intent_id FROM (SELECT * FROM (",
    );
    pieces(&mut text, accounts, "place, amount, balance", |text| {
        text.push("place >= ")
            .push_bind(from)
            .push(" AND place <= ")
            .push_bind(last)
            .push(" ORDER BY place LIMIT ")
            .push_bind(at_most);
    });
    text.push(") AS lines ORDER BY place LIMIT ").push_bind(at_most);
    text.push(") AS page JOIN journal_headers h ON h.rowid = page.place ORDER BY page.place");
    let list = all(text, connection).await?;
    let mut moved: Vec<Moved> =
        list.iter().map(|row| moved(row, true)).collect::<Result<_, _>>()?;
    let more = moved.len() == rows;
    if let Some(cut) = moved.last().map(|moved| moved.place).filter(|_| more) {
        moved.retain(|moved| moved.place != cut);
    }
    Ok((moved, more))
}

/// What was posted since the mark.
async fn since_mark(
    connection: &mut Connection,
    accounts: &Accounts,
    mark: i64,
) -> Result<Vec<Moved>, BooksError> {
    let mut text = Text::new("SELECT h.rowid AS place, CAST(CASE l.account");
    for (number, account) in accounts.iter().enumerate() {
        text.push(" WHEN ").push_bind(account.clone()).push(format!(" THEN {number}"));
    }
    text.push(" END AS BIGINT) AS account, CAST(CASE l.currency WHEN 'USDC' THEN 0 WHEN 'USD' THEN 1 ELSE 2 END AS BIGINT) AS currency,");
    text.push(" l.amount, h.posted_at_ms, h.kind, h.intent_id FROM journal_headers h JOIN journal_lines l ON l.txn_id = h.txn_id");
    text.push(" WHERE h.rowid > ").push_bind(mark).push(" AND ");
    push_on(&mut text, accounts);
    text.push(" ORDER BY h.rowid");
    all(text, connection).await?.iter().map(|row| moved(row, false)).collect()
}

fn moved(row: &DbRow, is_folded: bool) -> Result<Moved, BooksError> {
    Ok(Moved {
        place: rows::int(row, "place")?,
        at: UnixMs::new(rows::int(row, "posted_at_ms")?),
        kind: rows::text(row, "kind")?,
        intent_id: rows::text(row, "intent_id")?,
        account: index(row, "account")?,
        currency: index(row, "currency")?,
        amount: rows::int(row, "amount")?,
        balance: if is_folded { Some(rows::int(row, "balance")?) } else { None },
    })
}

fn index(row: &DbRow, column: &'static str) -> Result<usize, BooksError> {
    Ok(usize::try_from(rows::int(row, column)?).unwrap_or(0))
}
