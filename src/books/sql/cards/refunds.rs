//! Money on its way back to a card: the debt, its approval, and what became of it.

mod debt;

pub(super) use debt::{move_debt, obligation_state, step};

use debt::{debt, no_debt, take_credit_back};
use payments::{
    charge::Refund,
    ids::PaymentId,
    ledger::Posting,
    money::{Credits, UsdCents},
    obligation::{ObligationState, ObligationStep},
    ports::{BooksError, ObligationRow, RefundApproval, RefundRefusal, desk::NewAction},
};

use super::{
    super::{
        charges,
        credits::{self, Entry},
        desk::actions,
        dialect::{Connection, Pool},
        journal, reads, rows,
        transitions::exactly_one,
        unavailable,
        usdc_refunds::receipt_state,
    },
    disputes,
};

/// Sorts after every payment id.
const AFTER_ALL: &str = "pay_~";

pub(super) async fn obligations(
    readers: &Pool,
    before: Option<PaymentId>,
    limit: u32,
) -> Result<Vec<ObligationRow>, BooksError> {
    let list = sqlx::query(concat!(
        "SELECT intent_id, part_of, payer, amount_minor, currency, state FROM (
                SELECT intent_id, part_of, payer, amount_minor, currency, state FROM obligations
                UNION ALL SELECT receipt_id, NULL, payer, amount_minor, 'USDC', ",
        receipt_state!(),
        " FROM receipts WHERE kind = 'unearned') owed
             WHERE intent_id < $1 ORDER BY intent_id DESC LIMIT $2"
    ))
    .bind(before.map_or_else(|| AFTER_ALL.to_owned(), |id| id.to_string()))
    .bind(i64::from(limit))
    .fetch_all(readers)
    .await
    .map_err(unavailable)?;
    list.iter().map(reads::obligation_row).collect()
}

/// The debt is due, or was paid at once with a credit that is still there and is taken back. The
/// refund is saved before it is asked for.
pub(super) async fn approve(
    connection: &mut Connection,
    approval: &RefundApproval,
) -> Result<Refund, RefundRefusal> {
    let id = approval.intent;
    super::facts::hold(connection, id).await?;
    let Some(debt) = debt(connection, id).await? else {
        return Err(no_debt(connection, id).await?);
    };
    let Some(payment_intent) = debt.payment_intent.clone() else {
        return Err(RefundRefusal::NotByCard);
    };
    let compensated =
        debt.state == ObligationState::Used && debt.reserved_by == Some(id.to_string());
    if !compensated && debt.state != ObligationState::RefundDue {
        return Err(RefundRefusal::Standing(debt.state.word().to_owned()));
    }
    if disputes::any_open(connection, id).await? {
        return Err(RefundRefusal::Standing(String::from("disputed")));
    }
    // The money went back elsewhere, or to the bank, and the credit that was given for it went with
    // it.
    if compensated && super::facts::settled(connection, id).await?.is_credit_taken() {
        return Err(RefundRefusal::Standing(String::from("paid back elsewhere")));
    }
    let refund = Refund::approved(
        id,
        payment_intent,
        debt.amount_minor,
        debt.approvals.saturating_add(1),
        approval.at,
    );
    if compensated {
        take_credit_back(connection, &debt, &refund).await?;
    }
    move_debt(connection, id, step(id, debt.state, ObligationState::RefundSent)?, approval.at)
        .await?;
    charges::insert_refund(connection, &refund, &debt.currency, &approval.reason).await?;
    actions::note(connection, &action(approval, "refund.approve")).await?;
    super::facts::pay_from_loss(
        connection,
        id,
        &format!("approval_{}", refund.approvals),
        approval.at,
    )
    .await?;
    let row = sqlx::query("SELECT * FROM refunds WHERE intent_id = $1").bind(id.to_string());
    Ok(super::refund_queue::refund(&row.fetch_one(connection).await.map_err(unavailable)?)?)
}

/// The debt of a launch that was charged and refused, due again because its refund failed, ends
/// with a credit: one way back, guarded by the debt's state.
pub(super) async fn credit_instead(
    connection: &mut Connection,
    approval: &RefundApproval,
) -> Result<Credits, RefundRefusal> {
    let id = approval.intent;
    super::facts::hold(connection, id).await?;
    let Some(debt) = debt(connection, id).await? else {
        return Err(no_debt(connection, id).await?);
    };
    if debt.state != ObligationState::RefundDue {
        return Err(RefundRefusal::Standing(debt.state.word().to_owned()));
    }
    if debt.payment_intent.is_none() {
        return Err(RefundRefusal::NotByCard);
    }
    if disputes::any_open(connection, id).await? {
        return Err(RefundRefusal::Standing(String::from("disputed")));
    }
    if debt.currency != "USD" || debt.amount_minor != debt.price_minor || debt.never_credited {
        return Err(RefundRefusal::NoCreditForIt);
    }
    let used = sqlx::query(
        "UPDATE obligations SET state = $1, reserved_by = intent_id, updated_at_ms = $2 WHERE intent_id = $3 AND state = $4",
    );
    let used =
        used.bind(ObligationStep::CREDIT.to().word()).bind(approval.at.ms()).bind(id.to_string());
    let used = used
        .bind(ObligationStep::CREDIT.from().word())
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    exactly_one(id, &used)?;
    credits::open(connection, &debt.payer).await?;
    let reference = format!("approval_{}", debt.approvals);
    let entry = Entry {
        payer: &debt.payer,
        delta: 1,
        kind: "restore",
        intent: Some(id),
        reference: Some(&reference),
        at: approval.at,
    };
    credits::enter(connection, &entry).await?;
    credits::move_backing(connection, &debt.payer, rows::integer(debt.amount_minor)).await?;
    let owed = UsdCents::new(debt.amount_minor);
    let posting =
        Posting::credited_instead(id, &reference, &debt.payer, owed).map_err(|_| too_large(id))?;
    journal::post(connection, &posting, approval.at).await?;
    super::findings::close_refunds_of(connection, id, approval.at).await?;
    actions::note(connection, &action(approval, "refund.credit")).await?;
    Ok(credits::account(connection, &debt.payer).await?.balance)
}

/// The same where an approval before may have been written: the refund then bears its moment and
/// reason.
pub(super) async fn approve_once(
    connection: &mut Connection,
    approval: &RefundApproval,
) -> Result<Refund, RefundRefusal> {
    let row = sqlx::query(
        "SELECT * FROM refunds WHERE intent_id = $1 AND approved_at_ms = $2 AND reason = $3",
    )
    .bind(approval.intent.to_string())
    .bind(approval.at.ms())
    .bind(&approval.reason)
    .fetch_optional(&mut *connection)
    .await
    .map_err(unavailable)?;
    match row {
        Some(row) => Ok(super::refund_queue::refund(&row)?),
        None => approve(connection, approval).await,
    }
}

fn action(approval: &RefundApproval, action: &'static str) -> NewAction {
    let subject = approval.intent.to_string();
    NewAction {
        at: approval.at,
        action,
        subject,
        reason: approval.reason.clone(),
        via: approval.via,
    }
}

pub(super) fn too_large(id: PaymentId) -> BooksError {
    BooksError::Corrupt { table: "refunds", column: "amount_minor", key: id.to_string() }
}
