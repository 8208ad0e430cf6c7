//! What our transactions cost, in wei. Wei are no currency of the journal: they are kept with each transaction and summed when asked.

use payments::{
    ports::BooksError,
    settlement::{ChainHash, GasSpent},
};

use super::dialect::{Connection, Pool};
use super::{rows, unavailable};

/// Sums are made of two numbers: a sum of wei is more than SQLite's integers hold.
const GWEI: u128 = 1_000_000_000;

/// Writes what a mined transaction of ours cost, or that it is not known any more.
pub(super) async fn note(connection: &mut Connection, tx_hash: ChainHash, fee_wei: Option<u128>) -> Result<(), BooksError> {
    sqlx::query("UPDATE attempts SET fee_wei = $1 WHERE tx_hash = $2")
        .bind(fee_wei.map(|wei| wei.to_string()))
        .bind(tx_hash.to_string())
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}

/// Writes what mined transactions of ours cost.
pub(super) async fn note_all(connection: &mut Connection, fees_wei: &[(ChainHash, u128)]) -> Result<(), BooksError> {
    for (tx_hash, fee_wei) in fees_wei {
        note(connection, *tx_hash, Some(*fee_wei)).await?;
    }
    Ok(())
}

pub(super) async fn spent(readers: &Pool) -> Result<GasSpent, BooksError> {
    let list = sqlx::query(
        "SELECT CASE WHEN a.kind = 'void' THEN 'void'
                     WHEN EXISTS (SELECT 1 FROM settlements s WHERE s.intent_id = a.intent_id AND s.tx_hash = a.tx_hash) THEN 'settled'
                     ELSE 'lost' END AS what,
                CAST(sum(CAST(a.fee_wei AS BIGINT) / 1000000000) AS BIGINT) AS gwei, CAST(sum(CAST(a.fee_wei AS BIGINT) % 1000000000) AS BIGINT) AS wei
         FROM attempts a WHERE a.fee_wei IS NOT NULL GROUP BY what",
    )
    .fetch_all(readers)
    .await
    .map_err(unavailable)?;
    let mut spent = GasSpent::default();
    for row in &list {
        let what = rows::text(row, "what")?;
        let part = |column| rows::unsigned(row, "attempts", column, || what.clone());
        let sum_wei = u128::from(part("gwei")?).saturating_mul(GWEI).saturating_add(u128::from(part("wei")?));
        match what.as_str() {
            "void" => spent.void_wei = sum_wei,
            "settled" => spent.settled_wei = sum_wei,
            _ => spent.lost_wei = sum_wei,
        }
    }
    Ok(spent)
}
