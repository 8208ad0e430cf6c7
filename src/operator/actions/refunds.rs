//! Giving back what is owed: to the card, in USDC, as a credit, or by hand.

use payments::{
    ids::PaymentId,
    paid_back::{PaidBackError, PaidByHand, book_paid_by_hand},
    ports::{RefundApproval, RefundRefusal},
    settlement::ChainHash,
};
use serde_json::{Value, json};

use super::{Desk, Refusal, fields::Change};
use crate::operator::{
    giving_back::{Approved, NotGivenBack},
    shape,
};

/// Gives a payment back to its card, or in USDC from the refund wallet.
pub(in crate::operator) async fn approve(
    desk: &Desk,
    id: PaymentId,
    change: &Change,
) -> Result<Value, Refusal> {
    let approval = approval(desk, id, change);
    let wallet = async { Ok::<_, Refusal>(desk.refunds.clone()) };
    let paid = match desk.accounts().approve_refund(&approval, wallet).await? {
        Approved::InUsdc(refund) => return Ok(shape::usdc_refund(&refund, &approval)),
        Approved::ByCard(paid) => paid,
    };
    Ok(json!({
        "payment_id": id.to_string(),
        "payment_intent": paid.refund.payment_intent,
        "amount_minor": paid.refund.amount_minor,
        "currency": paid.owed.as_ref().map(|owed| owed.currency.as_str()),
        "state": paid.refund.state.word(),
        "takes_credit": paid.takes_credit(),
        "reason": change.reason,
        "dry_run": change.dry_run,
    }))
}

/// Gives the launch's credit in the place of a refund that failed.
pub(in crate::operator) async fn credit_instead(
    desk: &Desk,
    id: PaymentId,
    change: &Change,
) -> Result<Value, Refusal> {
    let credited = desk.accounts().credit_instead(&approval(desk, id, change)).await?;
    Ok(json!({
        "payment_id": id.to_string(),
        "state": "used",
        "balance": credited.balance.get(),
        "reason": change.reason,
        "dry_run": change.dry_run,
    }))
}

fn approval(desk: &Desk, id: PaymentId, change: &Change) -> RefundApproval {
    RefundApproval {
        intent: id,
        reason: change.reason.clone(),
        via: change.via,
        at: desk.clock.now(),
        dry_run: change.dry_run,
    }
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

impl From<NotGivenBack> for Refusal {
    fn from(error: NotGivenBack) -> Self {
        match error {
            NotGivenBack::Refused { id, refusal, .. } => not_approved(id, refusal),
            NotGivenBack::Rail(error) => Self::fault(&error),
        }
    }
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
