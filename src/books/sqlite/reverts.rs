//! What a wallet's payments say against taking the next one: those that the token reverted, and
//! those that may still take its balance.

use payments::{
    funding::Available,
    ports::{BooksError, NewClaim, TransferPayment},
};

use sqlx::AssertSqlSafe;

use super::dialect::Connection;
use super::{
    gas,
    promised::{self, Names},
    rows, unavailable,
};

/// How far back reverted payments count.
const HOUR_MS: i64 = 3_600_000;

/// Those of the payer, with those that are neither settled nor failed; and what all of them took in
/// gas, as two numbers: their sum is more than one of them holds. Only a transfer costs gas.
pub(super) async fn of(
    connection: &mut Connection,
    claim: &NewClaim<'_>,
) -> Result<Available, BooksError> {
    if claim.payment.transfer().is_none() {
        return Ok(Available::default());
    }
    let row = sqlx::query(
        "SELECT (SELECT count(*) FROM intents WHERE payer = $1 AND state = 'pay_failed' AND failure = 'settlement_reverted'
                   AND updated_at_ms > $2) AS reverts,
                (SELECT count(*) FROM intents WHERE payer = $1 AND funding = 'x402' AND state IN ('claimed', 'signed', 'submitted', 'submit_unknown')) AS unsettled,
                coalesce(sum(CAST(a.fee_wei AS BIGINT) / 1000000000), 0) AS gwei, coalesce(sum(CAST(a.fee_wei AS BIGINT) % 1000000000), 0) AS wei
         FROM intents i JOIN attempts a ON a.intent_id = i.id
         WHERE i.state = 'pay_failed' AND i.updated_at_ms > $2 AND a.kind = 'transfer' AND a.fee_wei IS NOT NULL",
    )
    .bind(claim.payer.to_string())
    .bind(claim.at.ms().saturating_sub(HOUR_MS))
    .fetch_one(&mut *connection)
    .await
    .map_err(unavailable)?;
    Ok(Available {
        promised_units: promised_units(connection, claim).await?,
        reverts_last_hour: rows::count(&row, "reverts")?,
        unsettled: rows::count(&row, "unsettled")?,
        gas_lost_last_hour_wei: gas::sum(&row)?,
        ..Available::default()
    })
}

/// One transaction writes at a time, so that the balance cannot be promised twice between this look
/// and the claim.
async fn promised_units(
    connection: &mut Connection,
    claim: &NewClaim<'_>,
) -> Result<u64, BooksError> {
    let Some(TransferPayment { transfer, .. }) = claim.payment.transfer() else { return Ok(0) };
    let names = Names { payer: "$1", from: "$2", chain_id: "$3", token: "$4", block: "$5" };
    let row =
        sqlx::query(AssertSqlSafe(format!("SELECT {} AS promised", promised::select(&names))))
            .bind(claim.payer.to_string())
            .bind(transfer.key.from.to_string())
            .bind(rows::chain_id(&transfer.key))
            .bind(transfer.key.token.to_string())
            .bind(rows::integer(transfer.claimed_at_block))
            .fetch_one(connection)
            .await
            .map_err(unavailable)?;
    rows::unsigned(&row, "intents", "promised", || claim.id.to_string())
}
