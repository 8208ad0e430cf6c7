//! Giving back what is owed: to the card, in USDC, as a credit, or by hand.

use payments::{
    ids::PaymentId,
    paid_back::{PaidBackError, PaidByHand, book_paid_by_hand},
    ports::{ObligationRow, RefundApproval, RefundRefusal},
    settlement::ChainHash,
    usdc_refunds::{UsdcRefundError, UsdcRefunds, approve_usdc_refund},
};
use serde_json::{Value, json};

use super::{Desk, Refusal, fields::Change};
use crate::operator::shape;

/// Gives a payment back to its card.
pub(in crate::operator) async fn approve(
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
pub(in crate::operator) async fn credit_instead(
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
pub(in crate::operator) async fn paid_by_hand(
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
