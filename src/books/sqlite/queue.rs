//! Claimed transfers that wait for a signer. One process serves from a file, so that only others that
//! wait, or a claim that says so, make one wait.

use async_trait::async_trait;
use payments::{
    intent::{Intent, State},
    ports::{
        BooksError, ClaimRefusal, NewClaim, PreparationError, QueuedPayment, SettlementQueue,
        SigningRound, ToSign, TransferPayment,
    },
    time::UnixMs,
};
use sqlx::Row;

use super::{
    SqliteBooks,
    dialect::{Connection, DbRow},
    rows, sequence, unavailable,
};

#[async_trait]
impl SettlementQueue for SqliteBooks {
    async fn take_queued(
        &self,
        now: UnixMs,
        lease_until: UnixMs,
        limit: u32,
    ) -> Result<Vec<QueuedPayment>, BooksError> {
        // A round that finds nothing takes no turn at the file.
        let any = sqlx::query("SELECT 1 FROM settlement_queue LIMIT 1")
            .fetch_optional(&self.readers)
            .await
            .map_err(unavailable)?;
        if any.is_none() {
            return Ok(Vec::new());
        }
        let mut write = self.write(Some(now.ms())).await?;
        let taken = take(&mut write.transaction, now, lease_until, limit).await;
        self.finish(write, taken).await
    }

    async fn sign_queued(
        &self,
        round: SigningRound<'_>,
    ) -> Result<Result<Vec<Intent>, PreparationError>, BooksError> {
        let mut write = self.write(Some(round.at.ms())).await?;
        let signed = sign(&mut write.transaction, &round).await;
        // What cannot be prepared gives back its nonces.
        let refused = matches!(signed, Ok(Err(_)));
        self.finish_unless(refused, write, signed).await
    }
}

async fn take(
    connection: &mut Connection,
    now: UnixMs,
    lease_until: UnixMs,
    limit: u32,
) -> Result<Vec<QueuedPayment>, BooksError> {
    let waiting = sqlx::query(
        "SELECT q.intent_id AS id, q.sealed_authorization FROM settlement_queue q JOIN intents i ON i.id = q.intent_id
         WHERE i.lease_until_ms < $1 ORDER BY q.valid_before_unix_s, q.intent_id LIMIT $2",
    )
    .bind(now.ms())
    .bind(i64::from(limit))
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    let mut taken = Vec::with_capacity(waiting.len());
    for row in &waiting {
        taken.push(take_one(connection, row, lease_until).await?);
    }
    Ok(taken)
}

async fn take_one(
    connection: &mut Connection,
    row: &DbRow,
    lease_until: UnixMs,
) -> Result<QueuedPayment, BooksError> {
    let id = rows::id(row, "settlement_queue", "id")?;
    sqlx::query("UPDATE intents SET fence = fence + 1, lease_until_ms = $1 WHERE id = $2")
        .bind(lease_until.ms())
        .bind(id.to_string())
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    let intent = rows::intent(connection, id).await?.ok_or(BooksError::Stale(id))?;
    let sealed_authorization = row.try_get("sealed_authorization").map_err(unavailable)?;
    Ok(QueuedPayment { intent, sealed_authorization })
}

async fn sign(
    connection: &mut Connection,
    round: &SigningRound<'_>,
) -> Result<Result<Vec<Intent>, PreparationError>, BooksError> {
    let mut signed = Vec::with_capacity(round.payments.len());
    for payment in &round.payments {
        if !mark_signed(connection, payment, round.at).await? {
            continue;
        }
        let eoa_nonce =
            sequence::take_nonce(connection, round.account, round.chain_next_nonce).await?;
        let attempt = match payment.preparer.prepare(payment.id, eoa_nonce, round.at) {
            Ok(attempt) => attempt,
            Err(refusal) => return Ok(Err(refusal)),
        };
        rows::insert_attempt(connection, payment.id, &attempt).await?;
        leave(connection, &payment.id.to_string()).await?;
        let intent = rows::intent(connection, payment.id).await?;
        signed.push(intent.ok_or(BooksError::Stale(payment.id))?);
    }
    Ok(Ok(signed))
}

/// The guarded update of exactly one row; false where the guard does not hold.
async fn mark_signed(
    connection: &mut Connection,
    payment: &ToSign<'_>,
    at: UnixMs,
) -> Result<bool, BooksError> {
    let id = payment.id.to_string();
    let moved = sqlx::query(
        "UPDATE intents SET state = $1, version = version + 1, updated_at_ms = $2
         WHERE id = $3 AND state = $4 AND version = $5 AND fence = $6",
    )
    .bind(State::Signed.word())
    .bind(at.ms())
    .bind(&id)
    .bind(State::Queued.word())
    .bind(payment.guard.version)
    .bind(payment.guard.fence)
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    if moved.rows_affected() == 0 {
        return Ok(false);
    }
    let version = payment.guard.version.saturating_add(1);
    rows::event(connection, &id, version, State::Signed, at).await?;
    Ok(true)
}

/// Whether this claim's transfer has to wait for a settler, or may not even wait.
pub(super) async fn must_wait(
    connection: &mut Connection,
    payment: &TransferPayment<'_>,
) -> Result<Result<bool, ClaimRefusal>, BooksError> {
    let row = sqlx::query("SELECT count(*) AS waiting FROM settlement_queue")
        .fetch_one(connection)
        .await
        .map_err(unavailable)?;
    let waiting = rows::count(&row, "waiting")?;
    let waits = waiting > 0 || payment.queueing.always;
    let is_full = waits && waiting >= payment.queueing.max;
    if is_full {
        return Ok(Err(ClaimRefusal::QueueFull));
    }
    Ok(payment.preparer.can_sign().map(|()| waits).map_err(ClaimRefusal::from))
}

/// A claimed transfer begins to wait.
pub(super) async fn enter(
    connection: &mut Connection,
    claim: &NewClaim<'_>,
    payment: &TransferPayment<'_>,
) -> Result<(), BooksError> {
    sqlx::query(
        "INSERT INTO settlement_queue (intent_id, valid_before_unix_s, sealed_authorization, queued_at_ms) VALUES ($1, $2, $3, $4)",
    )
    .bind(claim.id.to_string())
    .bind(rows::integer(payment.transfer.valid_before_unix_s))
    .bind(payment.queueing.sealed_authorization.as_slice())
    .bind(claim.at.ms())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

async fn leave(connection: &mut Connection, id: &str) -> Result<(), BooksError> {
    sqlx::query("DELETE FROM settlement_queue WHERE intent_id = $1")
        .bind(id)
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}
