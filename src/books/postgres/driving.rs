//! Who drives which intent: by its lease, and by the process that has it.

use payments::{ids::PaymentId, intent::Intent, ports::BooksError, time::UnixMs};

use super::{PostgresBooks, batch::Batch, leases, liveness::gone, unavailable};

pub(super) async fn renew(
    books: &PostgresBooks,
    id: PaymentId,
    fence: i64,
    until: UnixMs,
) -> Result<bool, BooksError> {
    let renewed = sqlx::query(
        "UPDATE intents SET lease_until_ms = $1, attended_until_ms = CASE WHEN attended_until_ms = 0 THEN 0 ELSE $1 END, lease_owner = $4
         WHERE id = $2 AND fence = $3",
    )
    .bind(until.ms())
    .bind(id.to_string())
    .bind(fence)
    .bind(books.instance())
    .execute(&books.writer)
    .await
    .map_err(unavailable)?;
    Ok(renewed.rows_affected() == 1)
}

/// What no lease holds, and what a process held that is gone. A new fence for each: whoever drove
/// it before can write no more, and the clients that waited there wait no longer.
pub(super) async fn take_stuck(
    books: &PostgresBooks,
    now: UnixMs,
    lease_until: UnixMs,
    limit: u32,
) -> Result<Vec<Intent>, BooksError> {
    books.flush_marks().await?;
    let mut batch = Batch::default();
    let (until, now) = (batch.bind(lease_until.ms()), batch.bind(now.ms()));
    let (owner, limit) = (batch.bind(books.instance()), batch.bind(i64::from(limit)));
    let stuck = format!(
        "SELECT id FROM intents WHERE state IN ('claimed', 'signed', 'submitted', 'submit_unknown', 'forwarding', 'core_unknown', 'charged')
         AND state <> 'claimed' AND parked_until_ms < {now} AND (lease_until_ms < {now} OR {}) ORDER BY lease_until_ms LIMIT {limit} FOR UPDATE SKIP LOCKED",
        gone(&owner)
    );
    let take = format!(
        "UPDATE intents SET fence = fence + 1, lease_until_ms = {until}, parked_until_ms = 0, attended_until_ms = 0,
            lease_owner = {owner}
         WHERE id IN (SELECT id FROM stuck) RETURNING id"
    );
    batch.part("stuck", &stuck);
    batch.part("taken", &take);
    let taken = batch.run_all(&books.writer, "SELECT id FROM taken").await.map_err(unavailable)?;
    let mut connection = books.readers.acquire().await.map_err(unavailable)?;
    leases::load(&mut connection, &taken).await
}

/// The same for one intent, parked or not.
pub(super) async fn take(
    books: &PostgresBooks,
    id: PaymentId,
    now: UnixMs,
    lease_until: UnixMs,
) -> Result<Option<Intent>, BooksError> {
    books.flush_marks().await?;
    let mut batch = Batch::default();
    let (id, until, now) =
        (batch.bind(id.to_string()), batch.bind(lease_until.ms()), batch.bind(now.ms()));
    let owner = batch.bind(books.instance());
    let take = format!(
        "UPDATE intents SET fence = fence + 1, lease_until_ms = {until}, parked_until_ms = 0, attended_until_ms = 0, lease_owner = {owner}
         WHERE id = {id} AND state IN ('claimed', 'signed', 'submitted', 'submit_unknown', 'forwarding', 'core_unknown', 'charged')
         AND state <> 'claimed' AND (lease_until_ms < {now} OR {}) RETURNING id",
        gone(&owner)
    );
    batch.part("taken", &take);
    let taken = batch.run_all(&books.writer, "SELECT id FROM taken").await.map_err(unavailable)?;
    let mut connection = books.readers.acquire().await.map_err(unavailable)?;
    Ok(leases::load(&mut connection, &taken).await?.pop())
}
