//! An operator's change of a balance.

use payments::{
    ledger::Posting,
    money::Credits,
    ports::{
        AdjustmentError, AdjustmentKind, BooksError, CreditAccount, CreditAdjustment,
        desk::NewAction,
    },
};

use super::super::dialect::Connection;
use super::super::{
    credits::{self, Entry, too_large},
    desk::actions::{self, Named},
    journal, rows,
};

/// A grant pays a debt first and issues the rest. What is voided was worth money perhaps, and was
/// not earned by that: the money stays behind the credits that the account has left or gets.
pub(super) async fn adjust(
    connection: &mut Connection,
    change: &CreditAdjustment,
) -> Result<CreditAccount, AdjustmentError> {
    let payer = &change.payer;
    match actions::take_name(
        connection,
        change.name.as_str(),
        &action(change),
        change.credits.get(),
    )
    .await?
    {
        Named::Now => {}
        Named::Before => return Ok(credits::account(connection, payer).await?),
        Named::Otherwise => return Err(AdjustmentError::NameTaken),
    }
    credits::open(connection, payer).await?;
    let (kind, credits, delta) = match change.kind {
        AdjustmentKind::Grant => {
            let paid = credits::pay_debt(connection, payer, change.credits).await?;
            let rest = change.credits.checked_sub(paid).unwrap_or(Credits::ZERO);
            ("manual_grant", rest, rows::integer(rest.get()))
        }
        AdjustmentKind::Void => {
            let balance = credits::held_account(connection, payer).await?.balance;
            if balance < change.credits {
                return Err(AdjustmentError::TooFew(balance));
            }
            ("void", change.credits, rows::integer(change.credits.get()).saturating_neg())
        }
    };
    credits::enter(
        connection,
        &Entry { payer, delta, kind, intent: None, reference: Some(&change.reason), at: change.at },
    )
    .await?;
    if credits != Credits::ZERO {
        journal::post(connection, &posting(change, credits)?, change.at).await?;
    }
    Ok(credits::account(connection, payer).await?)
}

fn action(change: &CreditAdjustment) -> NewAction {
    let action = match change.kind {
        AdjustmentKind::Grant => "credits.grant",
        AdjustmentKind::Void => "credits.void",
    };
    NewAction {
        at: change.at,
        action,
        subject: change.payer.to_string(),
        reason: change.reason.clone(),
        via: change.via,
    }
}

fn posting(change: &CreditAdjustment, credits: Credits) -> Result<Posting, BooksError> {
    let posting = match change.kind {
        AdjustmentKind::Grant => Posting::credits_granted(change.id, &change.payer, credits),
        AdjustmentKind::Void => Posting::credits_voided(change.id, &change.payer, credits),
    };
    posting.map_err(|_| too_large(&change.payer))
}
