//! The approval of a refund in USDC: the debt, the nonce and the signed transaction in one commit.

use payments::{
    ids::PaymentId,
    money::UsdcUnits,
    obligation::ObligationStep,
    ports::{
        BooksError, RefundRefusal, SETTLEMENT_LOST, SigningAccount, UsdcRefund, UsdcRefundOrder,
        desk::NewAction,
    },
    settlement::Attempt,
};

use super::super::dialect::Connection;
use super::super::{cards::paid_back, desk::actions, rows, sequence, unavailable};
use super::{insert_attempt, load, note::move_debt};

const DAY_MS: i64 = 86_400_000;

/// In doubt, an approval before may have been written: the refund then bears its moment and reason.
pub(super) async fn approve(
    connection: &mut Connection,
    order: &UsdcRefundOrder<'_>,
    in_doubt: bool,
) -> Result<UsdcRefund, RefundRefusal> {
    let id = order.approval.intent;
    if in_doubt && let Some(written) = written(connection, order).await? {
        return Ok(written);
    }
    paid_back::hold(connection, id).await?;
    if paid_back::owed(connection, id).await? != order.owed {
        return Err(RefundRefusal::Books(BooksError::Stale(id)));
    }
    came_for_good(connection, id).await?;
    // The wallet's row is held from here on: approvals of one wallet go one after the other, so
    // that their sums are right.
    let account = SigningAccount { chain_id: order.chain_id, address: order.view.from };
    let eoa_nonce = sequence::take_nonce(connection, account, order.view.chain_next_nonce).await?;
    within_bounds(connection, order).await?;
    let attempt = order
        .view
        .preparer
        .prepare(id, eoa_nonce, order.approval.at)
        .map_err(RefundRefusal::NotSigned)?;
    let key = insert(connection, order, &attempt).await?;
    move_debt(connection, id, ObligationStep::APPROVE, order.approval.at).await?;
    let (subject, reason) = (id.to_string(), order.approval.reason.clone());
    let action = NewAction {
        at: order.approval.at,
        action: "refund.approve",
        subject,
        reason,
        via: order.approval.via,
    };
    actions::note(connection, &action).await?;
    Ok(load(connection, &key).await?.ok_or(BooksError::Stale(id))?)
}

async fn written(
    connection: &mut Connection,
    order: &UsdcRefundOrder<'_>,
) -> Result<Option<UsdcRefund>, BooksError> {
    let row = sqlx::query("SELECT refund_key FROM usdc_refunds WHERE owed_id = $1 AND approved_at_ms = $2 AND reason = $3")
        .bind(order.approval.intent.to_string())
        .bind(order.approval.at.ms())
        .bind(&order.approval.reason)
        .fetch_optional(&mut *connection)
        .await
        .map_err(unavailable)?;
    match row {
        Some(row) => load(connection, &rows::text(&row, "refund_key")?).await,
        None => Ok(None),
    }
}

/// What a reorganisation took away is not given back.
async fn came_for_good(connection: &mut Connection, id: PaymentId) -> Result<(), RefundRefusal> {
    let lost = sqlx::query(
        "SELECT 1 FROM findings WHERE kind = $1 AND closed_at_ms IS NULL
            AND (key = $2 OR key IN (SELECT o.part_of FROM obligations o WHERE o.intent_id = $2))",
    );
    let lost = lost
        .bind(SETTLEMENT_LOST)
        .bind(id.to_string())
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
    if lost.is_some() { Err(RefundRefusal::SettlementLost) } else { Ok(()) }
}

/// What the wallet holds covers what is on its way, and the day's approvals stay within their cap.
/// The sums are those of every replica.
async fn within_bounds(
    connection: &mut Connection,
    order: &UsdcRefundOrder<'_>,
) -> Result<(), RefundRefusal> {
    let at = order.approval.at.ms();
    let row = sqlx::query(
        "SELECT CAST(coalesce(sum(CASE WHEN state = 'refund_sent' AND chain_id = $1 AND from_addr = $2 THEN amount_minor ELSE 0 END), 0) AS BIGINT)
                AS under_way,
            CAST(coalesce(sum(CASE WHEN approved_at_ms >= $3 AND state <> 'refund_failed' THEN amount_minor ELSE 0 END), 0) AS BIGINT) AS today
         FROM usdc_refunds WHERE approved_at_ms >= $3 OR state = 'refund_sent'",
    )
    .bind(rows::integer(order.chain_id))
    .bind(order.view.from.to_string())
    .bind(at.saturating_sub(at.rem_euclid(DAY_MS)))
    .fetch_one(connection)
    .await
    .map_err(unavailable)?;
    let sum = |column| rows::unsigned(&row, "usdc_refunds", column, String::new);
    let amount = order.owed.amount.get();
    let left = order.per_day.get().saturating_sub(sum("today")?);
    if amount > left {
        return Err(RefundRefusal::DayCap { left: UsdcUnits::new(left) });
    }
    let needed = UsdcUnits::new(amount.saturating_add(sum("under_way")?));
    if order.view.held < needed {
        return Err(RefundRefusal::WalletTooPoor { held: order.view.held, needed });
    }
    Ok(())
}

/// Due at once: the next round sends it.
async fn insert(
    connection: &mut Connection,
    order: &UsdcRefundOrder<'_>,
    attempt: &Attempt,
) -> Result<String, BooksError> {
    let (id, approval) = (order.owed.id, order.approval);
    let before = sqlx::query(
        "SELECT coalesce(max(approval), 0) AS approvals FROM usdc_refunds WHERE owed_id = $1",
    )
    .bind(id.to_string());
    let before = before.fetch_one(&mut *connection).await.map_err(unavailable)?;
    let number = rows::int(&before, "approvals")?.saturating_add(1);
    let key = UsdcRefund::key_of(id, u32::try_from(number).unwrap_or(u32::MAX));
    sqlx::query(
        "INSERT INTO usdc_refunds (refund_key, owed_id, approval, chain_id, from_addr, payer, amount_minor, signed_at_block, state, reason,
            next_look_at_ms, approved_at_ms, updated_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'refund_sent', $9, $10, $10, $10)",
    )
    .bind(&key)
    .bind(id.to_string())
    .bind(number)
    .bind(rows::integer(order.chain_id))
    .bind(order.view.from.to_string())
    .bind(format!("wallet:{}", order.owed.wallet))
    .bind(rows::integer(order.owed.amount.get()))
    .bind(rows::integer(order.view.block_number))
    .bind(&approval.reason)
    .bind(approval.at.ms())
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    insert_attempt(connection, order.chain_id, &key, attempt).await?;
    Ok(key)
}
