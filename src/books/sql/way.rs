//! Whether the way to the upstream is open: one row.

use async_trait::async_trait;
use payments::{
    ids::PaymentId,
    ports::{BooksError, ClosedWay, WayBooks, WayRow, desk::NewAction},
    time::UnixMs,
};
use sqlx::Row;

use super::dialect::{Connection, DbRow, for_update};
use super::store::in_transaction;
use super::{Store, desk::actions, dialect, rows, unavailable};

#[async_trait]
impl WayBooks for Store {
    async fn way(&self) -> Result<WayRow, BooksError> {
        let row = sqlx::query("SELECT * FROM upstream_way")
            .fetch_one(&self.readers)
            .await
            .map_err(unavailable)?;
        way_of(&row)
    }

    async fn save_way(&self, row: &WayRow) -> Result<Option<i64>, BooksError> {
        in_transaction!(self, None, write => save(&mut write.transaction, row).await)
    }

    async fn open_way(
        &self,
        action: &NewAction,
        dry_run: bool,
    ) -> Result<Option<WayRow>, BooksError> {
        in_transaction!(self, Some(action.at.ms()), write => open(&mut write.transaction, action, dry_run).await)
    }

    async fn take_probe(&self, now: UnixMs, next: UnixMs) -> Result<Option<PaymentId>, BooksError> {
        in_transaction!(self, Some(now.ms()), write => probe(&mut write.transaction, now, next).await)
    }

    async fn unpark_not_done(&self) -> Result<(), BooksError> {
        let unparked = sqlx::query(
            "UPDATE intents SET parked_until_ms = 0 WHERE state = 'core_unknown' AND not_done_fence IS NOT NULL AND parked_until_ms > 0",
        );
        unparked.execute(&self.writer).await.map(drop).map_err(unavailable)
    }
}

fn way_of(row: &DbRow) -> Result<WayRow, BooksError> {
    let moment = |column| {
        row.try_get::<Option<i64>, _>(column).map(|ms| ms.map(UnixMs::new)).map_err(unavailable)
    };
    let closed = rows::text_or_none(row, "closed_detail")?.zip(moment("closed_at_ms")?);
    Ok(WayRow {
        number: rows::int(row, "number")?,
        closed: closed.map(|(detail, since)| ClosedWay { detail, since }),
        pause_until: moment("pause_until_ms")?,
        pause_refused: rows::int(row, "pause_refused")? == 1,
    })
}

/// The number itself is the guard: of two processes that see the same thing at once, one writes it.
async fn save(connection: &mut Connection, row: &WayRow) -> Result<Option<i64>, BooksError> {
    let number = row.number.saturating_add(1);
    let saved = sqlx::query(
        "UPDATE upstream_way SET number = $1, closed_detail = $2, closed_at_ms = $3, pause_until_ms = $4, pause_refused = $5
         WHERE number = $6",
    )
    .bind(number)
    .bind(row.closed.as_ref().map(|closed| closed.detail.clone()))
    .bind(row.closed.as_ref().map(|closed| closed.since.ms()))
    .bind(row.pause_until.map(UnixMs::ms))
    .bind(i64::from(row.pause_refused))
    .bind(row.number)
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok((saved.rows_affected() == 1).then_some(number))
}

async fn open(
    connection: &mut Connection,
    action: &NewAction,
    dry_run: bool,
) -> Result<Option<WayRow>, BooksError> {
    let row = sqlx::query(concat!("SELECT * FROM upstream_way", for_update!()))
        .fetch_one(&mut *connection)
        .await
        .map_err(unavailable)?;
    let way = way_of(&row)?;
    let shut = way.closed.is_some() || way.pause_until.is_some_and(|until| until > action.at);
    if !shut || dry_run {
        return Ok(shut.then_some(way));
    }
    actions::note(connection, action).await?;
    let opened = WayRow { number: way.number, ..WayRow::default() };
    save(connection, &opened).await?;
    Ok(Some(way))
}

async fn probe(
    connection: &mut Connection,
    now: UnixMs,
    next: UnixMs,
) -> Result<Option<PaymentId>, BooksError> {
    let due = sqlx::query("UPDATE upstream_way SET probe_at_ms = $1 WHERE closed_at_ms IS NOT NULL AND probe_at_ms <= $2")
        .bind(next.ms())
        .bind(now.ms())
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    if due.rows_affected() == 0 {
        return Ok(None);
    }
    let oldest = sqlx::query(
        "SELECT id FROM intents WHERE state = 'core_unknown' AND not_done_fence IS NOT NULL ORDER BY created_at_ms, id LIMIT 1",
    );
    let row = oldest.fetch_optional(connection).await.map_err(unavailable)?;
    row.map(|row| rows::id(&row, "intents", "id")).transpose()
}
