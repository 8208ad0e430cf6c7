//! `turnpike refund ls`: what is owed or was given back.

use payments::{ids::PaymentId, obligation::ObligationState, ports::ObligationRow};
use serde_json::{Value, json};

use super::{
    exit::{Exit, Failure},
    output::{self, Format, money, table},
};
use crate::app::Beside;

pub(super) async fn ls(
    beside: &Beside,
    before: Option<PaymentId>,
    limit: u32,
    format: Format,
    by_wallet: bool,
) -> Result<Exit, Failure> {
    let owed = beside
        .cards
        .obligations(before, limit)
        .await
        .map_err(|error| Failure::from_error(Exit::Failed, &error))?;
    match format {
        Format::Json => output::json(&owed.iter().map(|owed| as_json(owed, by_wallet)).collect()),
        Format::Readable => {
            let rows = owed.iter().map(|owed| {
                let amount = money(owed.amount_minor, &owed.currency);
                vec![
                    owed.intent_id.clone(),
                    owed.payer.clone(),
                    amount,
                    owed.state.clone(),
                    next(owed, by_wallet).to_owned(),
                ]
            });
            output::line(&table(
                &["payment", "owed to", ">amount", "state", "next"],
                rows.collect(),
            ));
            if owed.len() == usize::try_from(limit).unwrap_or(usize::MAX)
                && let Some(last) = owed.last()
            {
                output::line(&format!("older: turnpike refund ls --before {}", last.intent_id));
            }
        }
    }
    Ok(Exit::Done)
}

fn as_json(owed: &ObligationRow, by_wallet: bool) -> Value {
    json!({
        "payment_id": owed.intent_id,
        "payer": owed.payer,
        "amount_minor": owed.amount_minor,
        "currency": owed.currency,
        "state": owed.state,
        "next": next(owed, by_wallet),
    })
}

/// What comes of a debt, or what an operator can do about it: in the words of the operator's page.
fn next(owed: &ObligationRow, by_wallet: bool) -> &'static str {
    ObligationState::from_word(&owed.state)
        .map_or("", |state| state.outlook(&owed.currency, by_wallet))
}
