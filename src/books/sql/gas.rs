//! What our transactions cost, in wei: kept with each transaction, summed when asked, and booked in
//! whole gwei by each comparison.

use payments::{
    gas::Gwei,
    ids::PaymentId,
    ledger::Posting,
    ports::BooksError,
    settlement::{ChainHash, GasSpent},
    time::UnixMs,
};

use super::dialect::{Connection, DbRow, Pool, for_update};
use super::{journal, reconcile::runs, rows, sequence, transitions::exactly_one, unavailable};

/// Sums are made of two numbers: a sum of wei is more than SQLite's integers hold.
const GWEI: u128 = 1_000_000_000;

/// Writes what a mined transaction of ours cost, or that it is not known any more.
pub(super) async fn note(
    connection: &mut Connection,
    tx_hash: ChainHash,
    fee_wei: Option<u128>,
) -> Result<(), BooksError> {
    sqlx::query("UPDATE attempts SET fee_wei = $1 WHERE tx_hash = $2")
        .bind(fee_wei.map(|wei| wei.to_string()))
        .bind(tx_hash.to_string())
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    sequence::note_fee(connection, tx_hash, fee_wei).await
}

/// Writes what mined transactions of ours cost.
pub(super) async fn note_all(
    connection: &mut Connection,
    fees_wei: &[(ChainHash, u128)],
) -> Result<(), BooksError> {
    for (tx_hash, fee_wei) in fees_wei {
        note(connection, *tx_hash, Some(*fee_wei)).await?;
    }
    Ok(())
}

/// Of the columns `gwei` and `wei`.
pub(super) fn sum(row: &DbRow) -> Result<u128, BooksError> {
    let part = |column| rows::unsigned(row, "attempts", column, String::new);
    Ok(u128::from(part("gwei")?).saturating_mul(GWEI).saturating_add(u128::from(part("wei")?)))
}

pub(super) async fn spent(readers: &Pool) -> Result<GasSpent, BooksError> {
    spent_by(&mut *readers.acquire().await.map_err(unavailable)?).await
}

/// Books what was spent beyond what is booked, or takes back what is spent no more.
pub(super) async fn book(
    connection: &mut Connection,
    fence: i64,
    id: PaymentId,
    at: UnixMs,
) -> Result<Gwei, BooksError> {
    runs::guard(connection, fence).await?;
    let too_large =
        || BooksError::Corrupt { table: "gas_booked", column: "gwei", key: String::from("all") };
    let row = sqlx::query(concat!(
        "SELECT gwei, postings FROM gas_booked WHERE name = 'all'",
        for_update!()
    ));
    let row = row.fetch_one(&mut *connection).await.map_err(unavailable)?;
    let booked = Gwei::new(rows::int(&row, "gwei")?);
    let spent =
        spent_by(connection).await?.total_wei().and_then(Gwei::of_wei).ok_or_else(too_large)?;
    let new = spent.checked_sub(booked).ok_or_else(too_large)?;
    let Some(posting) = Posting::gas(id, new).map_err(|_| too_large())? else {
        return Ok(Gwei::ZERO);
    };
    let changed =
        sqlx::query("UPDATE gas_booked SET gwei = $1, postings = postings + 1 WHERE name = 'all' AND gwei = $2 AND postings = $3")
            .bind(spent.get())
            .bind(booked.get())
            .bind(rows::int(&row, "postings")?);
    let changed = changed.execute(&mut *connection).await.map_err(unavailable)?;
    exactly_one(id, &changed)?;
    journal::post(connection, &posting, at).await?;
    Ok(new)
}

async fn spent_by(connection: &mut Connection) -> Result<GasSpent, BooksError> {
    let list = sqlx::query(
        "SELECT what, CAST(sum(CAST(fee_wei AS BIGINT) / 1000000000) AS BIGINT) AS gwei, CAST(sum(CAST(fee_wei AS BIGINT) % 1000000000) AS BIGINT) AS wei
         FROM (SELECT CASE WHEN a.kind = 'void' THEN 'void'
                           WHEN EXISTS (SELECT 1 FROM settlements s WHERE s.intent_id = a.intent_id AND s.tx_hash = a.tx_hash) THEN 'settled'
                           ELSE 'lost' END AS what, a.fee_wei
               FROM attempts a WHERE a.fee_wei IS NOT NULL
               UNION ALL SELECT 'void', f.fee_wei FROM nonce_fills f WHERE f.fee_wei IS NOT NULL
               UNION ALL SELECT CASE WHEN r.kind = 'void' THEN 'void' ELSE 'refunds' END, r.fee_wei FROM usdc_refund_attempts r
               WHERE r.fee_wei IS NOT NULL) AS mined GROUP BY what",
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    let mut spent = GasSpent::default();
    for row in &list {
        let what = rows::text(row, "what")?;
        let sum_wei = sum(row)?;
        match what.as_str() {
            "void" => spent.void_wei = sum_wei,
            "settled" => spent.settled_wei = sum_wei,
            "refunds" => spent.refunds_wei = sum_wei,
            _ => spent.lost_wei = sum_wei,
        }
    }
    Ok(spent)
}
