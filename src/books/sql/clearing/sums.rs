//! What the processor holds for us: by the journal, and by the entries of its balance.

use payments::{
    clearing::CentsMoved,
    ports::{BooksError, Clearing},
    time::UnixMs,
};

use super::super::{
    dialect::{BEGIN_READ, Pool},
    rows, unavailable,
};

/// The folded sums, and what was posted since.
const BOOKED: &str = "SELECT CAST(coalesce((SELECT sum(amount) FROM posted_totals WHERE account = 'asset:stripe_clearing' AND currency = 'USD'), 0)
        + coalesce((SELECT sum(l.amount) FROM journal_headers h JOIN journal_lines l ON l.txn_id = h.txn_id
            WHERE h.rowid > (SELECT folded FROM fold_mark WHERE name = 'journal') AND l.account = 'asset:stripe_clearing' AND l.currency = 'USD'), 0)
        AS BIGINT) AS cents";

const UNPAID: &str = "SELECT CAST(coalesce((SELECT sum(net_minor) FROM stripe_entries
            WHERE paid_out = 0 AND currency = 'usd' AND intent_id IS NOT NULL), 0)
        - coalesce((SELECT sum(ours_cents) FROM stripe_payouts WHERE standing = 'assigned'), 0) AS BIGINT) AS cents";

/// Payments whose money may be on one side and not yet on the other.
const MOVING: &str = "WITH moving AS (
        SELECT intent_id FROM refunds WHERE state IN ('refund_sent', 'refund_unknown') OR updated_at_ms >= $1
        UNION SELECT intent_id FROM foreign_refunds WHERE updated_at_ms >= $1
        UNION SELECT intent_id FROM dispute_notes WHERE state = 'unrecognised' OR noted_at_ms >= $1
        UNION SELECT s.intent_id FROM settlements s WHERE s.rail = 'mpp' AND s.settled_at_ms >= $2
            AND NOT EXISTS (SELECT 1 FROM stripe_entries e WHERE e.source = s.stripe_charge))
    SELECT CAST(coalesce((SELECT sum(l.amount) FROM moving m JOIN journal_headers h ON h.intent_id = m.intent_id
            JOIN journal_lines l ON l.txn_id = h.txn_id WHERE l.account = 'asset:stripe_clearing' AND l.currency = 'USD'), 0)
        - coalesce((SELECT sum(e.net_minor) FROM moving m JOIN stripe_entries e ON e.intent_id = m.intent_id WHERE e.currency = 'usd'), 0)
        AS BIGINT) AS cents";

/// As of one moment.
pub(super) async fn clearing(
    readers: &Pool,
    read_since: UnixMs,
    settled_since: UnixMs,
) -> Result<Clearing, BooksError> {
    let mut transaction = readers.begin_with(BEGIN_READ).await.map_err(unavailable)?;
    let booked = sqlx::query(BOOKED).fetch_one(&mut *transaction).await.map_err(unavailable)?;
    let unpaid = sqlx::query(UNPAID).fetch_one(&mut *transaction).await.map_err(unavailable)?;
    let moving = sqlx::query(MOVING)
        .bind(read_since.ms())
        .bind(settled_since.ms())
        .fetch_one(&mut *transaction)
        .await;
    let moving = moving.map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)?;
    let cents = |row| rows::int(row, "cents").map(CentsMoved::new);
    Ok(Clearing { booked: cents(&booked)?, unpaid: cents(&unpaid)?, moving: cents(&moving)? })
}

/// All entries that are kept, less all that was sent to the bank and did not come back. A payout
/// that failed moved nothing in the end.
pub(super) async fn account_held(readers: &Pool) -> Result<CentsMoved, BooksError> {
    let held = sqlx::query(
        "SELECT CAST(coalesce((SELECT sum(net_minor) FROM stripe_entries WHERE paid_out = 0 AND currency = 'usd'), 0)
            + coalesce((SELECT sum(entries_cents) FROM stripe_payouts WHERE currency = 'usd'), 0)
            - coalesce((SELECT sum(amount_minor) FROM stripe_payouts WHERE currency = 'usd' AND state <> 'failed'), 0) AS BIGINT) AS cents",
    );
    let mut connection = readers.acquire().await.map_err(unavailable)?;
    let held = held.fetch_one(&mut *connection).await.map_err(unavailable)?;
    rows::int(&held, "cents").map(CentsMoved::new)
}
