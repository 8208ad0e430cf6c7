//! Who drives which intent, which nonces are open, and which entitlements are over.

use payments::{
    agent::Wallet,
    ids::PaymentId,
    intent::Intent,
    obligation::ObligationStep,
    ports::{BooksError, SealedRow, SigningAccount},
    time::UnixMs,
};
use sqlx::Row;

use super::dialect::{Connection, DbRow, Pool, no_bytes};
use super::{rows, transitions::kept_for_settlement, unavailable};

pub(super) async fn release(writer: &Pool, id: PaymentId, fence: i64) -> Result<(), BooksError> {
    sqlx::query(
        "UPDATE intents SET lease_until_ms = 0, parked_until_ms = 0 WHERE id = $1 AND fence = $2",
    )
    .bind(id.to_string())
    .bind(fence)
    .execute(writer)
    .await
    .map(drop)
    .map_err(unavailable)
}

/// Each part goes by an index of what is not over, however long the table is.
pub(super) async fn signers_at_work(readers: &Pool) -> Result<Vec<(Wallet, u64)>, BooksError> {
    let rows = sqlx::query(
        "SELECT signer, count(DISTINCT eoa_nonce) AS nonces FROM (
            SELECT signer, eoa_nonce FROM attempts WHERE nonce_closed = 0
            UNION ALL SELECT signer, eoa_nonce FROM nonce_fills WHERE nonce_closed = 0
            UNION ALL SELECT a.signer, a.eoa_nonce FROM settlements s JOIN attempts a ON a.intent_id = s.intent_id AND a.tx_hash = s.tx_hash
            WHERE s.final_at_ms IS NULL AND s.rail = 'x402'
            UNION ALL SELECT a.signer, a.eoa_nonce FROM usdc_refunds u JOIN usdc_refund_attempts a ON a.refund_key = u.refund_key
            WHERE u.next_look_at_ms IS NOT NULL
         ) AS work GROUP BY signer ORDER BY signer",
    )
    .fetch_all(readers)
    .await
    .map_err(unavailable)?;
    rows.iter().map(signer_at_work).collect()
}

fn signer_at_work(row: &DbRow) -> Result<(Wallet, u64), BooksError> {
    let signer: String = row.try_get("signer").map_err(unavailable)?;
    let nonces: i64 = row.try_get("nonces").map_err(unavailable)?;
    let wallet = signer.parse().map_err(|_| BooksError::Corrupt {
        table: "attempts",
        column: "signer",
        key: signer,
    })?;
    Ok((wallet, u64::try_from(nonces).unwrap_or(0)))
}

/// The names are those of `payments::settlement::seal_name` and `queued_name`, and the payment id
/// for a charge.
pub(super) async fn sealed(readers: &Pool, limit: u32) -> Result<Vec<SealedRow>, BooksError> {
    let rows = sqlx::query(
        "SELECT a.tx_hash || '/' || a.kind AS name, a.sealed_tx AS bytes FROM attempts a WHERE a.nonce_closed = 0 AND length(a.sealed_tx) > 0
         UNION ALL SELECT a.tx_hash || '/' || a.kind, a.sealed_tx FROM settlements s JOIN attempts a ON a.intent_id = s.intent_id
         WHERE s.final_at_ms IS NULL AND s.rail = 'x402' AND a.nonce_closed = 1 AND length(a.sealed_tx) > 0
         UNION ALL SELECT f.tx_hash || '/void', f.sealed_tx FROM nonce_fills f WHERE f.nonce_closed = 0 AND length(f.sealed_tx) > 0
         UNION ALL SELECT a.tx_hash || '/' || a.kind, a.sealed_tx FROM usdc_refunds u JOIN usdc_refund_attempts a ON a.refund_key = u.refund_key
         WHERE u.next_look_at_ms IS NOT NULL AND length(a.sealed_tx) > 0
         UNION ALL SELECT c.intent_id, c.sealed_params FROM intents i JOIN charges c ON c.intent_id = i.id
         WHERE i.state IN ('signed', 'submitted', 'submit_unknown') AND length(c.sealed_params) > 0
         UNION ALL SELECT q.intent_id || '/queued', q.sealed_authorization FROM settlement_queue q
         LIMIT $1",
    )
    .bind(i64::from(limit))
    .fetch_all(readers)
    .await
    .map_err(unavailable)?;
    let row = |row: &DbRow| -> Result<SealedRow, sqlx::Error> {
        Ok(SealedRow { name: row.try_get("name")?, bytes: row.try_get("bytes")? })
    };
    rows.iter().map(row).collect::<Result<_, _>>().map_err(unavailable)
}

pub(super) async fn close_nonce(
    connection: &mut Connection,
    account: SigningAccount,
    eoa_nonce: u64,
) -> Result<(), BooksError> {
    sqlx::query(concat!(
        "UPDATE attempts SET nonce_closed = 1, sealed_tx = CASE WHEN ",
        kept_for_settlement!(),
        " THEN sealed_tx ELSE ",
        no_bytes!(),
        " END WHERE signer = $1 AND eoa_nonce = $2
         AND EXISTS (SELECT 1 FROM intents i WHERE i.id = attempts.intent_id AND i.chain_id = $3)"
    ))
    .bind(account.address.to_string())
    .bind(rows::integer(eoa_nonce))
    .bind(rows::integer(account.chain_id))
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    sqlx::query(concat!(
        "UPDATE nonce_fills SET nonce_closed = 1, sealed_tx = ",
        no_bytes!(),
        " WHERE signer = $1 AND eoa_nonce = $2 AND chain_id = $3 AND nonce_closed = 0"
    ))
    .bind(account.address.to_string())
    .bind(rows::integer(eoa_nonce))
    .bind(rows::integer(account.chain_id))
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

pub(super) async fn expire_entitlements(writer: &Pool, now: UnixMs) -> Result<u64, BooksError> {
    let expired = sqlx::query("UPDATE obligations SET state = $1, updated_at_ms = $2 WHERE state = $3 AND entitled_until_ms <= $2")
        .bind(ObligationStep::EXPIRE.to().word())
        .bind(now.ms())
        .bind(ObligationStep::EXPIRE.from().word())
        .execute(writer)
        .await
        .map_err(unavailable)?;
    Ok(expired.rows_affected())
}

pub(super) async fn load(
    connection: &mut Connection,
    ids: &[DbRow],
) -> Result<Vec<Intent>, BooksError> {
    let mut intents = Vec::with_capacity(ids.len());
    for row in ids {
        if let Some(intent) = rows::intent(connection, rows::id(row, "intents", "id")?).await? {
            intents.push(intent);
        }
    }
    Ok(intents)
}
