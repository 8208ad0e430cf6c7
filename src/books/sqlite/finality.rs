//! Settlements that a reorganisation may still take back.

use payments::{
    intent::Intent,
    ports::{BooksError, Finding, SETTLEMENT_LOST, Seen, Sighting},
    settlement::SettlementProof,
    time::UnixMs,
};
use sqlx::{SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{gas, leases, rows, unavailable};

pub(super) async fn recent(readers: &SqlitePool, due: UnixMs, limit: u32) -> Result<Vec<Intent>, BooksError> {
    let mut connection = readers.acquire().await.map_err(unavailable)?;
    let ids = sqlx::query(
        "SELECT intent_id AS id FROM settlements WHERE final_at_ms IS NULL AND rail = 'x402' AND look_at_ms <= ?
         ORDER BY look_at_ms, intent_id LIMIT ?",
    )
    .bind(due.ms())
    .bind(limit)
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    leases::load(&mut connection, &ids).await
}

pub(super) async fn note(connection: &mut SqliteConnection, sightings: &[Sighting]) -> Result<(), BooksError> {
    for sighting in sightings {
        if look(connection, sighting).await? {
            note_one(connection, sighting).await?;
        }
    }
    Ok(())
}

/// The guard: false when the row names another block by now, or is final.
async fn look(connection: &mut SqliteConnection, sighting: &Sighting) -> Result<bool, BooksError> {
    let final_at = (sighting.seen == Seen::Final).then_some(sighting.at.ms());
    let looked = sqlx::query(
        "UPDATE settlements SET look_at_ms = ?, final_at_ms = ? WHERE intent_id = ? AND block_hash = ? AND final_at_ms IS NULL",
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

async fn note_one(connection: &mut SqliteConnection, sighting: &Sighting) -> Result<(), BooksError> {
    let id = sighting.intent.to_string();
    match &sighting.seen {
        Seen::Same { stands: false } => return Ok(()),
        Seen::Same { stands: true } => {}
        Seen::Final => wipe_if_over(connection, &id).await?,
        Seen::Moved(proof) => move_to(connection, &id, proof).await?,
        Seen::Lost { detail } => return lose(connection, &id, detail, sighting.at).await,
    }
    sqlx::query("UPDATE findings SET closed_at_ms = ? WHERE kind = ? AND key = ? AND closed_at_ms IS NULL")
        .bind(sighting.at.ms())
        .bind(SETTLEMENT_LOST)
        .bind(&id)
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}

async fn move_to(connection: &mut SqliteConnection, id: &str, proof: &SettlementProof) -> Result<(), BooksError> {
    sqlx::query("UPDATE settlements SET tx_hash = ?, log_index = ?, block_number = ?, block_hash = ?, fee_wei = ? WHERE intent_id = ?")
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

/// The signer's nonce is free again with its transaction gone: a finding that is new opens it, so that no gap holds up later payments.
async fn lose(connection: &mut SqliteConnection, id: &str, detail: &str, at: UnixMs) -> Result<(), BooksError> {
    let opened = sqlx::query(
        "INSERT INTO findings (kind, key, opened_at_ms, detail) VALUES (?, ?, ?, ?)
         ON CONFLICT (kind, key) DO UPDATE SET opened_at_ms = excluded.opened_at_ms, closed_at_ms = NULL WHERE closed_at_ms IS NOT NULL",
    )
    .bind(SETTLEMENT_LOST)
    .bind(id)
    .bind(at.ms())
    .bind(detail)
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    sqlx::query("UPDATE findings SET detail = ? WHERE kind = ? AND key = ?")
        .bind(detail)
        .bind(SETTLEMENT_LOST)
        .bind(id)
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    if opened.rows_affected() == 0 {
        return Ok(());
    }
    sqlx::query("UPDATE attempts SET fee_wei = NULL WHERE tx_hash = (SELECT tx_hash FROM settlements WHERE intent_id = ?)")
        .bind(id)
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    own_nonce(connection, id, 0).await
}

async fn own_nonce(connection: &mut SqliteConnection, id: &str, closed: i64) -> Result<(), BooksError> {
    sqlx::query(
        "UPDATE attempts SET nonce_closed = ? WHERE (signer, eoa_nonce) IN (
            SELECT a.signer, a.eoa_nonce FROM attempts a JOIN settlements s ON s.intent_id = a.intent_id AND s.tx_hash = a.tx_hash
            WHERE a.intent_id = ?)",
    )
    .bind(closed)
    .bind(id)
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

async fn wipe_if_over(connection: &mut SqliteConnection, id: &str) -> Result<(), BooksError> {
    sqlx::query(
        "UPDATE attempts SET sealed_tx = x'' WHERE intent_id = ?
         AND EXISTS (SELECT 1 FROM intents i WHERE i.id = intent_id AND i.state IN ('created', 'rejected', 'released', 'pay_failed'))",
    )
    .bind(id)
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

pub(super) async fn findings(connection: &mut SqliteConnection, key: &str) -> Result<Vec<Finding>, BooksError> {
    let list = sqlx::query(
        "SELECT a.kind, a.key, f.detail, a.opened_at, a.closed_at FROM findings f JOIN audit_findings a ON a.kind = f.kind AND a.key = f.key
         WHERE f.kind = ? AND f.key = ?",
    )
    .bind(SETTLEMENT_LOST)
    .bind(key)
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    list.iter().map(finding).collect()
}

fn finding(row: &SqliteRow) -> Result<Finding, BooksError> {
    Ok(Finding {
        kind: rows::text(row, "kind")?,
        key: rows::text(row, "key")?,
        detail: rows::text(row, "detail")?,
        opened_at: rows::text(row, "opened_at")?,
        closed_at: rows::text_or_none(row, "closed_at")?,
    })
}
