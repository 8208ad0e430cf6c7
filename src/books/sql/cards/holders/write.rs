//! Changes of a holder and of its tokens, each inside a transaction.

use payments::{
    agent::Payer,
    holder::Holder,
    ids::PaymentId,
    ports::{BooksError, HolderAction, HolderChange, HolderRefusal, desk::NewAction},
    time::UnixMs,
};

use super::super::super::{desk::actions, dialect::Connection, unavailable};

pub(super) async fn hold(
    connection: &mut Connection,
    payment: PaymentId,
    holder: &Holder,
    at: UnixMs,
) -> Result<(), BooksError> {
    keep(connection, holder, at).await?;
    sqlx::query("INSERT INTO holder_payments (intent_id, holder_id) VALUES ($1, $2) ON CONFLICT (intent_id) DO NOTHING")
        .bind(payment.to_string())
        .bind(holder.id.to_string())
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}

/// The holder's row, where it has none yet.
async fn keep(connection: &mut Connection, holder: &Holder, at: UnixMs) -> Result<(), BooksError> {
    sqlx::query(
        "INSERT INTO holders (id, payer, reach, rotation, token_sha256, created_at_ms) VALUES ($1, $2, $3, 0, $4, $5)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(holder.id.to_string())
    .bind(holder.payer.to_string())
    .bind(holder.reach.word())
    .bind(holder.token_sha256.as_slice())
    .bind(at.ms())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

/// One guarded update: of two that come at once, one finds the token that it brings.
pub(super) async fn rotate(
    connection: &mut Connection,
    holder: &Holder,
    next_sha256: &[u8; 32],
    at: UnixMs,
    until: UnixMs,
) -> Result<bool, BooksError> {
    keep(connection, holder, at).await?;
    let rotated = sqlx::query(
        "UPDATE holders SET before_sha256 = token_sha256, before_until_ms = $1, token_sha256 = $2, rotation = rotation + 1
         WHERE id = $3 AND token_sha256 = $4 AND rotation = $5 AND revoked_at_ms IS NULL",
    );
    let rotated = rotated
        .bind(until.ms())
        .bind(next_sha256.as_slice())
        .bind(holder.id.to_string())
        .bind(holder.token_sha256.as_slice())
        .bind(i64::from(holder.rotation))
        .execute(connection)
        .await
        .map_err(unavailable)?;
    Ok(rotated.rows_affected() == 1)
}

pub(super) async fn is_current(
    connection: &mut Connection,
    holder: &Holder,
    sha256: &[u8; 32],
) -> Result<bool, BooksError> {
    let query = sqlx::query(
        "SELECT id FROM holders WHERE id = $1 AND token_sha256 = $2 AND revoked_at_ms IS NULL",
    );
    let query = query.bind(holder.id.to_string()).bind(sha256.as_slice());
    Ok(query.fetch_optional(connection).await.map_err(unavailable)?.is_some())
}

pub(super) async fn apply(
    connection: &mut Connection,
    change: &HolderChange,
) -> Result<(), HolderRefusal> {
    let (action, subject) = match &change.action {
        HolderAction::Revoke(id) => {
            revoke(connection, *id, change.at).await?;
            ("holder.revoke", id.to_string())
        }
        HolderAction::Freeze(payer) => {
            freeze(connection, payer, change).await?;
            ("account.freeze", payer.to_string())
        }
        HolderAction::Unfreeze(payer) => {
            let query =
                sqlx::query("DELETE FROM frozen_accounts WHERE payer = $1").bind(payer.to_string());
            if query.execute(&mut *connection).await.map_err(unavailable)?.rows_affected() == 0 {
                return Err(HolderRefusal::NotFrozen);
            }
            ("account.unfreeze", payer.to_string())
        }
    };
    let (at, reason, via) = (change.at, change.reason.clone(), change.via);
    Ok(actions::note(connection, &NewAction { at, action, subject, reason, via }).await?)
}

async fn revoke(
    connection: &mut Connection,
    id: PaymentId,
    at: UnixMs,
) -> Result<(), HolderRefusal> {
    let known = sqlx::query(
        "INSERT INTO holders (id, payer, reach, rotation, token_sha256, created_at_ms)
         SELECT a.intent_id, a.payer, 'account', 0, a.token_sha256, a.created_at_ms FROM agent_tokens a
         WHERE a.intent_id = $1 AND NOT EXISTS (SELECT 1 FROM holder_payments p WHERE p.intent_id = a.intent_id)
         ON CONFLICT (id) DO NOTHING",
    );
    known.bind(id.to_string()).execute(&mut *connection).await.map_err(unavailable)?;
    let query = sqlx::query(
        "UPDATE holders SET revoked_at_ms = $1 WHERE id = $2 AND revoked_at_ms IS NULL",
    )
    .bind(at.ms());
    if query
        .bind(id.to_string())
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?
        .rows_affected()
        == 1
    {
        return Ok(());
    }
    let query = sqlx::query("SELECT id FROM holders WHERE id = $1").bind(id.to_string());
    match query.fetch_optional(connection).await.map_err(unavailable)? {
        Some(_) => Err(HolderRefusal::Revoked),
        None => Err(HolderRefusal::Unknown),
    }
}

async fn freeze(
    connection: &mut Connection,
    payer: &Payer,
    change: &HolderChange,
) -> Result<(), HolderRefusal> {
    let query =
        sqlx::query("SELECT id FROM intents WHERE payer = $1 LIMIT 1").bind(payer.to_string());
    if query.fetch_optional(&mut *connection).await.map_err(unavailable)?.is_none() {
        return Err(HolderRefusal::Unknown);
    }
    let query = sqlx::query(
        "INSERT INTO frozen_accounts (payer, since_ms, reason) VALUES ($1, $2, $3) ON CONFLICT (payer) DO NOTHING",
    );
    let frozen = query
        .bind(payer.to_string())
        .bind(change.at.ms())
        .bind(&change.reason)
        .execute(connection)
        .await
        .map_err(unavailable)?;
    if frozen.rows_affected() == 1 { Ok(()) } else { Err(HolderRefusal::Frozen) }
}
