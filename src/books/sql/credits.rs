//! Credits: the account of a payer, and the entries that alone change its balance.

use payments::{
    agent::Payer,
    ids::PaymentId,
    intent::ReturnedCredits,
    ledger::Posting,
    money::{Credits, UsdCents},
    ports::{BooksError, CreditAccount},
    time::UnixMs,
};

use super::dialect::{Connection, Done, for_update};
use super::{journal, rows, unavailable};

/// One change of a balance.
pub(super) struct Entry<'a> {
    pub(super) payer: &'a Payer,
    /// What it adds, or takes.
    pub(super) delta: i64,
    pub(super) kind: &'static str,
    /// The payment that it belongs to.
    pub(super) intent: Option<PaymentId>,
    /// A pack, a dispute, or an operator's reason.
    pub(super) reference: Option<&'a str>,
    pub(super) at: UnixMs,
}

/// A payer's account; nothing at all for one that the books never met.
pub(super) async fn account(
    connection: &mut Connection,
    payer: &Payer,
) -> Result<CreditAccount, BooksError> {
    read(
        connection,
        payer,
        "SELECT balance, debt, backing_cents FROM credit_accounts WHERE payer = $1",
    )
    .await
}

/// The same for a change that is decided by it: it stays as it is until the change ends.
pub(super) async fn held_account(
    connection: &mut Connection,
    payer: &Payer,
) -> Result<CreditAccount, BooksError> {
    read(
        connection,
        payer,
        concat!(
            "SELECT balance, debt, backing_cents FROM credit_accounts WHERE payer = $1",
            for_update!()
        ),
    )
    .await
}

async fn read(
    connection: &mut Connection,
    payer: &Payer,
    select: &'static str,
) -> Result<CreditAccount, BooksError> {
    let key = payer.to_string();
    let row =
        sqlx::query(select).bind(&key).fetch_optional(connection).await.map_err(unavailable)?;
    let Some(row) = row else { return Ok(CreditAccount::default()) };
    let number = |column| rows::unsigned(&row, "credit_accounts", column, || key.clone());
    Ok(CreditAccount {
        balance: Credits::new(number("balance")?),
        debt: Credits::new(number("debt")?),
        backing_cents: number("backing_cents")?,
    })
}

/// Makes the account where there is none.
pub(super) async fn open(connection: &mut Connection, payer: &Payer) -> Result<(), BooksError> {
    sqlx::query(
        "INSERT INTO credit_accounts (payer, balance) SELECT $1, 0 WHERE NOT EXISTS (SELECT 1 FROM credit_accounts WHERE payer = $1)
         ON CONFLICT DO NOTHING",
    )
    .bind(payer.to_string())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

/// Writes an entry; the account follows it, and the database refuses a balance below zero. An entry
/// of nothing is none.
pub(super) async fn enter(
    connection: &mut Connection,
    entry: &Entry<'_>,
) -> Result<(), BooksError> {
    if entry.delta == 0 {
        return Ok(());
    }
    held_account(connection, entry.payer).await?;
    let entered = sqlx::query(
        "INSERT INTO credit_entries (payer, delta, kind, intent_id, ref, balance_after, at_ms)
         SELECT payer, $1, $2, $3, $4, balance + $1, $5 FROM credit_accounts WHERE payer = $6",
    )
    .bind(entry.delta)
    .bind(entry.kind)
    .bind(entry.intent.map(|id| id.to_string()))
    .bind(entry.reference)
    .bind(entry.at.ms())
    .bind(entry.payer.to_string())
    .execute(connection)
    .await
    .map_err(unavailable)?;
    one_account(entry.payer, &entered)
}

/// Gives back the credits that a refused call had taken, with the money behind them.
pub(super) async fn give_back(
    connection: &mut Connection,
    payer: &Payer,
    intent: PaymentId,
    returned: ReturnedCredits,
    at: UnixMs,
) -> Result<(), BooksError> {
    let delta = rows::integer(returned.count.get());
    enter(
        connection,
        &Entry { payer, delta, kind: "refund", intent: Some(intent), reference: None, at },
    )
    .await?;
    move_backing(connection, payer, rows::integer(returned.backing.get())).await
}

/// One credit for a paid launch that was refused.
pub(super) async fn compensate(
    connection: &mut Connection,
    payer: &Payer,
    intent: PaymentId,
    backing: UsdCents,
    at: UnixMs,
) -> Result<(), BooksError> {
    open(connection, payer).await?;
    enter(
        connection,
        &Entry { payer, delta: 1, kind: "compensation", intent: Some(intent), reference: None, at },
    )
    .await?;
    move_backing(connection, payer, rows::integer(backing.get())).await
}

/// A pack's credits: a debt of the account is paid from them first. Says the balance after.
pub(super) async fn grant(
    connection: &mut Connection,
    payer: &Payer,
    intent: PaymentId,
    credits: Credits,
    backing: UsdCents,
    at: UnixMs,
) -> Result<Credits, BooksError> {
    open(connection, payer).await?;
    let paid = pay_debt(connection, payer, credits).await?;
    if paid != Credits::ZERO {
        // All of the pack was issued; what paid the debt is gone again.
        let posting =
            Posting::credit_debt_paid(intent, payer, paid).map_err(|_| too_large(payer))?;
        journal::post(connection, &posting, at).await?;
    }
    let rest = credits.checked_sub(paid).unwrap_or(Credits::ZERO);
    let reference = format!("pack_{credits}");
    let delta = rows::integer(rest.get());
    enter(
        connection,
        &Entry {
            payer,
            delta,
            kind: "grant",
            intent: Some(intent),
            reference: Some(&reference),
            at,
        },
    )
    .await?;
    move_backing(connection, payer, rows::integer(backing.get())).await?;
    Ok(account(connection, payer).await?.balance)
}

/// Pays as much of the account's debt as the credits cover; says how many that took.
pub(super) async fn pay_debt(
    connection: &mut Connection,
    payer: &Payer,
    credits: Credits,
) -> Result<Credits, BooksError> {
    let paid = held_account(connection, payer).await?.debt.min(credits);
    move_debt(connection, payer, rows::integer(paid.get()).saturating_neg()).await?;
    Ok(paid)
}

/// Moves the debt of an account; the database refuses one below zero.
pub(super) async fn move_debt(
    connection: &mut Connection,
    payer: &Payer,
    delta: i64,
) -> Result<(), BooksError> {
    let query = sqlx::query("UPDATE credit_accounts SET debt = debt + $1 WHERE payer = $2");
    let changed =
        query.bind(delta).bind(payer.to_string()).execute(connection).await.map_err(unavailable)?;
    one_account(payer, &changed)
}

/// Moves the money behind an account's credits; the database refuses less than none.
pub(super) async fn move_backing(
    connection: &mut Connection,
    payer: &Payer,
    delta_cents: i64,
) -> Result<(), BooksError> {
    let query = sqlx::query(
        "UPDATE credit_accounts SET backing_cents = backing_cents + $1 WHERE payer = $2",
    );
    let changed = query
        .bind(delta_cents)
        .bind(payer.to_string())
        .execute(connection)
        .await
        .map_err(unavailable)?;
    one_account(payer, &changed)
}

fn one_account(payer: &Payer, result: &Done) -> Result<(), BooksError> {
    if result.rows_affected() == 1 {
        return Ok(());
    }
    Err(BooksError::Corrupt { table: "credit_accounts", column: "payer", key: payer.to_string() })
}

pub(super) fn too_large(payer: &Payer) -> BooksError {
    BooksError::Corrupt { table: "credit_entries", column: "delta", key: payer.to_string() }
}
