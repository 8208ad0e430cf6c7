//! Settlements that a reorganisation may still take back.

use payments::{
    intent::Intent,
    ports::{BooksError, Finding, SETTLEMENT_LOST, Seen, Sighting},
    settlement::SettlementProof,
    time::UnixMs,
};

use super::dialect::{Connection, DbRow, Pool, no_bytes};
use super::{gas, leases, lost, reconcile, rows, unavailable};

pub(super) async fn recent(
    readers: &Pool,
    chain_id: u64,
    due: UnixMs,
    limit: u32,
) -> Result<Vec<Intent>, BooksError> {
    let mut connection = readers.acquire().await.map_err(unavailable)?;
    let ids = sqlx::query(
        "SELECT intent_id AS id FROM settlements WHERE final_at_ms IS NULL AND rail = 'x402' AND look_at_ms <= $1 AND chain_id = $2
         ORDER BY look_at_ms, intent_id LIMIT $3",
    )
    .bind(due.ms())
    .bind(rows::integer(chain_id))
    .bind(i64::from(limit))
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    leases::load(&mut connection, &ids).await
}

pub(super) async fn note(
    connection: &mut Connection,
    sightings: &[Sighting],
) -> Result<(), BooksError> {
    for sighting in sightings {
        if look(connection, sighting).await? {
            note_one(connection, sighting).await?;
        }
    }
    Ok(())
}

/// The guard: false when the row names another block by now, or is final.
async fn look(connection: &mut Connection, sighting: &Sighting) -> Result<bool, BooksError> {
    let final_at = (sighting.seen == Seen::Final).then_some(sighting.at.ms());
    let looked = sqlx::query(
        "UPDATE settlements SET look_at_ms = $1, final_at_ms = $2 WHERE intent_id = $3 AND block_hash = $4 AND final_at_ms IS NULL",
    )
    .bind(sighting.next_at.ms())
    .bind(final_at)
    .bind(sighting.intent.to_string())
    .bind(sighting.booked_in.to_string())
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(looked.rows_affected() == 1)
}

async fn note_one(connection: &mut Connection, sighting: &Sighting) -> Result<(), BooksError> {
    let id = sighting.intent.to_string();
    match &sighting.seen {
        Seen::Same { stands: false } => return Ok(()),
        Seen::Same { stands: true } => {}
        Seen::Final => wipe_if_over(connection, &id).await?,
        Seen::Moved(proof) => move_to(connection, &id, proof).await?,
        Seen::Lost { detail } => return lose(connection, &id, detail, sighting.at).await,
    }
    lost::come_back(connection, &id, sighting.at).await?;
    reconcile::findings::close_one(connection, SETTLEMENT_LOST, &id, sighting.at).await.map(drop)
}

async fn move_to(
    connection: &mut Connection,
    id: &str,
    proof: &SettlementProof,
) -> Result<(), BooksError> {
    sqlx::query(
        "UPDATE settlements SET tx_hash = $1, log_index = $2, block_number = $3, block_hash = $4, fee_wei = $5 WHERE intent_id = $6",
    )
    .bind(proof.tx_hash.to_string())
    .bind(rows::integer(proof.log_index))
    .bind(rows::integer(proof.block_number))
    .bind(proof.block_hash.to_string())
    .bind(proof.fee_wei.to_string())
    .bind(id)
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    gas::note(connection, proof.tx_hash, Some(proof.fee_wei)).await?;
    own_nonce(connection, id, 1).await
}

/// The money is booked as lost, and the signer's nonce is free again with its transaction gone: a
/// finding that is new opens it, so that no gap holds up later payments. What an operator closed
/// stays closed until the settlement was back and is lost once more.
async fn lose(
    connection: &mut Connection,
    id: &str,
    detail: &str,
    at: UnixMs,
) -> Result<(), BooksError> {
    let once_more = lost::lose(connection, id, at).await?.is_some_and(|times| times > 1);
    let opened = sqlx::query(
        "INSERT INTO findings (kind, key, opened_at_ms, detail) VALUES ($1, $2, $3, $4)
         ON CONFLICT (kind, key) DO UPDATE SET opened_at_ms = excluded.opened_at_ms, closed_at_ms = NULL, closed_reason = NULL
         WHERE findings.closed_at_ms IS NOT NULL AND (findings.closed_reason IS NULL OR $5 = 1)",
    )
    .bind(SETTLEMENT_LOST)
    .bind(id)
    .bind(at.ms())
    .bind(detail)
    .bind(i64::from(once_more))
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    sqlx::query("UPDATE findings SET detail = $1 WHERE kind = $2 AND key = $3")
        .bind(detail)
        .bind(SETTLEMENT_LOST)
        .bind(id)
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    if opened.rows_affected() == 0 {
        return Ok(());
    }
    sqlx::query("UPDATE attempts SET fee_wei = NULL WHERE tx_hash = (SELECT tx_hash FROM settlements WHERE intent_id = $1)")
        .bind(id)
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    own_nonce(connection, id, 0).await
}

async fn own_nonce(connection: &mut Connection, id: &str, closed: i64) -> Result<(), BooksError> {
    sqlx::query(
        "UPDATE attempts SET nonce_closed = $1 WHERE intent_id = $2 AND (signer, eoa_nonce) IN (
            SELECT a.signer, a.eoa_nonce FROM attempts a JOIN settlements s ON s.intent_id = a.intent_id AND s.tx_hash = a.tx_hash
            WHERE a.intent_id = $2)",
    )
    .bind(closed)
    .bind(id)
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

async fn wipe_if_over(connection: &mut Connection, id: &str) -> Result<(), BooksError> {
    sqlx::query(
        concat!("UPDATE attempts SET sealed_tx = ", no_bytes!(), " WHERE intent_id = $1
         AND EXISTS (SELECT 1 FROM intents i WHERE i.id = attempts.intent_id AND i.state IN ('created', 'rejected', 'released', 'pay_failed'))
         AND (attempts.kind = 'transfer' OR attempts.nonce_closed = 1)"),
    )
    .bind(id)
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

pub(super) async fn findings(
    connection: &mut Connection,
    key: &str,
) -> Result<Vec<Finding>, BooksError> {
    let list = sqlx::query(
        "SELECT a.kind, a.key, f.detail, a.opened_at, a.closed_at, f.closed_reason
         FROM findings f JOIN audit_findings a ON a.kind = f.kind AND a.key = f.key
         -- Those about its refunds stand under the refund's key.
         WHERE f.key = $1 OR f.key LIKE $2 OR f.key LIKE $3 ORDER BY f.opened_at_ms, f.kind",
    )
    .bind(key)
    .bind(format!("refund_{key}%"))
    .bind(format!("elsewhere_{key}%"))
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    list.iter().map(finding).collect()
}

pub(super) fn finding(row: &DbRow) -> Result<Finding, BooksError> {
    Ok(Finding {
        kind: rows::text(row, "kind")?,
        key: rows::text(row, "key")?,
        detail: rows::text(row, "detail")?,
        opened_at: rows::text(row, "opened_at")?,
        closed_at: rows::text_or_none(row, "closed_at")?,
        closed_reason: rows::text_or_none(row, "closed_reason")?,
    })
}
