//! Money on its way back to a card: the debt, its approval, and what became of it.

use payments::{
    agent::Payer,
    charge::Refund,
    ids::PaymentId,
    ledger::Posting,
    money::{Credits, UsdCents},
    obligation::{ObligationState, ObligationStep},
    ports::{BooksError, ObligationRow, RefundApproval, RefundRefusal, desk::NewAction},
    time::UnixMs,
};

use super::super::dialect::{Connection, DbRow, Pool};
use super::super::{
    charges,
    credits::{self, Entry},
    desk::actions,
    journal, reads, rows,
    transitions::exactly_one,
    unavailable,
    usdc_refunds::receipt_state,
};
use super::disputes;

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

/// What is owed, with the payment at the processor that it goes back to.
struct Debt {
    payer: Payer,
    amount_minor: u64,
    currency: String,
    state: ObligationState,
    reserved_by: Option<String>,
    payment_intent: Option<String>,
    /// Refunds of it that were approved before.
    approvals: u32,
    /// What the charge was settled with; zero for a charge that settled nothing.
    price_minor: u64,
    /// No single credit pays for a call of its route.
    never_credited: bool,
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

/// Money that came without being asked for is owed under a name of its own, and came on the chain.
async fn no_debt(connection: &mut Connection, id: PaymentId) -> Result<RefundRefusal, BooksError> {
    let receipt =
        sqlx::query("SELECT receipt_id FROM receipts WHERE receipt_id = $1 AND kind = 'unearned'")
            .bind(id.to_string());
    let receipt = receipt.fetch_optional(connection).await.map_err(unavailable)?;
    Ok(if receipt.is_some() { RefundRefusal::NotByCard } else { RefundRefusal::NotOwed })
}

async fn debt(connection: &mut Connection, id: PaymentId) -> Result<Option<Debt>, BooksError> {
    let row = sqlx::query(
        "SELECT o.payer, o.amount_minor, o.currency, o.state, o.reserved_by, coalesce(s.stripe_pi, r.payment_intent) AS payment_intent,
            coalesce(r.approvals, 0) AS approvals, coalesce(CASE WHEN s.stripe_pi IS NOT NULL THEN s.amount_minor END, 0) AS price_minor,
            CAST((SELECT count(*) FROM intents i WHERE i.id = o.intent_id AND i.if_refused = 'owed') AS BIGINT) AS never_credited
         FROM obligations o LEFT JOIN settlements s ON s.intent_id = o.intent_id LEFT JOIN refunds r ON r.intent_id = o.intent_id
         WHERE o.intent_id = $1",
    )
    .bind(id.to_string())
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?;
    let Some(row) = row else { return Ok(None) };
    let payer = rows::text(&row, "payer")?.parse();
    Ok(Some(Debt {
        payer: payer.map_err(|_| BooksError::Corrupt {
            table: "obligations",
            column: "payer",
            key: id.to_string(),
        })?,
        amount_minor: rows::unsigned(&row, "obligations", "amount_minor", || id.to_string())?,
        currency: rows::text(&row, "currency")?,
        state: obligation_state(&row, id)?,
        reserved_by: rows::text_or_none(&row, "reserved_by")?,
        payment_intent: rows::text_or_none(&row, "payment_intent")?,
        approvals: u32::try_from(rows::int(&row, "approvals")?).unwrap_or(u32::MAX),
        price_minor: rows::unsigned(&row, "settlements", "price_minor", || id.to_string())?,
        never_credited: rows::int(&row, "never_credited")? > 0,
    }))
}

/// The credit that was given for the payment is no longer one, and its money is owed back. Where
/// the account's credits are worth less than what was paid, the rest is lost.
async fn take_credit_back(
    connection: &mut Connection,
    debt: &Debt,
    refund: &Refund,
) -> Result<(), RefundRefusal> {
    let (id, at) = (refund.intent, refund.approved_at);
    let account = credits::held_account(connection, &debt.payer).await?;
    if account.balance == Credits::ZERO {
        return Err(RefundRefusal::CreditSpent);
    }
    let reference = if refund.approvals == 1 {
        String::from("refund")
    } else {
        format!("approval_{}", refund.approvals)
    };
    let entry = Entry {
        payer: &debt.payer,
        delta: -1,
        kind: "claw_back",
        intent: Some(id),
        reference: Some(&reference),
        at,
    };
    credits::enter(connection, &entry).await?;
    let backed = account.backing_cents.min(debt.amount_minor);
    credits::move_backing(connection, &debt.payer, rows::integer(backed).saturating_neg()).await?;
    let lost = UsdCents::new(debt.amount_minor.saturating_sub(backed));
    let posting =
        Posting::credit_clawed_back(id, &reference, &debt.payer, UsdCents::new(backed), lost)
            .map_err(|_| too_large(id))?;
    Ok(journal::post(connection, &posting, at).await?)
}

/// The state of a row of `obligations`.
pub(super) fn obligation_state(row: &DbRow, id: PaymentId) -> Result<ObligationState, BooksError> {
    let corrupt =
        || BooksError::Corrupt { table: "obligations", column: "state", key: id.to_string() };
    ObligationState::from_word(&rows::text(row, "state")?).ok_or_else(corrupt)
}

/// A step that nothing here should ask for is refused before the row is touched.
pub(super) fn step(
    id: PaymentId,
    from: ObligationState,
    to: ObligationState,
) -> Result<ObligationStep, BooksError> {
    from.step(to).map_err(|_| BooksError::Stale(id))
}

pub(super) async fn move_debt(
    connection: &mut Connection,
    id: PaymentId,
    step: ObligationStep,
    at: UnixMs,
) -> Result<(), BooksError> {
    let moved =
        sqlx::query("UPDATE obligations SET state = $1, reserved_by = NULL, updated_at_ms = $2 WHERE intent_id = $3 AND state = $4")
            .bind(step.to().word())
            .bind(at.ms())
            .bind(id.to_string())
            .bind(step.from().word())
            .execute(connection)
            .await
            .map_err(unavailable)?;
    exactly_one(id, &moved)
}

pub(super) fn too_large(id: PaymentId) -> BooksError {
    BooksError::Corrupt { table: "refunds", column: "amount_minor", key: id.to_string() }
}
