//! Sums of the journal that are derived from it, a piece at a time and behind every payment: an
//! overview adds only what came since.

use ::payments::{ports::BooksError, time::UnixMs};

use super::super::{
    dialect::{BEGIN, Connection, Pool, for_update},
    folding, rows, unavailable,
};
use super::text::number;

/// The family of the account of a line `l`: that of all payers together, where each has one of its
/// own.
macro_rules! family {
    () => {
        "CASE WHEN l.account LIKE 'liab:unearned:%' THEN 'liab:unearned' WHEN l.account LIKE 'liab:refund\\_due:%' ESCAPE '\\' THEN 'liab:refund_due' \
         WHEN l.account LIKE 'payer:%' THEN 'payer' ELSE l.account END"
    };
}
/// Whether a line `l` is on an account that its payer alone has.
macro_rules! of_a_payer {
    () => {
        "(l.account LIKE 'liab:unearned:%' OR l.account LIKE 'liab:refund\\_due:%' ESCAPE '\\' OR l.account LIKE 'payer:%')"
    };
}
/// The day of a header `h`.
macro_rules! day {
    () => {
        "h.posted_at_ms / 86400000"
    };
}
pub(super) use day;
pub(in super::super) use {family, of_a_payer};

macro_rules! folded_into {
    ($table:literal, $day:expr, $key:literal) => {
        concat!(
            "INSERT INTO ", $table, " (", $key, ", amount, postings) SELECT ", $day, "account, currency, kind, CAST(sum(amount) AS BIGINT), \
             CAST(count(DISTINCT txn_id) AS BIGINT) FROM (SELECT ", day!(), " AS day, ", family!(), " AS account, l.currency, h.kind, l.amount, \
             h.txn_id FROM journal_headers h JOIN journal_lines l ON l.txn_id = h.txn_id WHERE h.rowid > $1 AND h.rowid <= $2) AS new WHERE 1 = 1 \
             GROUP BY ", $day, "account, currency, kind ON CONFLICT (", $key, ") DO UPDATE SET amount = ", $table, ".amount + excluded.amount, \
             postings = ", $table, ".postings + excluded.postings"
        )
    };
}
const INTO_DAYS: &str = folded_into!("posted_days", "day, ", "day, account, currency, kind");
const INTO_TOTALS: &str = folded_into!("posted_totals", "", "account, currency, kind");
const INTO_STATEMENTS: &str = concat!(
    "INSERT INTO statement_lines (account, currency, place, amount, balance)
    SELECT account, currency, place, amount, CAST(coalesce((SELECT last.balance FROM statement_lines last
            WHERE last.account = new.account AND last.currency = new.currency ORDER BY last.place DESC LIMIT 1), 0)
        + sum(amount) OVER (PARTITION BY account, currency ORDER BY place) AS BIGINT)
    FROM (SELECT l.account, l.currency, h.rowid AS place, CAST(sum(l.amount) AS BIGINT) AS amount
        FROM journal_headers h JOIN journal_lines l ON l.txn_id = h.txn_id WHERE h.rowid > $1 AND h.rowid <= $2 AND ",
    of_a_payer!(),
    " GROUP BY l.account, l.currency, h.rowid) AS new"
);
/// Places only grow: an hour's first one stays.
const INTO_HOURS: &str = "INSERT INTO posting_hours (hour, first_place, last_place)
    SELECT h.posted_at_ms / 3600000, min(h.rowid), max(h.rowid) FROM journal_headers h WHERE h.rowid > $1 AND h.rowid <= $2
    GROUP BY h.posted_at_ms / 3600000 ON CONFLICT (hour) DO UPDATE SET last_place = excluded.last_place";

/// What is derived from postings up to each mark.
const FOLDS: [(&str, [&str; 2]); 2] =
    [("journal", [INTO_DAYS, INTO_TOTALS]), ("statements", [INTO_STATEMENTS, INTO_HOURS])];

/// The last posting that is in what this mark is of.
pub(super) async fn folded(
    connection: &mut Connection,
    name: &'static str,
) -> Result<i64, BooksError> {
    let row = sqlx::query("SELECT folded FROM fold_mark WHERE name = $1")
        .bind(name)
        .fetch_one(connection)
        .await
        .map_err(unavailable)?;
    rows::int(&row, "folded")
}

/// Moves the marks and adds what was posted, or neither. Two processes take turns: the second one
/// finds the marks moved.
pub(super) async fn fold(back: &Pool, now: UnixMs) -> Result<u64, BooksError> {
    let mut transaction = back.begin_with(BEGIN).await.map_err(unavailable)?;
    let mut postings = 0;
    for (name, statements) in FOLDS {
        postings = fold_into(&mut transaction, name, statements).await?.max(postings);
    }
    close_free_days(&mut transaction, now).await?;
    transaction.commit().await.map_err(unavailable)?;
    Ok(postings)
}

async fn fold_into(
    transaction: &mut Connection,
    name: &'static str,
    statements: [&'static str; 2],
) -> Result<u64, BooksError> {
    let mark =
        sqlx::query(concat!("SELECT * FROM fold_mark WHERE name = $1", for_update!())).bind(name);
    let mark = mark.fetch_one(&mut *transaction).await.map_err(unavailable)?;
    let folded = rows::int(&mark, "folded")?;
    let until = folding::there_for_good(transaction, name, &mark)
        .await?
        .min(folded.saturating_add(folding::AT_ONCE));
    if until <= folded {
        return Ok(0);
    }
    let postings = count(transaction, folded, until).await?;
    for statement in statements {
        sqlx::query(statement)
            .bind(folded)
            .bind(until)
            .persistent(false)
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
    }
    let moved = sqlx::query("UPDATE fold_mark SET folded = $1 WHERE name = $2 AND folded = $3")
        .bind(until)
        .bind(name)
        .bind(folded);
    moved.execute(transaction).await.map_err(unavailable)?;
    Ok(postings)
}

async fn count(connection: &mut Connection, after: i64, until: i64) -> Result<u64, BooksError> {
    let row = sqlx::query(
        "SELECT CAST(count(*) AS BIGINT) AS postings FROM journal_headers WHERE rowid > $1 AND rowid <= $2",
    );
    number(
        &row.bind(after).bind(until).fetch_one(connection).await.map_err(unavailable)?,
        "postings",
    )
}

/// Counts the days that no free launch is given back to any more: a creation is known to have
/// failed within hours.
async fn close_free_days(connection: &mut Connection, now: UnixMs) -> Result<(), BooksError> {
    const OVER_AFTER_MS: i64 = 3 * 86_400_000;
    sqlx::query(
        "INSERT INTO free_days (day, slots) SELECT day, CAST(count(*) AS BIGINT) FROM free_slots
         WHERE day > (SELECT coalesce(max(day), '') FROM free_days) AND day < $1 GROUP BY day ON CONFLICT (day) DO NOTHING",
    )
    .bind(now.plus_ms(-OVER_AFTER_MS).day())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

/// In the order of their routes: two processes that count at once never wait for each other in a
/// circle.
pub(super) async fn note_challenges(
    back: &Pool,
    at: UnixMs,
    counts: &[(String, u64)],
) -> Result<(), BooksError> {
    let mut counts: Vec<&(String, u64)> = counts.iter().filter(|(_, count)| *count > 0).collect();
    counts.sort();
    let mut transaction = back.begin_with(BEGIN).await.map_err(unavailable)?;
    for (route, count) in counts {
        sqlx::query(
            "INSERT INTO challenge_days (day, route, challenges) VALUES ($1, $2, $3)
             ON CONFLICT (day, route) DO UPDATE SET challenges = challenge_days.challenges + excluded.challenges",
        )
        .bind(super::overview::day_of(at))
        .bind(route)
        .bind(rows::integer(*count))
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
    }
    transaction.commit().await.map_err(unavailable)
}
