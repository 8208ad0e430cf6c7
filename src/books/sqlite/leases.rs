//! Who drives which intent, which nonces are open, and which entitlements are over.

use payments::{agent::Wallet, ids::PaymentId, intent::Intent, ports::BooksError, time::UnixMs};
use sqlx::{SqliteConnection, SqlitePool};

use super::{rows, transitions::kept_for_settlement, unavailable};

pub(super) async fn renew(writer: &SqlitePool, id: PaymentId, fence: i64, until: UnixMs) -> Result<bool, BooksError> {
    let renewed = sqlx::query(
        "UPDATE intents SET lease_until_ms = ?, attended_until_ms = CASE WHEN attended_until_ms = 0 THEN 0 ELSE ? END
         WHERE id = ? AND fence = ?",
    )
    .bind(until.ms())
    .bind(until.ms())
    .bind(id.to_string())
    .bind(fence)
    .execute(writer)
    .await
    .map_err(unavailable)?;
    Ok(renewed.rows_affected() == 1)
}

pub(super) async fn release(writer: &SqlitePool, id: PaymentId, fence: i64) -> Result<(), BooksError> {
    sqlx::query("UPDATE intents SET lease_until_ms = 0 WHERE id = ? AND fence = ?")
        .bind(id.to_string())
        .bind(fence)
        .execute(writer)
        .await
        .map(drop)
        .map_err(unavailable)
}

/// A new fence for each taken intent: whoever drove it before can write no more, and the clients that waited there wait no longer.
pub(super) async fn take_stuck(
    connection: &mut SqliteConnection,
    now: UnixMs,
    lease_until: UnixMs,
    limit: u32,
) -> Result<Vec<Intent>, BooksError> {
    let taken = sqlx::query(
        "UPDATE intents SET fence = fence + 1, lease_until_ms = ?, attended_until_ms = 0 WHERE id IN (
            SELECT id FROM intents WHERE lease_until_ms < ?
            AND state IN ('claimed', 'signed', 'submitted', 'submit_unknown', 'forwarding', 'core_unknown', 'charged')
            ORDER BY lease_until_ms LIMIT ?)
         RETURNING id",
    )
    .bind(lease_until.ms())
    .bind(now.ms())
    .bind(limit)
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    load(connection, &taken).await
}

pub(super) async fn open_nonces(connection: &mut SqliteConnection, limit: u32) -> Result<Vec<Intent>, BooksError> {
    let open = sqlx::query(
        "SELECT DISTINCT i.id AS id FROM attempts a JOIN intents i ON i.id = a.intent_id
         WHERE a.nonce_closed = 0 AND i.state IN ('pay_failed', 'forwarding', 'core_unknown', 'created', 'rejected') ORDER BY i.id LIMIT ?",
    )
    .bind(limit)
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    load(connection, &open).await
}

pub(super) async fn close_nonce(connection: &mut SqliteConnection, signer: Wallet, eoa_nonce: u64) -> Result<(), BooksError> {
    sqlx::query(concat!(
        "UPDATE attempts SET nonce_closed = 1, sealed_tx = CASE WHEN ",
        kept_for_settlement!(),
        " THEN sealed_tx ELSE x'' END WHERE signer = ? AND eoa_nonce = ?"
    ))
    .bind(signer.to_string())
    .bind(rows::integer(eoa_nonce))
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

pub(super) async fn expire_entitlements(writer: &SqlitePool, now: UnixMs) -> Result<u64, BooksError> {
    let expired =
        sqlx::query("UPDATE obligations SET state = 'refund_due', updated_at_ms = ? WHERE state = 'open' AND entitled_until_ms <= ?")
            .bind(now.ms())
            .bind(now.ms())
            .execute(writer)
            .await
            .map_err(unavailable)?;
    Ok(expired.rows_affected())
}

pub(super) async fn load(connection: &mut SqliteConnection, ids: &[sqlx::sqlite::SqliteRow]) -> Result<Vec<Intent>, BooksError> {
    let mut intents = Vec::with_capacity(ids.len());
    for row in ids {
        if let Some(intent) = rows::intent(connection, rows::id(row, "intents", "id")?).await? {
            intents.push(intent);
        }
    }
    Ok(intents)
}
