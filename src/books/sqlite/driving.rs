//! Who drives which intent: by its lease alone, because one process serves from a file.

use payments::{ids::PaymentId, intent::Intent, ports::BooksError, time::UnixMs};

use super::{SqliteBooks, leases, unavailable};

pub(super) async fn renew(
    books: &SqliteBooks,
    id: PaymentId,
    fence: i64,
    until: UnixMs,
) -> Result<bool, BooksError> {
    let renewed = sqlx::query(
        "UPDATE intents SET lease_until_ms = $1, attended_until_ms = CASE WHEN attended_until_ms = 0 THEN 0 ELSE $1 END
         WHERE id = $2 AND fence = $3",
    )
    .bind(until.ms())
    .bind(id.to_string())
    .bind(fence)
    .execute(&books.writer)
    .await
    .map_err(unavailable)?;
    Ok(renewed.rows_affected() == 1)
}

/// A new fence for each taken intent: whoever drove it before can write no more, and the clients
/// that waited there wait no longer.
pub(super) async fn take_stuck(
    books: &SqliteBooks,
    now: UnixMs,
    lease_until: UnixMs,
    limit: u32,
) -> Result<Vec<Intent>, BooksError> {
    let mut write = books.write(Some(now.ms())).await?;
    let taken = sqlx::query(
        "UPDATE intents SET fence = fence + 1, lease_until_ms = $1, parked_until_ms = 0, attended_until_ms = 0 WHERE id IN (
            SELECT id FROM intents WHERE lease_until_ms < $2 AND parked_until_ms < $2
            AND state IN ('claimed', 'signed', 'submitted', 'submit_unknown', 'forwarding', 'core_unknown', 'charged')
            AND state <> 'claimed' ORDER BY lease_until_ms LIMIT $3) RETURNING id",
    )
    .bind(lease_until.ms())
    .bind(now.ms())
    .bind(i64::from(limit))
    .fetch_all(&mut *write.transaction)
    .await
    .map_err(unavailable);
    let taken = match taken {
        Ok(ids) => leases::load(&mut write.transaction, &ids).await,
        Err(error) => Err(error),
    };
    books.finish(write, taken).await
}

/// The same for one intent, parked or not.
pub(super) async fn take(
    books: &SqliteBooks,
    id: PaymentId,
    now: UnixMs,
    lease_until: UnixMs,
) -> Result<Option<Intent>, BooksError> {
    let mut write = books.write(Some(now.ms())).await?;
    let taken = sqlx::query(
        "UPDATE intents SET fence = fence + 1, lease_until_ms = $1, parked_until_ms = 0, attended_until_ms = 0
         WHERE id = $2 AND lease_until_ms < $3
         AND state IN ('claimed', 'signed', 'submitted', 'submit_unknown', 'forwarding', 'core_unknown', 'charged')
         AND state <> 'claimed' RETURNING id",
    )
    .bind(lease_until.ms())
    .bind(id.to_string())
    .bind(now.ms())
    .fetch_all(&mut *write.transaction)
    .await
    .map_err(unavailable);
    let taken = match taken {
        Ok(ids) => leases::load(&mut write.transaction, &ids).await,
        Err(error) => Err(error),
    };
    Ok(books.finish(write, taken).await?.pop())
}
