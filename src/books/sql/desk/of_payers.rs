//! What some payers had on each day: an overview without our own agents and tests.

use std::collections::BTreeMap;

use ::payments::{
    agent::Payer,
    ports::{BooksError, desk::DayTotals},
    time::UnixMs,
};

use super::super::{
    dialect::{BEGIN_READ, Connection, Pool},
    rows, unavailable,
};
use super::{
    fold::{day, family, folded},
    overview::{DAY_MS, empty_days, first_day, name, posted},
    statement::{accounts_of, between, pieces, push_on},
    text::{Text, all, number},
};

pub(super) async fn days(
    desk: &Pool,
    payers: &[Payer],
    now: UnixMs,
) -> Result<Vec<DayTotals>, BooksError> {
    let mut transaction = desk.begin_with(BEGIN_READ).await.map_err(unavailable)?;
    let mut days = empty_days(first_day(now));
    for payer in payers {
        add_posted(&mut transaction, payer, now, &mut days).await?;
        if let Payer::Wallet(wallet) = payer {
            add_free(&mut transaction, &wallet.to_string(), first_day(now), &mut days).await?;
        }
    }
    transaction.commit().await.map_err(unavailable)?;
    Ok(days.into_values().collect())
}

/// Every line of every posting that touches the payer's accounts: revenue is on none of them.
async fn add_posted(
    connection: &mut Connection,
    payer: &Payer,
    now: UnixMs,
    days: &mut BTreeMap<i64, DayTotals>,
) -> Result<(), BooksError> {
    let accounts = accounts_of(payer);
    let since = UnixMs::new(first_day(now).saturating_mul(DAY_MS));
    let mark = folded(connection, "statements").await?;
    let first = between(connection, since, now).await?.0.unwrap_or_else(|| mark.saturating_add(1));
    let mut text = Text::new(concat!(
        "SELECT day, account, currency, kind, CAST(sum(amount) AS BIGINT) AS amount, CAST(count(DISTINCT txn_id) AS BIGINT) AS postings FROM (SELECT ",
        day!(),
        " AS day, ",
        family!(),
        " AS account, l.currency, h.kind, l.amount, h.txn_id FROM (SELECT place FROM ("
    ));
    pieces(&mut text, &accounts, "place", |text| {
        text.push("place >= ").push_bind(first);
    });
    text.push(") AS told UNION SELECT h.rowid FROM journal_headers h JOIN journal_lines l ON l.txn_id = h.txn_id WHERE h.rowid > ");
    text.push_bind(mark).push(" AND ");
    push_on(&mut text, &accounts);
    text.push(") AS own JOIN journal_headers h ON h.rowid = own.place JOIN journal_lines l ON l.txn_id = h.txn_id) AS lines");
    text.push(" GROUP BY day, account, currency, kind");
    for row in &all(text, connection).await? {
        let posted = posted(row)?;
        if let Some(day) = days.get_mut(&posted.day) {
            posted.add_to(day);
        }
    }
    Ok(())
}

async fn add_free(
    connection: &mut Connection,
    wallet: &str,
    first: i64,
    days: &mut BTreeMap<i64, DayTotals>,
) -> Result<(), BooksError> {
    let mut text =
        Text::new("SELECT day, CAST(count(*) AS BIGINT) AS slots FROM free_slots WHERE wallet = ");
    text.push_bind(wallet.to_owned())
        .push(" AND day >= ")
        .push_bind(name(first))
        .push(" GROUP BY day");
    for row in &all(text, connection).await? {
        let day = rows::text(row, "day")?;
        if let Some(day) = days.values_mut().find(|of| of.day == day) {
            day.funded = day.funded.saturating_add(number(row, "slots")?);
        }
    }
    Ok(())
}
