//! The figures of the first page: the folded sums and what was posted since, as of one moment.

use std::collections::BTreeMap;

use ::payments::{
    obligation_word,
    ports::{
        BooksError,
        desk::{DayTotals, Overview, PostedSum},
    },
    time::UnixMs,
};

use super::super::{
    dialect::{BEGIN_READ, Connection, DbRow, Pool},
    rows, unavailable,
};
use super::{
    fold::{day, family, folded},
    text::{Text, all, moment_or_none, number, one},
};

/// Days that are shown, today with them.
const DAYS: i64 = 30;
pub(super) const DAY_MS: i64 = 86_400_000;

/// The number of a day: whole days since 1970 in UTC.
pub(super) fn day_of(at: UnixMs) -> i64 {
    at.ms().div_euclid(DAY_MS)
}

/// The first day that is shown.
pub(super) fn first_day(now: UnixMs) -> i64 {
    day_of(now).saturating_sub(DAYS - 1)
}

/// The days from this one on, with nothing yet.
pub(super) fn empty_days(first: i64) -> BTreeMap<i64, DayTotals> {
    let empty = |day: i64| (day, DayTotals { day: name(day), ..DayTotals::default() });
    (first..first + DAYS).map(empty).collect()
}

/// `2026-01-31`.
pub(super) fn name(day: i64) -> String {
    UnixMs::new(day.saturating_mul(DAY_MS)).day()
}

/// What was posted of one kind to a family of accounts on a day.
pub(super) struct Posted {
    pub(super) day: i64,
    account: String,
    currency: String,
    kind: String,
    amount: i64,
    postings: u64,
}

pub(super) async fn read(desk: &Pool, now: UnixMs) -> Result<Overview, BooksError> {
    let mut transaction = desk.begin_with(BEGIN_READ).await.map_err(unavailable)?;
    let connection = &mut *transaction;
    let first_day = first_day(now);
    let since = since_fold(connection).await?;
    let mut overview = Overview { at: now.rfc3339(), ..Overview::default() };
    overview.accounts = accounts(connection, &since).await?;
    overview.days = days(connection, first_day, since).await?;
    attention(connection, &mut overview).await?;
    comparison(connection, &mut overview).await?;
    transaction.commit().await.map_err(unavailable)?;
    Ok(overview)
}

async fn since_fold(connection: &mut Connection) -> Result<Vec<Posted>, BooksError> {
    let mark = folded(connection, "journal").await?;
    let mut text = Text::new(concat!(
        "SELECT day, account, currency, kind, CAST(sum(amount) AS BIGINT) AS amount, CAST(count(DISTINCT txn_id) AS BIGINT) AS postings FROM (SELECT ",
        day!(),
        " AS day, ",
        family!(),
        " AS account, l.currency, h.kind, l.amount, h.txn_id FROM journal_headers h JOIN journal_lines l ON l.txn_id = h.txn_id WHERE h.rowid > "
    ));
    text.push_bind(mark).push(") AS new GROUP BY day, account, currency, kind");
    all(text, connection).await?.iter().map(posted).collect()
}

pub(super) fn posted(row: &DbRow) -> Result<Posted, BooksError> {
    Ok(Posted {
        day: rows::int(row, "day")?,
        account: rows::text(row, "account")?,
        currency: rows::text(row, "currency")?,
        kind: rows::text(row, "kind")?,
        amount: rows::int(row, "amount")?,
        postings: number(row, "postings")?,
    })
}

async fn accounts(
    connection: &mut Connection,
    since: &[Posted],
) -> Result<Vec<PostedSum>, BooksError> {
    let text = Text::new(
        "SELECT account, currency, CAST(sum(amount) AS BIGINT) AS amount FROM posted_totals GROUP BY account, currency",
    );
    let mut sums: BTreeMap<(String, String), i64> = BTreeMap::new();
    for row in &all(text, connection).await? {
        sums.insert(
            (rows::text(row, "currency")?, rows::text(row, "account")?),
            rows::int(row, "amount")?,
        );
    }
    for posted in since {
        let sum = sums.entry((posted.currency.clone(), posted.account.clone())).or_default();
        *sum = sum.saturating_add(posted.amount);
    }
    Ok(sums
        .into_iter()
        .map(|((currency, account), amount_minor)| PostedSum { account, currency, amount_minor })
        .collect())
}

async fn days(
    connection: &mut Connection,
    first: i64,
    since: Vec<Posted>,
) -> Result<Vec<DayTotals>, BooksError> {
    let mut days = empty_days(first);
    let mut text = Text::new(
        "SELECT day, account, currency, kind, amount, postings FROM posted_days WHERE day >= ",
    );
    text.push_bind(first);
    let folded: Vec<Posted> =
        all(text, connection).await?.iter().map(posted).collect::<Result<_, _>>()?;
    for posted in folded.iter().chain(&since) {
        if let Some(day) = days.get_mut(&posted.day) {
            posted.add_to(day);
        }
    }
    let mut text = Text::new(
        "SELECT day, CAST(sum(challenges) AS BIGINT) AS challenges FROM challenge_days WHERE day >= ",
    );
    text.push_bind(first).push(" GROUP BY day");
    for row in &all(text, connection).await? {
        if let Some(day) = days.get_mut(&rows::int(row, "day")?) {
            day.challenges = number(row, "challenges")?;
        }
    }
    // A free launch is no posting; its day is the text that this map's days have too.
    let mut text = Text::new("SELECT day, slots FROM free_days WHERE day >= ");
    text.push_bind(name(first));
    text.push(" UNION ALL SELECT day, CAST(count(*) AS BIGINT) FROM free_slots WHERE day >= ")
        .push_bind(name(first));
    text.push(" AND day > (SELECT coalesce(max(day), '') FROM free_days) GROUP BY day");
    let mut days: Vec<DayTotals> = days.into_values().collect();
    for row in &all(text, connection).await? {
        let name = rows::text(row, "day")?;
        if let Some(day) = days.iter_mut().find(|day| day.day == name) {
            day.funded = day.funded.saturating_add(number(row, "slots")?);
        }
    }
    Ok(days)
}

impl Posted {
    pub(super) fn add_to(&self, day: &mut DayTotals) {
        if self.account.starts_with("rev:") {
            let earned = if self.currency == "USDC" {
                &mut day.earned_usdc_units
            } else {
                &mut day.earned_usd_cents
            };
            *earned = earned.saturating_sub(self.amount);
        }
        match self.account.as_str() {
            "asset:usdc_hot" | "asset:usdc_refund" => day.usdc.count(&self.kind, self.amount),
            "asset:stripe_clearing" => day.usd.count(&self.kind, self.amount),
            "exp:gas" => day.gas_gwei = day.gas_gwei.saturating_add(self.amount),
            _ => {}
        }
        // One of a posting's families stands for it, so that it counts once.
        let count = |counts: &mut u64| *counts = counts.saturating_add(self.postings);
        match (self.kind.as_str(), self.account.as_str()) {
            ("settled", "asset:usdc_hot") => {
                count(&mut day.settled_x402);
                count(&mut day.funded);
            }
            ("settled", "asset:stripe_clearing") => {
                count(&mut day.settled_mpp);
                count(&mut day.funded);
            }
            ("entitled", "liab:unearned") | ("credit_held", "payer") => count(&mut day.funded),
            ("refunded" | "refunded_elsewhere", "asset:stripe_clearing")
            | ("refunded", "asset:usdc_refund") => count(&mut day.refunded),
            _ => {}
        }
    }
}

const OPEN: &str = "SELECT CAST(count(*) AS BIGINT) AS open,
        CAST(coalesce(sum(CASE WHEN state IN ('submit_unknown', 'core_unknown') THEN 1 ELSE 0 END), 0) AS BIGINT) AS unknown,
        min(CASE WHEN state IN ('submit_unknown', 'core_unknown') THEN created_at_ms END) AS oldest_ms
     FROM intents WHERE state IN ('claimed', 'signed', 'submitted', 'submit_unknown', 'forwarding', 'core_unknown', 'charged')";
const DUE: &str = concat!(
    "SELECT CAST((SELECT count(*) FROM obligations
            WHERE state IN ('",
    obligation_word!(RefundDue),
    "', '",
    obligation_word!(RefundUnknown),
    "')) AS BIGINT)
        + CAST((SELECT count(*) FROM receipts WHERE kind = 'unearned'
            AND NOT EXISTS (SELECT 1 FROM usdc_paid_back p WHERE p.owed_id = receipt_id)
            AND NOT EXISTS (SELECT 1 FROM usdc_refunds u WHERE u.owed_id = receipt_id AND u.state <> 'refund_failed')) AS BIGINT) AS due,
        CAST((SELECT count(*) FROM findings WHERE closed_at_ms IS NULL) AS BIGINT) AS findings"
);

const DISPUTES: &str = "SELECT CAST(count(*) AS BIGINT) AS disputes,
        CAST(coalesce(sum(CASE WHEN state = 'open' THEN amount_cents ELSE 0 END), 0) AS BIGINT) AS cents, min(due_by_ms) AS due_ms,
        CAST((SELECT count(DISTINCT payer) FROM payer_blocks WHERE ended_at_ms IS NULL) AS BIGINT) AS blocked
     FROM dispute_notes WHERE state IN ('inquiry', 'open', 'unrecognised') AND status NOT IN ('warning_closed', 'prevented')";

async fn attention(connection: &mut Connection, overview: &mut Overview) -> Result<(), BooksError> {
    let open = one(Text::new(OPEN), connection).await?;
    overview.open = number(&open, "open")?;
    overview.unknown = number(&open, "unknown")?;
    overview.oldest_unknown_at = moment_or_none(&open, "oldest_ms")?;
    let due = one(Text::new(DUE), connection).await?;
    overview.refunds_due = number(&due, "due")?;
    overview.open_findings = number(&due, "findings")?;
    let disputes = one(Text::new(DISPUTES), connection).await?;
    overview.disputes_open = number(&disputes, "disputes")?;
    overview.disputed_cents = rows::int(&disputes, "cents")?;
    overview.next_dispute_due_by = moment_or_none(&disputes, "due_ms")?;
    overview.blocked_accounts = number(&disputes, "blocked")?;
    Ok(())
}

async fn comparison(
    connection: &mut Connection,
    overview: &mut Overview,
) -> Result<(), BooksError> {
    let text = Text::new(
        "SELECT ended_at_ms, sources FROM reconcile_runs WHERE ended_at_ms IS NOT NULL ORDER BY run_id DESC LIMIT 1",
    );
    let Some(row) = all(text, connection).await?.pop() else { return Ok(()) };
    overview.reconciled_at = moment_or_none(&row, "ended_at_ms")?;
    let sources: serde_json::Value =
        serde_json::from_str(&rows::text(&row, "sources")?).unwrap_or_default();
    let missed = sources
        .as_array()
        .into_iter()
        .flatten()
        .filter(|source| source["outcome"] == "could_not_check");
    overview.not_compared =
        missed.filter_map(|source| source["source"].as_str().map(str::to_owned)).collect();
    Ok(())
}
