//! What an operator may do. Each action wants a reason and is in the list of actions before, or in
//! the same commit as, what it does; what the books refuse changes nothing. The page and the API
//! call the same functions.

pub(super) mod api;
pub(super) mod fields;
pub(super) mod payout;
pub(super) mod resolve;
pub mod way;

use std::num::NonZeroU32;

use payments::{
    agent::Payer,
    ids::PaymentId,
    money::Credits,
    paid_back::{PaidBackError, PaidByHand, book_paid_by_hand},
    ports::{
        ActionName, AdjustmentError, AdjustmentKind, BlockLift, BooksError, CloseFinding,
        CloseRefusal, CreditAdjustment, FindingKind, HolderAction, HolderChange, HolderRefusal,
        LiftRefusal, ObligationRow, RefundApproval, RefundRefusal, desk::NewAction,
    },
    reconcile::{self, RunError, Scope},
    settlement::ChainHash,
    usdc_refunds::{UsdcRefundError, UsdcRefunds, approve_usdc_refund},
};
use serde_json::{Value, json};

use super::{Desk, answer::Refusal, details::account_row, shape};
use fields::Change;

/// How often a turn that another comparison has is asked for again, and how many times.
const ASK_EVERY_MS: u64 = 250;
const ASK_TIMES: u32 = 240;

/// Has a payment that is not finished looked at again now, whoever drives it.
pub(super) async fn recheck(desk: &Desk, id: PaymentId, change: &Change) -> Result<Value, Refusal> {
    let intent = desk.books.intent(id).await?.ok_or_else(|| unknown(id))?;
    let state = intent.state.word();
    if intent.state.is_terminal() {
        return Err(Refusal::conflict(format!("{id} is finished: {state}")));
    }
    if !change.dry_run {
        note(desk, "payment.recheck", id.to_string(), change).await?;
        desk.drives.again(&intent).await?;
    }
    Ok(
        json!({"payment_id": id.to_string(), "state": state, "reason": change.reason, "dry_run": change.dry_run}),
    )
}

/// Gives a payment back to its card.
pub(super) async fn approve(desk: &Desk, id: PaymentId, change: &Change) -> Result<Value, Refusal> {
    let before = desk.books.evidence(id).await?.and_then(|evidence| evidence.obligation);
    let approval = RefundApproval {
        intent: id,
        reason: change.reason.clone(),
        via: change.via,
        at: desk.clock.now(),
        dry_run: change.dry_run,
    };
    let refund = match (desk.cards.approve_refund(approval.clone()).await, &desk.refunds) {
        (Err(RefundRefusal::NotByCard), Some(refunds)) => {
            return approve_in_usdc(refunds, &approval).await;
        }
        (approved, _) => approved.map_err(|refusal| not_approved(id, refusal))?,
    };
    show_anew(desk, before.as_ref(), change).await;
    Ok(json!({
        "payment_id": id.to_string(),
        "payment_intent": refund.payment_intent,
        "amount_minor": refund.amount_minor,
        "currency": before.as_ref().map(|owed| owed.currency.as_str()),
        "state": refund.state.word(),
        "takes_credit": before.as_ref().is_some_and(|owed| owed.state == "used"),
        "reason": change.reason,
        "dry_run": change.dry_run,
    }))
}

/// Signs the refund of a debt in USDC, to be sent by the refund wallet.
async fn approve_in_usdc(
    refunds: &UsdcRefunds,
    approval: &RefundApproval,
) -> Result<Value, Refusal> {
    let refund = approve_usdc_refund(refunds, approval).await.map_err(|error| match error {
        UsdcRefundError::Refused(refusal) => not_approved(approval.intent, refusal),
        UsdcRefundError::Rail(error) => Refusal::fault(&error),
    })?;
    Ok(shape::usdc_refund(&refund, approval))
}

/// Gives the launch's credit in the place of a refund that failed.
pub(super) async fn credit_instead(
    desk: &Desk,
    id: PaymentId,
    change: &Change,
) -> Result<Value, Refusal> {
    let before = desk.books.evidence(id).await?.and_then(|evidence| evidence.obligation);
    let approval = RefundApproval {
        intent: id,
        reason: change.reason.clone(),
        via: change.via,
        at: desk.clock.now(),
        dry_run: change.dry_run,
    };
    let balance =
        desk.cards.credit_instead(approval).await.map_err(|refusal| not_approved(id, refusal))?;
    show_anew(desk, before.as_ref(), change).await;
    Ok(json!({
        "payment_id": id.to_string(), "state": "used", "balance": balance.get(), "reason": change.reason, "dry_run": change.dry_run,
    }))
}

/// Books a debt in USDC as paid by a transfer that an operator sent by hand, once the chain shows
/// it.
pub(super) async fn paid_by_hand(
    desk: &Desk,
    id: PaymentId,
    tx_hash: ChainHash,
    change: &Change,
) -> Result<Value, Refusal> {
    let (via, at, dry_run) = (change.via, desk.clock.now(), change.dry_run);
    let said = PaidByHand { id, tx_hash, reason: change.reason.clone(), via, at, dry_run };
    let parts = &desk.reconciler;
    let paid = book_paid_by_hand(&*parts.chain, &*desk.cards, &parts.receiver, said)
        .await
        .map_err(|error| match error {
            PaidBackError::Refused(refusal) => not_approved(id, refusal),
            PaidBackError::Rail(error) => Refusal::fault(&error),
            PaidBackError::NotMined
            | PaidBackError::TooNew
            | PaidBackError::NoSuchTransfer { .. } => Refusal::conflict(format!("{id}: {error}")),
        })?;
    Ok(shape::paid_back(&paid))
}

fn not_approved(id: PaymentId, refusal: RefundRefusal) -> Refusal {
    match refusal {
        RefundRefusal::NotOwed => Refusal::not_found(format!("{id}: {refusal}")),
        RefundRefusal::NotByCard
        | RefundRefusal::NotInUsdc
        | RefundRefusal::TransferUsed
        | RefundRefusal::Standing(_)
        | RefundRefusal::CreditSpent
        | RefundRefusal::NoCreditForIt
        | RefundRefusal::SettlementLost
        | RefundRefusal::DayCap { .. }
        | RefundRefusal::WalletTooPoor { .. }
        | RefundRefusal::TokenRefuses(_)
        | RefundRefusal::NotSigned(_) => Refusal::conflict(format!("{id}: {refusal}")),
        RefundRefusal::Books(error) => error.into(),
    }
}

/// Agents see the account as it is from now on.
async fn show_anew(desk: &Desk, owed: Option<&ObligationRow>, change: &Change) {
    if let Some(payer) = owed.and_then(|owed| owed.payer.parse().ok())
        && !change.dry_run
    {
        desk.balances.forget(&payer).await;
    }
}

/// Gives credits to an account, or takes them.
pub(super) async fn adjust(
    desk: &Desk,
    payer: &Payer,
    kind: AdjustmentKind,
    credits: NonZeroU32,
    change: &Change,
) -> Result<Value, Refusal> {
    let id = desk.ids.payment_id();
    let name = change.name.clone().unwrap_or_else(|| ActionName::of(id));
    let adjustment = CreditAdjustment {
        id,
        name: name.clone(),
        payer: payer.clone(),
        kind,
        credits: Credits::new(u64::from(credits.get())),
        reason: change.reason.clone(),
        via: change.via,
        at: desk.clock.now(),
        dry_run: change.dry_run,
    };
    let account = desk.cards.adjust_credits(adjustment).await.map_err(|error| match error {
        AdjustmentError::TooFew(_) | AdjustmentError::NameTaken => {
            Refusal::conflict(format!("{payer}: {error}"))
        }
        AdjustmentError::Books(error @ BooksError::NotKnown(_)) => {
            Refusal::not_known(&error, name.as_str())
        }
        AdjustmentError::Books(error) => error.into(),
    })?;
    if !change.dry_run {
        desk.balances.forget(payer).await;
    }
    Ok(
        json!({"account": account_row(payer, &account), "reason": change.reason, "dry_run": change.dry_run}),
    )
}

/// Lets an account buy again that was refused what costs money.
pub(super) async fn lift(desk: &Desk, payer: &Payer, change: &Change) -> Result<Value, Refusal> {
    let lift = BlockLift {
        payer: payer.clone(),
        reason: change.reason.clone(),
        via: change.via,
        at: desk.clock.now(),
        dry_run: change.dry_run,
    };
    let lifted = desk.cards.lift_block(lift).await.map_err(|refusal| match refusal {
        LiftRefusal::NotBlocked => Refusal::not_found(format!("{payer}: {refusal}")),
        LiftRefusal::Books(error) => error.into(),
    })?;
    Ok(
        json!({"payer": payer.to_string(), "lifted": lifted, "reason": change.reason, "dry_run": change.dry_run}),
    )
}

/// Ends a holder's tokens, or stops an account and lets it go on.
pub(super) async fn change_holders(
    desk: &Desk,
    action: HolderAction,
    change: &Change,
) -> Result<Value, Refusal> {
    let (word, subject) = match &action {
        HolderAction::Revoke(id) => ("revoke", id.to_string()),
        HolderAction::Freeze(payer) => ("freeze", payer.to_string()),
        HolderAction::Unfreeze(payer) => ("unfreeze", payer.to_string()),
    };
    let asked = HolderChange {
        action,
        reason: change.reason.clone(),
        via: change.via,
        at: desk.clock.now(),
        dry_run: change.dry_run,
    };
    desk.cards.change_holders(&asked).await.map_err(|refusal| match refusal {
        HolderRefusal::Unknown => Refusal::not_found(format!("{subject}: {refusal}")),
        HolderRefusal::Revoked | HolderRefusal::Frozen | HolderRefusal::NotFrozen => {
            Refusal::conflict(format!("{subject}: {refusal}"))
        }
        HolderRefusal::Books(error) => error.into(),
    })?;
    Ok(
        json!({"action": word, "subject": subject, "reason": change.reason, "dry_run": change.dry_run}),
    )
}

/// Closes a finding that was looked at.
pub(super) async fn close(
    desk: &Desk,
    kind: FindingKind,
    key: String,
    change: &Change,
) -> Result<Value, Refusal> {
    let close = CloseFinding {
        kind,
        key,
        reason: change.reason.clone(),
        via: change.via,
        at: desk.clock.now(),
        dry_run: change.dry_run,
    };
    let about = format!("{} {}", kind.word(), close.key);
    desk.findings.close_finding(&close).await.map_err(|refusal| match refusal {
        CloseRefusal::Unknown => Refusal::not_found(format!("{about}: {refusal}")),
        CloseRefusal::Closed | CloseRefusal::ByItselfOnly => {
            Refusal::conflict(format!("{about}: {refusal}"))
        }
        CloseRefusal::Books(error) => error.into(),
    })?;
    Ok(json!({
        "kind": kind.word(), "key": close.key, "closed_at": close.at.rfc3339(), "reason": change.reason, "dry_run": change.dry_run,
    }))
}

/// Compares the books with the world. A comparison that is under way is waited for; once begun, it
/// goes on though nobody waits for its report.
pub(super) async fn compare(desk: &Desk, scope: Scope, change: &Change) -> Result<Value, Refusal> {
    let dry_run = change.dry_run;
    if !dry_run {
        note(desk, "reconcile.run", scope.word().to_owned(), change).await?;
    }
    let parts = desk.reconciler.clone();
    let run = tokio::spawn(async move {
        for _ in 0..ASK_TIMES {
            match reconcile::run(&parts, scope, dry_run).await {
                Err(RunError::Busy) => parts.clock.sleep_ms(ASK_EVERY_MS).await,
                ended => return ended,
            }
        }
        Err(RunError::Busy)
    });
    match run.await {
        Ok(Ok(report)) => Ok(shape::report(&report, dry_run)),
        Ok(Err(RunError::Busy)) => Err(Refusal::conflict(RunError::Busy.to_string())),
        Ok(Err(error)) => Err(Refusal::fault(&error)),
        Err(error) => Err(Refusal::fault(&error)),
    }
}

fn unknown(id: PaymentId) -> Refusal {
    Refusal::not_found(format!("there is no payment {id}"))
}

/// Notes an action that no other row keeps, before it is done.
async fn note(
    desk: &Desk,
    action: &'static str,
    subject: String,
    change: &Change,
) -> Result<(), Refusal> {
    let new = NewAction {
        at: desk.clock.now(),
        action,
        subject,
        reason: change.reason.clone(),
        via: change.via,
    };
    Ok(desk.desk.note_action(&new).await?)
}
