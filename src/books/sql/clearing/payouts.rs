//! Payouts: noted as the processor tells them, booked once they are paid, taken back once they
//! failed.

use payments::{
    clearing::{BalanceEntry, CentsMoved, EntryRole, Payout, PayoutStanding},
    ids::PaymentId,
    ledger::{LedgerError, Posting},
    ports::{BooksError, PayoutRow},
    time::UnixMs,
};

use super::super::dialect::{Connection, DbRow, for_update};
use super::super::{journal, reconcile::runs, rows, unavailable};
use super::entries;

/// A payout with what is booked of it.
pub(super) struct Kept {
    pub(super) payout: String,
    pub(super) id: PaymentId,
    pub(super) standing: PayoutStanding,
    pub(super) ours: CentsMoved,
    pub(super) postings: u64,
    pub(super) row: PayoutRow,
}

pub(super) async fn note(
    connection: &mut Connection,
    fence: i64,
    id: PaymentId,
    payout: &Payout,
    at: UnixMs,
) -> Result<PayoutStanding, BooksError> {
    runs::guard(connection, fence).await?;
    sqlx::query(
        "INSERT INTO stripe_payouts (payout_id, posting_id, amount_minor, currency, automatic, state, standing, created_at_ms, updated_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, 'seen', $7, $8)
         ON CONFLICT (payout_id) DO UPDATE SET state = excluded.state, updated_at_ms = excluded.updated_at_ms
         WHERE stripe_payouts.state <> excluded.state",
    )
    .bind(&payout.id)
    .bind(id.to_string())
    .bind(payout.amount_minor)
    .bind(&payout.currency)
    .bind(i64::from(payout.automatic))
    .bind(payout.state.word())
    .bind(payout.created.ms())
    .bind(at.ms())
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    find(connection, &payout.id)
        .await?
        .map(|kept| kept.standing)
        .ok_or_else(|| corrupt(&payout.id, "payout_id"))
}

/// The payout, held until the change ends.
pub(super) async fn find(
    connection: &mut Connection,
    payout: &str,
) -> Result<Option<Kept>, BooksError> {
    let row =
        sqlx::query(concat!("SELECT * FROM stripe_payouts WHERE payout_id = $1", for_update!()))
            .bind(payout);
    row.fetch_optional(connection).await.map_err(unavailable)?.as_ref().map(kept).transpose()
}

fn kept(row: &DbRow) -> Result<Kept, BooksError> {
    let payout = rows::text(row, "payout_id")?;
    let standing = PayoutStanding::from_word(&rows::text(row, "standing")?)
        .ok_or_else(|| corrupt(&payout, "standing"))?;
    let (id, ours_cents) =
        (rows::id(row, "stripe_payouts", "posting_id")?, rows::int(row, "ours_cents")?);
    let shown = PayoutRow {
        payout: payout.clone(),
        id: id.to_string(),
        amount_minor: rows::int(row, "amount_minor")?,
        currency: rows::text(row, "currency")?,
        automatic: rows::int(row, "automatic")? == 1,
        state: rows::text(row, "state")?,
        standing: standing.word().to_owned(),
        ours_cents,
        created_at: UnixMs::new(rows::int(row, "created_at_ms")?).rfc3339(),
    };
    let postings = rows::unsigned(row, "stripe_payouts", "postings", || payout.clone())?;
    Ok(Kept { payout, id, standing, ours: CentsMoved::new(ours_cents), postings, row: shown })
}

/// What is in it leaves the clearing account. Entries that it lists and nobody noted are noted
/// first.
pub(super) async fn book(
    connection: &mut Connection,
    fence: i64,
    payout: &Payout,
    listed: &[BalanceEntry],
    at: UnixMs,
) -> Result<CentsMoved, BooksError> {
    runs::guard(connection, fence).await?;
    let before =
        find(connection, &payout.id).await?.ok_or_else(|| corrupt(&payout.id, "payout_id"))?;
    match before.standing {
        PayoutStanding::Seen | PayoutStanding::TakenBack => {}
        PayoutStanding::Booked | PayoutStanding::Assigned => return Ok(before.ours),
    }
    for entry in listed {
        take(connection, &payout.id, entry, at).await?;
    }
    let (ours, all) = sums(connection, &payout.id).await?;
    let after = Kept { standing: PayoutStanding::Booked, ours, ..before };
    change(connection, &after, before.standing, all, at).await?;
    post(connection, &after, Posting::paid_out(after.id, after.postings, ours), at).await?;
    Ok(ours)
}

/// One entry of a payout: it is paid out, or it brings back those of a payout that failed.
async fn take(
    connection: &mut Connection,
    payout: &str,
    entry: &BalanceEntry,
    at: UnixMs,
) -> Result<(), BooksError> {
    let taken = match entry.role() {
        EntryRole::PaidOut => return Ok(()),
        EntryRole::CameBack => sqlx::query("UPDATE stripe_entries SET payout_id = $1, paid_out = 1 WHERE payout_id = $2 AND paid_out = 0")
            .bind(payout)
            .bind(&entry.source),
        EntryRole::Movement => {
            entries::note(connection, entry, None, at).await?;
            sqlx::query("UPDATE stripe_entries SET payout_id = $1, paid_out = 1 WHERE entry_id = $2 AND paid_out = 0")
                .bind(payout)
                .bind(&entry.id)
        }
    };
    taken.execute(connection).await.map(drop).map_err(unavailable)
}

/// What the entries in a payout come to: ours, and all that are kept.
async fn sums(
    connection: &mut Connection,
    payout: &str,
) -> Result<(CentsMoved, CentsMoved), BooksError> {
    let row = sqlx::query(
        "SELECT CAST(coalesce(sum(CASE WHEN intent_id IS NOT NULL THEN net_minor ELSE 0 END), 0) AS BIGINT) AS ours,
            CAST(coalesce(sum(net_minor), 0) AS BIGINT) AS entries
         FROM stripe_entries WHERE payout_id = $1 AND paid_out = 1 AND currency = 'usd'",
    );
    let row = row.bind(payout).fetch_one(connection).await.map_err(unavailable)?;
    Ok((CentsMoved::new(rows::int(&row, "ours")?), CentsMoved::new(rows::int(&row, "entries")?)))
}

/// What was sent to the bank came back: its entries are in the balance again.
pub(super) async fn take_back(
    connection: &mut Connection,
    fence: i64,
    payout: &str,
    at: UnixMs,
) -> Result<(), BooksError> {
    runs::guard(connection, fence).await?;
    let before = find(connection, payout).await?.ok_or_else(|| corrupt(payout, "payout_id"))?;
    match before.standing {
        PayoutStanding::Booked | PayoutStanding::Assigned => {}
        PayoutStanding::Seen | PayoutStanding::TakenBack => return Ok(()),
    }
    let open =
        sqlx::query("UPDATE stripe_entries SET paid_out = 0 WHERE payout_id = $1 AND paid_out = 1")
            .bind(payout);
    open.execute(&mut *connection).await.map_err(unavailable)?;
    let (standing, sent) = (before.standing, before.ours);
    let after = Kept { standing: PayoutStanding::TakenBack, ours: CentsMoved::ZERO, ..before };
    change(connection, &after, standing, CentsMoved::ZERO, at).await?;
    post(connection, &after, Posting::payout_failed(after.id, after.postings, sent), at).await
}

/// One guarded step; the postings are counted with it.
pub(super) async fn change(
    connection: &mut Connection,
    after: &Kept,
    from: PayoutStanding,
    all: CentsMoved,
    at: UnixMs,
) -> Result<(), BooksError> {
    let changed = sqlx::query(
        "UPDATE stripe_payouts SET standing = $1, ours_cents = $2, entries_cents = $3, postings = postings + 1, updated_at_ms = $4
         WHERE payout_id = $5 AND standing = $6 AND postings = $7",
    )
    .bind(after.standing.word())
    .bind(after.ours.get())
    .bind(all.get())
    .bind(at.ms())
    .bind(&after.payout)
    .bind(from.word())
    .bind(rows::integer(after.postings))
    .execute(connection)
    .await
    .map_err(unavailable)?;
    if changed.rows_affected() == 1 { Ok(()) } else { Err(BooksError::Stale(after.id)) }
}

/// The posting of a step, where any money moves.
pub(super) async fn post(
    connection: &mut Connection,
    of: &Kept,
    posting: Result<Option<Posting>, LedgerError>,
    at: UnixMs,
) -> Result<(), BooksError> {
    match posting.map_err(|_| corrupt(&of.payout, "ours_cents"))? {
        Some(posting) => journal::post(connection, &posting, at).await,
        None => Ok(()),
    }
}

pub(super) async fn open(
    connection: &mut Connection,
    limit: u32,
) -> Result<Vec<String>, BooksError> {
    let list =
        sqlx::query("SELECT payout_id FROM stripe_payouts WHERE state = 'on_its_way' ORDER BY payout_id LIMIT $1").bind(i64::from(limit));
    list.fetch_all(connection)
        .await
        .map_err(unavailable)?
        .iter()
        .map(|row| rows::text(row, "payout_id"))
        .collect()
}

pub(super) async fn list(
    connection: &mut Connection,
    waiting_only: bool,
    limit: u32,
) -> Result<Vec<PayoutRow>, BooksError> {
    let list = sqlx::query(
        "SELECT * FROM stripe_payouts
         WHERE $1 = 0 OR (automatic = 0 AND state = 'paid' AND currency = 'usd' AND standing IN ('seen', 'taken_back'))
         ORDER BY created_at_ms DESC, payout_id DESC LIMIT $2",
    )
    .bind(i64::from(waiting_only))
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    list.iter().map(|row| kept(row).map(|kept| kept.row)).collect()
}

pub(super) fn corrupt(payout: &str, column: &'static str) -> BooksError {
    BooksError::Corrupt { table: "stripe_payouts", column, key: payout.to_owned() }
}
