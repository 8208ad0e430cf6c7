//! Rows of attempts and settlements.

use payments::{
    ids::PaymentId,
    ports::BooksError,
    settlement::{Attempt, AttemptKind, ChainHash, Settlement, SettlementProof},
    time::UnixMs,
};
use sqlx::Row;

use super::{
    super::{
        charges,
        dialect::{Connection, DbRow},
        unavailable,
    },
    int, integer, text, text_or_none, unsigned,
};

pub(in super::super) fn attempt(row: &DbRow) -> Result<Attempt, BooksError> {
    let tx_hash = text(row, "tx_hash")?;
    let corrupt = |column| BooksError::Corrupt { table: "attempts", column, key: tx_hash.clone() };
    Ok(Attempt {
        kind: if text(row, "kind")? == AttemptKind::Void.word() {
            AttemptKind::Void
        } else {
            AttemptKind::Transfer
        },
        tx_hash: ChainHash::parse(&tx_hash).ok_or_else(|| corrupt("tx_hash"))?,
        signer: text(row, "signer")?.parse().map_err(|_| corrupt("signer"))?,
        eoa_nonce: unsigned(row, "attempts", "eoa_nonce", || tx_hash.clone())?,
        max_fee_per_gas_wei: text(row, "max_fee_per_gas_wei")?
            .parse()
            .map_err(|_| corrupt("max_fee_per_gas_wei"))?,
        sealed_tx: row.try_get("sealed_tx").map_err(unavailable)?,
        saved_at: UnixMs::new(int(row, "saved_at_ms")?),
        fee_wei: text_or_none(row, "fee_wei")?
            .map(|wei| wei.parse().map_err(|_| corrupt("fee_wei")))
            .transpose()?,
    })
}

pub(super) fn settled(row: &DbRow) -> Result<Settlement, BooksError> {
    match text(row, "rail")?.as_str() {
        "mpp" => charges::proof(row).map(Settlement::Charge),
        _ => settlement_proof(row).map(Settlement::Transfer),
    }
}

pub(in super::super) fn settlement_proof(row: &DbRow) -> Result<SettlementProof, BooksError> {
    let id = text(row, "intent_id")?;
    let corrupt = |column| BooksError::Corrupt { table: "settlements", column, key: id.clone() };
    Ok(SettlementProof {
        tx_hash: ChainHash::parse(&text(row, "tx_hash")?).ok_or_else(|| corrupt("tx_hash"))?,
        block_number: unsigned(row, "settlements", "block_number", || id.clone())?,
        block_hash: ChainHash::parse(&text(row, "block_hash")?)
            .ok_or_else(|| corrupt("block_hash"))?,
        log_index: unsigned(row, "settlements", "log_index", || id.clone())?,
        fee_wei: text(row, "fee_wei")?.parse().map_err(|_| corrupt("fee_wei"))?,
    })
}

pub(in super::super) async fn insert_attempt(
    connection: &mut Connection,
    id: PaymentId,
    attempt: &Attempt,
) -> Result<(), BooksError> {
    sqlx::query(
        "INSERT INTO attempts (intent_id, kind, signer, eoa_nonce, tx_hash, max_fee_per_gas_wei, sealed_tx, saved_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(id.to_string())
    .bind(attempt.kind.word())
    .bind(attempt.signer.to_string())
    .bind(integer(attempt.eoa_nonce))
    .bind(attempt.tx_hash.to_string())
    .bind(attempt.max_fee_per_gas_wei.to_string())
    .bind(attempt.sealed_tx.as_slice())
    .bind(attempt.saved_at.ms())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}
