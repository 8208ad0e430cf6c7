//! Debts that the money of a lost dispute paid.

use payments::{ids::PaymentId, ports::BooksError, time::UnixMs};

use super::super::{
    super::{dialect::Connection, rows, transitions::exactly_one, unavailable},
    foreign_debt,
};

/// Disputes that were lost while the debt was on its way pay it once it is due. Says how much that
/// was.
pub(in super::super) async fn pay_from_lost(
    connection: &mut Connection,
    id: PaymentId,
    at: UnixMs,
) -> Result<u64, BooksError> {
    let lost = sqlx::query(
        "SELECT dispute_id, amount_cents - debt_paid_cents AS left_cents FROM dispute_facts
         WHERE intent_id = $1 AND state = 'lost' AND debt_paid_cents < amount_cents ORDER BY dispute_id",
    );
    let lost = lost.bind(id.to_string()).fetch_all(&mut *connection).await.map_err(unavailable)?;
    let mut paid = 0_u64;
    for row in &lost {
        let (dispute, left) = (
            rows::text(row, "dispute_id")?,
            rows::unsigned(row, "dispute_facts", "left_cents", || id.to_string())?,
        );
        let cents = foreign_debt::pay(connection, id, left, 0, at).await?;
        let noted = sqlx::query(
            "UPDATE dispute_facts SET debt_paid_cents = debt_paid_cents + $1 WHERE dispute_id = $2 AND state = 'lost'",
        );
        let noted = noted
            .bind(rows::integer(cents))
            .bind(dispute)
            .execute(&mut *connection)
            .await
            .map_err(unavailable)?;
        exactly_one(id, &noted)?;
        paid = paid.saturating_add(cents);
    }
    Ok(paid)
}
