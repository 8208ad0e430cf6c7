//! What operators watch, by indexes: it is asked for every few seconds.

use payments::{obligation_word, ports::BooksError, time::UnixMs};
use sqlx::Row;

use super::{
    dialect::{Connection, DbRow, Pool, now_ms},
    rows, unavailable,
};
use crate::books::Pulse;

/// The states that are watched, as the index of work in transit names them.
const UNKNOWN: &str = "SELECT count(*) AS count, min(created_at_ms) AS oldest FROM intents
     WHERE state IN ('claimed', 'signed', 'submitted', 'submit_unknown', 'forwarding', 'core_unknown', 'charged')
       AND state IN ('submit_unknown', 'core_unknown')";
const QUEUED: &str = "SELECT count(*) AS count FROM settlement_queue";
const LIABILITY: &str =
    "SELECT CAST(coalesce(sum(backing_cents), 0) AS BIGINT) AS count FROM credit_accounts";
const FINDINGS: &str = "SELECT count(*) AS count FROM findings WHERE closed_at_ms IS NULL";
const DISPUTES: &str = "SELECT count(*) AS count, min(due_by_ms) AS due FROM dispute_notes
     WHERE state IN ('inquiry', 'open', 'unrecognised') AND status <> 'warning_closed' AND status <> 'prevented'";
/// The newest runs; more failures in a row than these leave the moment where it was.
const RUNS: &str = "SELECT ended_at_ms, sources FROM reconcile_runs WHERE ended_at_ms IS NOT NULL ORDER BY run_id DESC LIMIT 20";
const PAID_NOT_SERVED: &str = "SELECT count(*) AS count FROM intents i
     WHERE i.state IN ('pay_failed', 'rejected', 'released', 'granted') AND i.updated_at_ms >= $1 AND i.updated_at_ms < $2
       AND EXISTS (SELECT 1 FROM settlements s WHERE s.intent_id = i.id)
       AND NOT CASE i.state
         WHEN 'rejected' THEN EXISTS (SELECT 1 FROM obligations o WHERE o.intent_id = i.id)
         WHEN 'granted' THEN EXISTS (SELECT 1 FROM journal_headers h WHERE h.intent_id = i.id AND h.kind = 'credits_issued')
         ELSE 1 = 0 END";
const SERVED_NOT_PAID: &str = concat!(
    "SELECT count(*) AS count FROM intents i
     WHERE i.state = 'created' AND i.updated_at_ms >= $1 AND i.updated_at_ms < $2
       AND NOT CASE i.funding
         WHEN 'free' THEN EXISTS (SELECT 1 FROM free_slots f WHERE f.intent_id = i.id)
         WHEN 'x402' THEN EXISTS (SELECT 1 FROM settlements s WHERE s.intent_id = i.id)
         WHEN 'mpp_charge' THEN EXISTS (SELECT 1 FROM settlements s WHERE s.intent_id = i.id)
         WHEN 'credit' THEN EXISTS (SELECT 1 FROM credit_entries e WHERE e.intent_id = i.id AND e.kind = 'deduct')
         WHEN 'entitlement' THEN EXISTS (SELECT 1 FROM obligations o WHERE o.reserved_by = i.id AND o.state = '",
    obligation_word!(Used),
    "')
         ELSE 1 = 0 END"
);
/// The word of a source that a run could not compare.
const NOT_COMPARED: &str = "could_not_check";

pub(super) async fn of(readers: &Pool, since: UnixMs, until: UnixMs) -> Result<Pulse, BooksError> {
    let unknown = sqlx::query(UNKNOWN).fetch_one(readers).await.map_err(unavailable)?;
    let disputes = sqlx::query(DISPUTES).fetch_one(readers).await.map_err(unavailable)?;
    let runs = sqlx::query(RUNS).fetch_all(readers).await.map_err(unavailable)?;
    let ended_between = async |query: &'static str| -> Result<u64, BooksError> {
        let row = sqlx::query(query).bind(since.ms()).bind(until.ms()).fetch_one(readers).await;
        count(&row.map_err(unavailable)?)
    };
    Ok(Pulse {
        unknown: count(&unknown)?,
        oldest_unknown_at: unknown
            .try_get::<Option<i64>, _>("oldest")
            .map_err(unavailable)?
            .map(UnixMs::new),
        queued: count(&sqlx::query(QUEUED).fetch_one(readers).await.map_err(unavailable)?)?,
        credit_liability_cents: rows::int(
            &sqlx::query(LIABILITY).fetch_one(readers).await.map_err(unavailable)?,
            "count",
        )?,
        open_findings: count(
            &sqlx::query(FINDINGS).fetch_one(readers).await.map_err(unavailable)?,
        )?,
        disputes_open: count(&disputes)?,
        dispute_due_at: disputes
            .try_get::<Option<i64>, _>("due")
            .map_err(unavailable)?
            .map(UnixMs::new),
        reconciled_at: reconciled_at(&runs)?,
        paid_not_served: ended_between(PAID_NOT_SERVED).await?,
        served_not_paid: ended_between(SERVED_NOT_PAID).await?,
    })
}

/// The end of the newest run that could compare everything.
fn reconciled_at(runs: &[DbRow]) -> Result<Option<UnixMs>, BooksError> {
    for run in runs {
        let sources: Option<String> = run.try_get("sources").map_err(unavailable)?;
        if sources.is_some_and(|sources| !sources.contains(NOT_COMPARED)) {
            return Ok(Some(UnixMs::new(rows::int(run, "ended_at_ms")?)));
        }
    }
    Ok(None)
}

fn count(row: &DbRow) -> Result<u64, BooksError> {
    Ok(u64::try_from(rows::int(row, "count")?).unwrap_or(0))
}

/// Writes something and commits it: books that take no write say so.
pub(super) async fn write(connection: &mut Connection) -> Result<(), BooksError> {
    let probe = sqlx::query(concat!("UPDATE write_probe SET at_ms = ", now_ms!()));
    probe.execute(connection).await.map(drop).map_err(unavailable)
}
