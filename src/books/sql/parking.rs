//! What is set aside for a while.

use async_trait::async_trait;
use payments::{
    ids::PaymentId,
    intent::{Guard, Intent},
    ports::{BooksError, Parking},
    time::UnixMs,
};

use super::dialect::Connection;
use super::store::in_transaction;
use super::transitions::exactly_one;
use super::{Store, dialect, driving, rows, unavailable};

#[async_trait]
impl Parking for Store {
    async fn park(&self, id: PaymentId, fence: i64, until: UnixMs) -> Result<bool, BooksError> {
        let parked = sqlx::query("UPDATE intents SET lease_until_ms = 0, parked_until_ms = $1 WHERE id = $2 AND fence = $3")
            .bind(until.ms())
            .bind(id.to_string())
            .bind(fence)
            .execute(&self.writer)
            .await
            .map_err(unavailable)?;
        Ok(parked.rows_affected() == 1)
    }

    async fn take(
        &self,
        id: PaymentId,
        now: UnixMs,
        lease_until: UnixMs,
    ) -> Result<Option<Intent>, BooksError> {
        driving::take(self, id, now, lease_until).await
    }

    async fn note_not_done(
        &self,
        id: PaymentId,
        guard: Guard,
        not_done: bool,
    ) -> Result<Intent, BooksError> {
        in_transaction!(self, None, write => note(&mut write.transaction, id, guard, not_done).await)
    }
}

async fn note(
    connection: &mut Connection,
    id: PaymentId,
    guard: Guard,
    not_done: bool,
) -> Result<Intent, BooksError> {
    let noted = sqlx::query(
        "UPDATE intents SET not_done_fence = $1, version = version + 1
         WHERE id = $2 AND version = $3 AND fence = $4 AND state = 'core_unknown'",
    )
    .bind(not_done.then_some(guard.fence))
    .bind(id.to_string())
    .bind(guard.version)
    .bind(guard.fence)
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    exactly_one(id, &noted)?;
    rows::intent(connection, id).await?.ok_or(BooksError::Stale(id))
}
