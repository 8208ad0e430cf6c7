//! Sums of the journal that are derived from it, a piece at a time and behind every payment: an overview adds only what came since.

use ::payments::{ports::BooksError, time::UnixMs};

use super::super::{
    dialect::{BEGIN, Connection, Pool, for_update},
    folding, rows, unavailable,
};
use super::text::number;

/// The family of the account of a line `l`: that of all payers together, where each has one of its own.
macro_rules! family {
    () => {
        "CASE WHEN l.account LIKE 'liab:unearned:%' THEN 'liab:unearned' WHEN l.account LIKE 'liab:refund\\_due:%' ESCAPE '\\' THEN 'liab:refund_due' \
         WHEN l.account LIKE 'payer:%' THEN 'payer' ELSE l.account END"
    };
}
/// The day of a header `h`.
macro_rules! day {
    () => {
        "h.posted_at_ms / 86400000"
    };
}
pub(super) use day;
pub(in super::super) use family;

macro_rules! fold_into {
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
const INTO_DAYS: &str = fold_into!("posted_days", "day, ", "day, account, currency, kind");
const INTO_TOTALS: &str = fold_into!("posted_totals", "", "account, currency, kind");

/// Moves the mark and adds the sums together, or neither. Two processes take turns: the second one finds the mark moved.
pub(super) async fn fold(back: &Pool) -> Result<u64, BooksError> {
    let mut transaction = back.begin_with(BEGIN).await.map_err(unavailable)?;
    let mark = sqlx::query(concat!("SELECT * FROM fold_mark WHERE name = 'journal'", for_update!()));
    let mark = mark.fetch_one(&mut *transaction).await.map_err(unavailable)?;
    let folded = rows::int(&mark, "folded")?;
    let until = folding::there_for_good(&mut transaction, &mark).await?.min(folded.saturating_add(folding::AT_ONCE));
    let mut postings = 0;
    if until > folded {
        postings = count(&mut transaction, folded, until).await?;
        for statement in [INTO_DAYS, INTO_TOTALS] {
            sqlx::query(statement).bind(folded).bind(until).persistent(false).execute(&mut *transaction).await.map_err(unavailable)?;
        }
        let moved = sqlx::query("UPDATE fold_mark SET folded = $1 WHERE name = 'journal' AND folded = $2").bind(until).bind(folded);
        moved.execute(&mut *transaction).await.map_err(unavailable)?;
    }
    transaction.commit().await.map_err(unavailable)?;
    Ok(postings)
}

async fn count(connection: &mut Connection, after: i64, until: i64) -> Result<u64, BooksError> {
    let row = sqlx::query("SELECT CAST(count(*) AS BIGINT) AS postings FROM journal_headers WHERE rowid > $1 AND rowid <= $2");
    number(&row.bind(after).bind(until).fetch_one(connection).await.map_err(unavailable)?, "postings")
}

/// In the order of their routes: two processes that count at once never wait for each other in a circle.
pub(super) async fn note_challenges(back: &Pool, at: UnixMs, counts: &[(String, u64)]) -> Result<(), BooksError> {
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
