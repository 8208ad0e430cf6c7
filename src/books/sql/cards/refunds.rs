//! Money on its way back to a card: the debt, its approval, and what became of it.

use payments::{
    agent::Payer,
    charge::{Refund, RefundState},
    ids::PaymentId,
    ledger::{Account, Line, Posting, moved},
    money::{Amount, Credits, UsdCents},
    ports::{BooksError, ObligationRow, RefundApproval, RefundRefusal, desk::NewAction},
    time::UnixMs,
};
use sqlx::Row;

use super::super::dialect::{Connection, DbRow, Pool};
use super::super::{
    charges,
    credits::{self, Entry},
    desk::actions,
    journal, reads, rows,
    transitions::exactly_one,
    unavailable,
};

/// Sorts after every payment id.
const AFTER_ALL: &str = "pay_~";

pub(super) async fn obligations(readers: &Pool, before: Option<PaymentId>, limit: u32) -> Result<Vec<ObligationRow>, BooksError> {
    let list = sqlx::query(
        "SELECT intent_id, payer, amount_minor, currency, state FROM (
            SELECT intent_id, payer, amount_minor, currency, state FROM obligations
            UNION ALL SELECT receipt_id, payer, amount_minor, 'USDC', 'refund_due' FROM receipts WHERE kind = 'unearned') owed
         WHERE intent_id < $1 ORDER BY intent_id DESC LIMIT $2",
    )
    .bind(before.map_or_else(|| AFTER_ALL.to_owned(), |id| id.to_string()))
    .bind(i64::from(limit))
    .fetch_all(readers)
    .await
    .map_err(unavailable)?;
    list.iter().map(reads::obligation_row).collect()
}

pub(super) async fn open(readers: &Pool, limit: u32) -> Result<Vec<Refund>, BooksError> {
    let list =
        sqlx::query("SELECT * FROM refunds WHERE state IN ('refund_sent', 'refund_unknown') ORDER BY approved_at_ms, intent_id LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(readers)
            .await
            .map_err(unavailable)?;
    list.iter().map(refund).collect()
}

/// What is owed, with the payment at the processor that it goes back to.
struct Debt {
    payer: Payer,
    amount_minor: u64,
    currency: String,
    state: String,
    reserved_by: Option<String>,
    payment_intent: Option<String>,
}

/// The debt is due, or was paid at once with a credit that is still there and is taken back. The refund is saved before it is asked for.
pub(super) async fn approve(connection: &mut Connection, approval: &RefundApproval) -> Result<Refund, RefundRefusal> {
    let id = approval.intent;
    super::facts::hold(connection, id).await?;
    let Some(debt) = debt(connection, id).await? else { return Err(no_debt(connection, id).await?) };
    let Some(payment_intent) = debt.payment_intent.clone() else { return Err(RefundRefusal::NotByCard) };
    let compensated = debt.state == "used" && debt.reserved_by == Some(id.to_string());
    if !compensated && debt.state != "refund_due" {
        return Err(RefundRefusal::Standing(debt.state));
    }
    if compensated {
        take_credit_back(connection, id, &debt, approval.at).await?;
    }
    let refund = Refund {
        intent: id,
        payment_intent,
        amount_minor: debt.amount_minor,
        stripe_key: Refund::stripe_key_of(id),
        state: RefundState::Sent,
        approved_at: approval.at,
    };
    move_debt(connection, id, (&debt.state, RefundState::Sent.word()), approval.at).await?;
    charges::insert_refund(connection, &refund, &debt.currency, &approval.reason).await?;
    actions::note(connection, &action(approval)).await?;
    Ok(refund)
}

fn action(approval: &RefundApproval) -> NewAction {
    let subject = approval.intent.to_string();
    NewAction { at: approval.at, action: "refund.approve", subject, reason: approval.reason.clone(), via: approval.via }
}

/// Money that came without being asked for is owed under a name of its own, and came on the chain.
async fn no_debt(connection: &mut Connection, id: PaymentId) -> Result<RefundRefusal, BooksError> {
    let receipt = sqlx::query("SELECT receipt_id FROM receipts WHERE receipt_id = $1 AND kind = 'unearned'").bind(id.to_string());
    let receipt = receipt.fetch_optional(connection).await.map_err(unavailable)?;
    Ok(if receipt.is_some() { RefundRefusal::NotByCard } else { RefundRefusal::NotOwed })
}

async fn debt(connection: &mut Connection, id: PaymentId) -> Result<Option<Debt>, BooksError> {
    let row = sqlx::query(
        "SELECT o.payer, o.amount_minor, o.currency, o.state, o.reserved_by, coalesce(s.stripe_pi, r.payment_intent) AS payment_intent
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
        payer: payer.map_err(|_| BooksError::Corrupt { table: "obligations", column: "payer", key: id.to_string() })?,
        amount_minor: rows::unsigned(&row, "obligations", "amount_minor", || id.to_string())?,
        currency: rows::text(&row, "currency")?,
        state: rows::text(&row, "state")?,
        reserved_by: rows::text_or_none(&row, "reserved_by")?,
        payment_intent: rows::text_or_none(&row, "payment_intent")?,
    }))
}

/// The credit that was given for the payment is no longer one, and its money is owed back. Where the account's credits are worth less than
/// what was paid, the rest is lost.
async fn take_credit_back(connection: &mut Connection, id: PaymentId, debt: &Debt, at: UnixMs) -> Result<(), RefundRefusal> {
    let account = credits::held_account(connection, &debt.payer).await?;
    if account.balance == Credits::ZERO {
        return Err(RefundRefusal::CreditSpent);
    }
    let entry = Entry { payer: &debt.payer, delta: -1, kind: "claw_back", intent: Some(id), reference: Some("refund"), at };
    credits::enter(connection, &entry).await?;
    let backed = account.backing_cents.min(debt.amount_minor);
    credits::move_backing(connection, &debt.payer, rows::integer(backed).saturating_neg()).await?;
    let owed = Account::RefundDue(debt.payer.clone());
    let mut lines = lines(id, Account::Unearned(debt.payer.clone()), owed.clone(), Amount::Usd(UsdCents::new(backed)))?;
    lines.extend(self::lines(id, Account::Loss, owed, Amount::Usd(UsdCents::new(debt.amount_minor.saturating_sub(backed))))?);
    lines.extend(self::lines(id, Account::CreditsIssued, Account::CreditsOf(debt.payer.clone()), Amount::Credits(Credits::new(1)))?);
    let posting = Posting::of_lines(id, "credit_clawed_back", "refund", lines).map_err(|_| too_large(id))?;
    Ok(journal::post(connection, &posting, at).await?)
}

/// One guarded step of the refund and of the debt behind it. A word that was said before changes nothing.
pub(super) async fn move_to(connection: &mut Connection, id: PaymentId, to: RefundState, at: UnixMs) -> Result<(), BooksError> {
    let row = sqlx::query("SELECT * FROM refunds WHERE intent_id = $1")
        .bind(id.to_string())
        .fetch_optional(&mut *connection)
        .await
        .map_err(unavailable)?
        .ok_or(BooksError::Stale(id))?;
    let refund = refund(&row)?;
    if refund.state == to {
        return Ok(());
    }
    let moved = sqlx::query(
        "UPDATE refunds SET state = $1, updated_at_ms = $2 WHERE intent_id = $3 AND state = $4 AND state IN ('refund_sent', 'refund_unknown')",
    )
    .bind(to.word())
    .bind(at.ms())
    .bind(id.to_string())
    .bind(refund.state.word())
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    exactly_one(id, &moved)?;
    let due_again = "refund_due";
    move_debt(connection, id, (refund.state.word(), if to == RefundState::Failed { due_again } else { to.word() }), at).await?;
    if to == RefundState::Refunded && rows::text(&row, "currency")? == "USD" {
        let debt = debt(connection, id).await?.ok_or(BooksError::Stale(id))?;
        let amount = Amount::Usd(UsdCents::new(refund.amount_minor));
        let lines = lines(id, Account::RefundDue(debt.payer), Account::StripeClearing, amount)?;
        let posting = Posting::of_lines(id, "refunded", &refund.stripe_key, lines).map_err(|_| too_large(id))?;
        journal::post(connection, &posting, at).await?;
    }
    Ok(())
}

async fn move_debt(connection: &mut Connection, id: PaymentId, (from, to): (&str, &str), at: UnixMs) -> Result<(), BooksError> {
    let moved =
        sqlx::query("UPDATE obligations SET state = $1, reserved_by = NULL, updated_at_ms = $2 WHERE intent_id = $3 AND state = $4")
            .bind(to)
            .bind(at.ms())
            .bind(id.to_string())
            .bind(from)
            .execute(connection)
            .await
            .map_err(unavailable)?;
    exactly_one(id, &moved)
}

/// The lines of an amount; none for nothing.
fn lines(id: PaymentId, debit: Account, credit: Account, amount: Amount) -> Result<Vec<Line>, BooksError> {
    if amount.minor() == Ok(0) {
        return Ok(Vec::new());
    }
    moved(debit, credit, amount).map_err(|_| too_large(id))
}

fn refund(row: &DbRow) -> Result<Refund, BooksError> {
    let id = rows::id(row, "refunds", "intent_id")?;
    let state = RefundState::from_word(&rows::text(row, "state")?);
    Ok(Refund {
        intent: id,
        payment_intent: rows::text(row, "payment_intent")?,
        amount_minor: rows::unsigned(row, "refunds", "amount_minor", || id.to_string())?,
        stripe_key: rows::text(row, "stripe_key")?,
        state: state.ok_or_else(|| BooksError::Corrupt { table: "refunds", column: "state", key: id.to_string() })?,
        approved_at: UnixMs::new(row.try_get("approved_at_ms").map_err(unavailable)?),
    })
}

fn too_large(id: PaymentId) -> BooksError {
    BooksError::Corrupt { table: "refunds", column: "amount_minor", key: id.to_string() }
}
