//! The row of a settlement.

use payments::{ids::PaymentId, ports::BooksError, settlement::SettlementProof, time::UnixMs};

use super::{
    super::{dialect::Connection, gas, rows, unavailable},
    exactly_one,
};

pub(super) async fn insert_settlement(
    connection: &mut Connection,
    id: PaymentId,
    proof: &SettlementProof,
    at: UnixMs,
) -> Result<(), BooksError> {
    let inserted = sqlx::query(
        "INSERT INTO settlements (intent_id, rail, chain_id, asset, from_addr, nonce, tx_hash, log_index, block_number, block_hash, fee_wei,
            amount_minor, currency, settled_at_ms)
         SELECT id, rail, chain_id, asset, from_addr, nonce, $1, $2, $3, $4, $5, price_minor, currency, $6 FROM intents WHERE id = $7",
    )
    .bind(proof.tx_hash.to_string())
    .bind(rows::integer(proof.log_index))
    .bind(rows::integer(proof.block_number))
    .bind(proof.block_hash.to_string())
    .bind(proof.fee_wei.to_string())
    .bind(at.ms())
    .bind(id.to_string())
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    exactly_one(id, &inserted)?;
    gas::note(connection, proof.tx_hash, Some(proof.fee_wei)).await?;
    sqlx::query(
        "UPDATE attempts SET nonce_closed = 1 WHERE intent_id = $1
         AND (signer, eoa_nonce) IN (SELECT signer, eoa_nonce FROM attempts WHERE intent_id = $1 AND tx_hash = $2)",
    )
    .bind(id.to_string())
    .bind(proof.tx_hash.to_string())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}
