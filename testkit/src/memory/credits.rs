//! Credits, in memory.

use super::tables::{Obligation, Tables, refused_by_key};
use payments::{
    agent::Payer,
    ids::PaymentId,
    money::{Credits, UsdCents},
    obligation::ObligationState,
    ports::{BooksError, CreditAccount},
    time::UnixMs,
};

/// Takes credits, with the money behind them, for a call.
pub(super) fn deduct(
    tables: &mut Tables,
    payer: &Payer,
    intent: PaymentId,
    count: Credits,
    backing: UsdCents,
) -> Result<(), BooksError> {
    let account = tables.credits.entry(payer.clone()).or_default();
    account.balance =
        account.balance.checked_sub(count).ok_or(refused_by_key("credit_accounts"))?;
    account.backing_cents = account
        .backing_cents
        .checked_sub(backing.get())
        .ok_or(refused_by_key("credit_accounts"))?;
    enter(tables, "deduct", intent)
}

/// Adds credits with the money behind them.
pub(super) fn add(
    tables: &mut Tables,
    payer: &Payer,
    credits: Credits,
    backing: UsdCents,
    kind: &'static str,
    intent: PaymentId,
) -> Result<CreditAccount, BooksError> {
    let account = tables.credits.entry(payer.clone()).or_default();
    account.balance =
        account.balance.checked_add(credits).ok_or(refused_by_key("credit_accounts"))?;
    account.backing_cents = account
        .backing_cents
        .checked_add(backing.get())
        .ok_or(refused_by_key("credit_accounts"))?;
    let after = *account;
    enter(tables, kind, intent)?;
    Ok(after)
}

/// The debt of a paid launch that was refused, paid at once with a credit.
pub(super) fn compensated(
    tables: &mut Tables,
    id: PaymentId,
    at: UnixMs,
) -> Result<(), BooksError> {
    let intent = &tables.row(id)?.intent;
    let (payer, amount) = (intent.payer.clone(), intent.price);
    let state = ObligationState::Used;
    let owed = Obligation {
        payer,
        amount,
        state,
        reserved_by: Some(id),
        entitled_until: at,
        created_at: at,
        part_of: None,
    };
    tables.obligations.insert(id, owed);
    Ok(())
}

/// Each fact changes a balance once.
fn enter(tables: &mut Tables, kind: &'static str, intent: PaymentId) -> Result<(), BooksError> {
    if tables.credit_entries.insert((intent, kind)) {
        Ok(())
    } else {
        Err(refused_by_key("credit_entries"))
    }
}
