//! The stored answer of a payment.

use payments::{ids::PaymentId, intent::StoredAnswer, ports::BooksError, time::UnixMs};

use super::{super::dialect::Connection, update};

pub(super) async fn store_answer(
    connection: &mut Connection,
    id: PaymentId,
    answer: &StoredAnswer,
    launch_id: Option<&String>,
    entitled_until: Option<UnixMs>,
) -> Result<(), BooksError> {
    let headers = headers_text(id, answer)?;
    let query = sqlx::query(
        "UPDATE intents SET answer_status = $1, answer_headers = $2, answer_body = $3, launch_id = $4, entitled_until_ms = $5 WHERE id = $6",
    )
    .bind(i64::from(answer.status))
    .bind(headers)
    .bind(answer.body.to_vec())
    .bind(launch_id)
    .bind(entitled_until.map(UnixMs::ms));
    update(connection, id, query).await
}

/// The headers as they are kept.
pub(in super::super) fn headers_text(
    id: PaymentId,
    answer: &StoredAnswer,
) -> Result<String, BooksError> {
    let corrupt =
        |_| BooksError::Corrupt { table: "intents", column: "answer_headers", key: id.to_string() };
    serde_json::to_string(&answer.headers).map_err(corrupt)
}
