//! Changes of a card account: its credits, what it may buy, and who holds its tokens.

use std::num::NonZeroU32;

use payments::{
    agent::Payer,
    money::Credits,
    ports::{
        ActionName, AdjustmentError, AdjustmentKind, BlockLift, BooksError, CreditAdjustment,
        HolderAction, HolderChange, HolderRefusal, LiftRefusal,
    },
};
use serde_json::{Value, json};

use super::{Desk, Refusal, fields::Change};
use crate::operator::details::account_row;

/// Gives credits to an account, or takes them.
pub(in crate::operator) async fn adjust(
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
    let adjusted = desk.accounts().adjust(adjustment).await.map_err(|error| match error {
        AdjustmentError::TooFew(_) | AdjustmentError::NameTaken => {
            Refusal::conflict(format!("{payer}: {error}"))
        }
        AdjustmentError::Books(error @ BooksError::NotKnown(_)) => {
            Refusal::not_known(&error, name.as_str())
        }
        AdjustmentError::Books(error) => error.into(),
    })?;
    Ok(
        json!({"account": account_row(payer, &adjusted.account), "reason": change.reason, "dry_run": change.dry_run}),
    )
}

/// Lets an account buy again that was refused what costs money.
pub(in crate::operator) async fn lift(
    desk: &Desk,
    payer: &Payer,
    change: &Change,
) -> Result<Value, Refusal> {
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
pub(in crate::operator) async fn change_holders(
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
