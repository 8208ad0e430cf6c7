//! Disputes of a charge: the money is taken from us when one is opened, and comes back when it is won.

use payments::{
    ledger::Account,
    money::{Amount, Credits, UsdCents},
    ports::{BooksError, Dispute, DisputeState},
    time::UnixMs,
};

use super::super::dialect::Connection;
use super::super::{
    credits::{self, Entry},
    rows,
    transitions::exactly_one,
    unavailable,
};
use super::facts::{Clawed, Settled, claw_back, extend, gone, issued_back, post};

pub(super) async fn book(connection: &mut Connection, settled: &Settled, told: &Dispute, at: UnixMs) -> Result<(), BooksError> {
    let known = state(connection, &told.id).await?;
    if known.is_none() {
        open(connection, settled, told, at).await?;
    }
    let is_open = known.is_none_or(|word| word == "open");
    match told.state {
        DisputeState::Won if is_open => win(connection, settled, told, at).await,
        DisputeState::Lost if is_open => lose(connection, settled, told, at).await,
        _ => Ok(()),
    }
}

async fn state(connection: &mut Connection, dispute: &str) -> Result<Option<String>, BooksError> {
    let row = sqlx::query("SELECT state FROM dispute_facts WHERE dispute_id = $1")
        .bind(dispute)
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
    row.map(|row| rows::text(&row, "state")).transpose()
}

/// The processor takes the money meanwhile; what the charge bought is taken from the account.
async fn open(connection: &mut Connection, settled: &Settled, told: &Dispute, at: UnixMs) -> Result<(), BooksError> {
    let clawed = claw_back(connection, settled, settled.left(), &told.id, at).await?;
    sqlx::query(
        "INSERT INTO dispute_facts (dispute_id, intent_id, amount_cents, state, credits_clawed, credits_owed, backing_cents, opened_at_ms)
         VALUES ($1, $2, $3, 'open', $4, $5, $6, $7)",
    )
    .bind(&told.id)
    .bind(settled.id.to_string())
    .bind(rows::integer(told.amount_cents))
    .bind(rows::integer(clawed.credits))
    .bind(rows::integer(clawed.owed))
    .bind(rows::integer(clawed.backing_cents))
    .bind(at.ms())
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    let mut lines = Vec::new();
    extend(&mut lines, settled.id, (Account::DisputeReceivable, Account::StripeClearing), usd(told.amount_cents))?;
    extend(&mut lines, settled.id, issued_back(&settled.payer), Amount::Credits(Credits::new(clawed.credits)))?;
    post(connection, settled.id, ("dispute_opened", &told.id), lines, at).await
}

/// Everything goes back: the money to us, the credits to the payer. A debt that was paid meanwhile comes back as credits.
async fn win(connection: &mut Connection, settled: &Settled, told: &Dispute, at: UnixMs) -> Result<(), BooksError> {
    let (amount_cents, clawed) = close(connection, settled, told, "won", at).await?;
    let payer = &settled.payer;
    let forgiven = credits::pay_debt(connection, payer, Credits::new(clawed.owed)).await?.get();
    let restored = clawed.credits.saturating_add(clawed.owed - forgiven);
    let delta = rows::integer(restored);
    let entry = Entry { payer, delta, kind: "restore", intent: Some(settled.id), reference: Some(&told.id), at };
    credits::enter(connection, &entry).await?;
    credits::move_backing(connection, payer, rows::integer(clawed.backing_cents)).await?;
    let mut lines = Vec::new();
    extend(&mut lines, settled.id, (Account::StripeClearing, Account::DisputeReceivable), usd(amount_cents))?;
    let (issued, of_payer) = issued_back(payer);
    extend(&mut lines, settled.id, (of_payer, issued), Amount::Credits(Credits::new(restored)))?;
    post(connection, settled.id, ("dispute_won", &told.id), lines, at).await
}

/// The money stays gone. What stood behind the credits that were taken is owed to nobody any more; the rest is lost.
async fn lose(connection: &mut Connection, settled: &Settled, told: &Dispute, at: UnixMs) -> Result<(), BooksError> {
    let (amount_cents, clawed) = close(connection, settled, told, "lost", at).await?;
    let mut lines = Vec::new();
    gone(&mut lines, settled, Account::DisputeReceivable, (amount_cents, clawed.backing_cents))?;
    post(connection, settled.id, ("dispute_lost", &told.id), lines, at).await
}

/// Closes the dispute once; says what it took when it was opened.
async fn close(
    connection: &mut Connection,
    settled: &Settled,
    told: &Dispute,
    word: &'static str,
    at: UnixMs,
) -> Result<(u64, Clawed), BooksError> {
    let closed =
        sqlx::query("UPDATE dispute_facts SET state = $1, closed_at_ms = $2 WHERE dispute_id = $3 AND intent_id = $4 AND state = 'open'")
            .bind(word)
            .bind(at.ms())
            .bind(&told.id)
            .bind(settled.id.to_string())
            .execute(&mut *connection)
            .await
            .map_err(unavailable)?;
    exactly_one(settled.id, &closed)?;
    let row = sqlx::query("SELECT amount_cents, credits_clawed, credits_owed, backing_cents FROM dispute_facts WHERE dispute_id = $1")
        .bind(&told.id)
        .fetch_one(connection)
        .await
        .map_err(unavailable)?;
    let number = |column| rows::unsigned(&row, "dispute_facts", column, || told.id.clone());
    let clawed = Clawed { credits: number("credits_clawed")?, owed: number("credits_owed")?, backing_cents: number("backing_cents")? };
    Ok((number("amount_cents")?, clawed))
}

fn usd(cents: u64) -> Amount {
    Amount::Usd(UsdCents::new(cents))
}
