//! Notes about answered requests: they wait in memory, and are written together by the next flush.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::dialect::{BEGIN, Connection, Pool};
use payments::{
    ports::{BooksError, MAX_WAITING_NOTES, REQUESTS_KEPT_MS, RequestNote},
    time::UnixMs,
};

use super::{rows, unavailable};

/// The notes that wait, oldest first.
#[derive(Default)]
pub(super) struct Waiting(Mutex<VecDeque<RequestNote>>);

impl Waiting {
    pub(super) fn push(&self, note: RequestNote) {
        let mut waiting = self.lock();
        if waiting.len() < MAX_WAITING_NOTES {
            waiting.push_back(note);
        }
    }

    /// Writes all of them in one transaction. What is not written waits again, before the newer
    /// ones.
    pub(super) async fn write(&self, writer: &Pool) -> Result<(), BooksError> {
        let notes = std::mem::take(&mut *self.lock());
        let Some(newest) = notes.iter().map(|note| note.at).max() else { return Ok(()) };
        let written = write(writer, &notes, newest).await;
        if written.is_err() {
            let mut waiting = self.lock();
            for note in
                notes.into_iter().rev().take(MAX_WAITING_NOTES.saturating_sub(waiting.len()))
            {
                waiting.push_front(note);
            }
        }
        written
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<RequestNote>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(
    writer: &Pool,
    notes: &VecDeque<RequestNote>,
    newest: UnixMs,
) -> Result<(), BooksError> {
    let mut transaction = writer.begin_with(BEGIN).await.map_err(unavailable)?;
    for note in notes {
        insert(&mut transaction, note).await?;
    }
    sqlx::query("DELETE FROM request_log WHERE at_ms < $1")
        .bind(newest.plus_ms(-REQUESTS_KEPT_MS).ms())
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)
}

async fn insert(connection: &mut Connection, note: &RequestNote) -> Result<(), BooksError> {
    sqlx::query(
        "INSERT INTO request_log (request_id, at_ms, route, payer, status, code, reason, payment_id, charge)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
    )
    .bind(&note.request_id)
    .bind(note.at.ms())
    .bind(&note.route)
    .bind(note.payer.to_string())
    .bind(i64::from(note.status))
    .bind(&note.code)
    .bind(&note.reason)
    .bind(note.payment.map(|id| id.to_string()))
    .bind(&note.charge)
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

pub(super) async fn find(
    readers: &Pool,
    request_id: &str,
) -> Result<Option<RequestNote>, BooksError> {
    let row = sqlx::query("SELECT * FROM request_log WHERE request_id = $1")
        .bind(request_id)
        .fetch_optional(readers)
        .await
        .map_err(unavailable)?;
    let Some(row) = row else { return Ok(None) };
    let corrupt =
        |column| BooksError::Corrupt { table: "request_log", column, key: request_id.to_owned() };
    let payment = rows::text_or_none(&row, "payment_id")?;
    Ok(Some(RequestNote {
        request_id: request_id.to_owned(),
        at: UnixMs::new(rows::int(&row, "at_ms")?),
        route: rows::text(&row, "route")?,
        payer: rows::text(&row, "payer")?.parse().map_err(|_| corrupt("payer"))?,
        status: u16::try_from(rows::int(&row, "status")?).map_err(|_| corrupt("status"))?,
        code: rows::text_or_none(&row, "code")?,
        reason: rows::text_or_none(&row, "reason")?,
        payment: payment.map(|id| id.parse().map_err(|_| corrupt("payment_id"))).transpose()?,
        charge: rows::text(&row, "charge")?,
    }))
}
