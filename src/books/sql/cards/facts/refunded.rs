//! Refunds that were made at the processor, not here.

use payments::{
    ids::PaymentId,
    ledger::ChargeEvent,
    ports::{BooksError, ChargeFacts},
    standing::TakenBack,
    time::UnixMs,
};

use super::{
    super::{
        super::{dialect::Connection, rows, unavailable},
        disputes, findings, foreign_debt,
    },
    Fact, settle, settled,
};

/// Refunds beyond ours: the money is gone, or back where one failed. It pays what is owed first,
/// and owes it again; otherwise credits go in proportion, and what no credit stood for is lost.
pub(super) async fn foreign_refund(
    connection: &mut Connection,
    id: PaymentId,
    facts: &ChargeFacts,
    at: UnixMs,
) -> Result<(), BooksError> {
    let before = settled(connection, id).await?;
    let foreign = facts.refunded_cents.saturating_sub(facts.ours_cents);
    let is_fall = foreign < before.foreign_cents;
    if foreign == before.foreign_cents {
        return Ok(());
    }
    let new = rows::integer(foreign).saturating_sub(rows::integer(before.foreign_cents));
    let falls = before.falls.saturating_add(u64::from(is_fall));
    let debt_paid = if is_fall {
        let back = before.foreign_cents - foreign;
        let due = back.saturating_sub(before.beyond_debt_cents());
        foreign_debt::owe_again(connection, id, due, at).await?;
        if due > 0 {
            findings::foreign_refund_failed(connection, id, due, falls, at).await?;
        }
        rows::integer(due).saturating_neg()
    } else {
        rows::integer(
            foreign_debt::pay(connection, id, foreign - before.foreign_cents, facts.ours_cents, at)
                .await?,
        )
    };
    save_refund(
        connection,
        id,
        foreign,
        before.foreign_debt_cents.saturating_add_signed(debt_paid),
        at,
    )
    .await?;
    let name = if falls == 0 { foreign.to_string() } else { format!("{foreign}.{falls}") };
    let reference = format!("refund_{name}");
    let fact = Fact {
        event: ChargeEvent::RefundedElsewhere,
        name: &name,
        reference: &reference,
        cash: new.saturating_neg(),
        receivable: 0,
        debt_paid,
    };
    settle(connection, id, &fact, falls, at).await
}

/// A debt that is due, or due again, under this name: what went back elsewhere before, or to the
/// bank, and was booked as a loss, pays it.
pub(in super::super) async fn pay_from_loss(
    connection: &mut Connection,
    id: PaymentId,
    name: &str,
    at: UnixMs,
) -> Result<(), BooksError> {
    if !foreign_debt::is_lossy(connection, id).await? {
        return Ok(());
    }
    let before = settled(connection, id).await?;
    if before.taken != TakenBack::default() {
        return Ok(());
    }
    let lost = before.beyond_debt_cents();
    let elsewhere =
        if lost == 0 { 0 } else { foreign_debt::pay(connection, id, lost, 0, at).await? };
    if elsewhere > 0 {
        save_refund(
            connection,
            id,
            before.foreign_cents,
            before.foreign_debt_cents.saturating_add(elsewhere),
            at,
        )
        .await?;
    }
    let paid = elsewhere.saturating_add(disputes::pay_from_lost(connection, id, at).await?);
    if paid == 0 {
        return Ok(());
    }
    let fact = Fact {
        event: ChargeEvent::LossPaidDebt,
        name,
        reference: name,
        cash: 0,
        receivable: 0,
        debt_paid: rows::integer(paid),
    };
    settle(connection, id, &fact, before.falls, at).await
}

async fn save_refund(
    connection: &mut Connection,
    id: PaymentId,
    foreign: u64,
    debt_cents: u64,
    at: UnixMs,
) -> Result<(), BooksError> {
    if foreign == 0 {
        let none =
            sqlx::query("DELETE FROM foreign_refunds WHERE intent_id = $1").bind(id.to_string());
        return none.execute(connection).await.map(drop).map_err(unavailable);
    }
    sqlx::query(
        "INSERT INTO foreign_refunds (intent_id, refunded_cents, credits, debt_cents, updated_at_ms) VALUES ($1, $2, 0, $3, $4)
         ON CONFLICT (intent_id) DO UPDATE SET refunded_cents = excluded.refunded_cents, debt_cents = excluded.debt_cents,
            updated_at_ms = excluded.updated_at_ms",
    )
    .bind(id.to_string())
    .bind(rows::integer(foreign))
    .bind(rows::integer(debt_cents))
    .bind(at.ms())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}
