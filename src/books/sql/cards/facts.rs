//! What the card processor says now of a settled charge, booked once however often it is told.

use payments::{
    agent::Payer,
    ids::PaymentId,
    ledger::{Account, Line, Posting, moved},
    money::{Amount, Credits, UsdCents},
    ports::{BooksError, ChargeFacts},
    time::UnixMs,
};
use sqlx::Row;

use super::super::dialect::{Connection, for_update};
use super::super::{
    credits::{self, Entry},
    journal, rows, unavailable,
};
use super::disputes;

/// A settled charge, and what was taken back for it.
pub(super) struct Settled {
    pub(super) id: PaymentId,
    pub(super) payer: Payer,
    paid_cents: u64,
    /// Credits that it bought or that were given for it; one for a launch that was delivered.
    bought: u64,
    /// Of those, what a refund made elsewhere takes back: a delivered launch that is refunded all the same is goodwill.
    refundable: u64,
    /// Of those, taken back for disputes that were not won and for refunds.
    pub(super) taken_back: u64,
    refunded_before_cents: u64,
    refund_credits_before: u64,
    /// Refunds of ours that were asked for or made.
    ours_cents: u64,
    /// What is owed and not on its way.
    due_cents: u64,
}

/// Credits taken back from an account.
pub(super) struct Clawed {
    /// From the balance.
    pub(super) credits: u64,
    /// Spent already: a debt.
    pub(super) owed: u64,
    /// The money that stood behind the ones from the balance.
    pub(super) backing_cents: u64,
}

/// Books what is new. An intent that no charge settled has no facts.
pub(super) async fn book(connection: &mut Connection, id: PaymentId, facts: &ChargeFacts, at: UnixMs) -> Result<(), BooksError> {
    hold(connection, id).await?;
    foreign_refund(connection, id, facts.refunded_cents, at).await?;
    for dispute in &facts.disputes {
        let settled = settled(connection, id).await?;
        disputes::book(connection, &settled, dispute, at).await?;
    }
    Ok(())
}

/// What is told of one charge is booked one after the other.
pub(super) async fn hold(connection: &mut Connection, id: PaymentId) -> Result<(), BooksError> {
    let query = sqlx::query(concat!("SELECT 1 FROM settlements WHERE intent_id = $1", for_update!()));
    query.bind(id.to_string()).fetch_optional(connection).await.map(drop).map_err(unavailable)
}

/// Refunds beyond ours: the money is gone. A debt that was due is paid by it; otherwise credits go back in proportion, and what no credit
/// stood for is lost.
async fn foreign_refund(connection: &mut Connection, id: PaymentId, refunded_cents: u64, at: UnixMs) -> Result<(), BooksError> {
    let settled = settled(connection, id).await?;
    let foreign = refunded_cents.saturating_sub(settled.ours_cents);
    let new = foreign.saturating_sub(settled.refunded_before_cents);
    if new == 0 {
        return Ok(());
    }
    let usd = |cents| Amount::Usd(UsdCents::new(cents));
    let mut lines = Vec::new();
    let mut credits = 0;
    if settled.due_cents > 0 && settled.due_cents <= new {
        pay_debt(connection, id, at).await?;
        extend(&mut lines, id, (Account::RefundDue(settled.payer.clone()), Account::StripeClearing), usd(settled.due_cents))?;
        extend(&mut lines, id, (Account::Loss, Account::StripeClearing), usd(new - settled.due_cents))?;
    } else {
        let due = share_up(settled.refundable, foreign.min(settled.paid_cents), settled.paid_cents);
        let due = due.saturating_sub(settled.refund_credits_before).min(settled.refundable.saturating_sub(settled.taken_back));
        let reference = format!("refund_{foreign}");
        let clawed = claw_back(connection, &settled, due, &reference, at).await?;
        credits = due;
        gone(&mut lines, &settled, Account::StripeClearing, (new, clawed.backing_cents))?;
        extend(&mut lines, id, issued_back(&settled.payer), Amount::Credits(Credits::new(clawed.credits)))?;
    }
    sqlx::query(
        "INSERT INTO foreign_refunds (intent_id, refunded_cents, credits, updated_at_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT (intent_id) DO UPDATE SET refunded_cents = excluded.refunded_cents, credits = foreign_refunds.credits + excluded.credits,
            updated_at_ms = excluded.updated_at_ms",
    )
    .bind(id.to_string())
    .bind(rows::integer(foreign))
    .bind(rows::integer(credits))
    .bind(at.ms())
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    post(connection, id, ("refunded_elsewhere", &foreign.to_string()), lines, at).await
}

async fn settled(connection: &mut Connection, id: PaymentId) -> Result<Settled, BooksError> {
    let row = sqlx::query(
        "SELECT i.payer, s.amount_minor AS paid,
            -- A credit that was given for a refused launch and taken back by its refund is no longer one.
            CASE WHEN i.funding = 'mpp_pack' THEN i.pack_credits
                 WHEN EXISTS (SELECT 1 FROM credit_entries e WHERE e.intent_id = i.id AND e.kind = 'claw_back' AND e.ref = 'refund') THEN 0
                 ELSE 1 END AS bought,
            CAST((SELECT count(*) FROM credit_entries e WHERE e.intent_id = i.id AND e.kind = 'compensation') AS BIGINT) AS compensated,
            CAST(CASE WHEN i.funding = 'mpp_pack' THEN 1 ELSE 0 END AS BIGINT) AS is_pack,
            CAST(coalesce((SELECT sum(credits_clawed + credits_owed) FROM dispute_facts WHERE intent_id = i.id AND state <> 'won'), 0) AS BIGINT) AS disputed,
            coalesce(f.refunded_cents, 0) AS refunded_before, coalesce(f.credits, 0) AS refund_credits,
            coalesce((SELECT amount_minor FROM refunds WHERE intent_id = i.id AND state <> 'refund_failed'), 0) AS ours,
            coalesce((SELECT amount_minor FROM obligations WHERE intent_id = i.id AND state = 'refund_due' AND currency = 'USD'), 0) AS due
         FROM intents i JOIN settlements s ON s.intent_id = i.id LEFT JOIN foreign_refunds f ON f.intent_id = i.id
         WHERE i.id = $1 AND s.stripe_pi IS NOT NULL",
    )
    .bind(id.to_string())
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?
    .ok_or(BooksError::Stale(id))?;
    let number = |column| rows::unsigned(&row, "settlements", column, || id.to_string());
    let payer: String = row.try_get("payer").map_err(unavailable)?;
    let refund_credits_before = number("refund_credits")?;
    let bought = number("bought")?;
    let credited = number("is_pack")? == 1 || number("compensated")? == 1;
    Ok(Settled {
        id,
        payer: payer.parse().map_err(|_| BooksError::Corrupt { table: "intents", column: "payer", key: id.to_string() })?,
        paid_cents: number("paid")?,
        bought,
        refundable: if credited { bought } else { 0 },
        taken_back: number("disputed")?.saturating_add(refund_credits_before),
        refunded_before_cents: number("refunded_before")?,
        refund_credits_before,
        ours_cents: number("ours")?,
        due_cents: number("due")?,
    })
}

impl Settled {
    /// Credits of it that nobody took back yet.
    pub(super) fn left(&self) -> u64 {
        self.bought.saturating_sub(self.taken_back)
    }
}

/// Takes credits back, down to zero; the rest is a debt. With them goes the money behind them.
pub(super) async fn claw_back(
    connection: &mut Connection,
    settled: &Settled,
    due: u64,
    reference: &str,
    at: UnixMs,
) -> Result<Clawed, BooksError> {
    let payer = &settled.payer;
    credits::open(connection, payer).await?;
    let account = credits::held_account(connection, payer).await?;
    let taken = due.min(account.balance.get());
    let owed = due - taken;
    let backing_cents = credits::share_cents(&account, Credits::new(taken));
    let delta = rows::integer(taken).saturating_neg();
    let entry = Entry { payer, delta, kind: "claw_back", intent: Some(settled.id), reference: Some(reference), at };
    credits::enter(connection, &entry).await?;
    credits::move_debt(connection, payer, rows::integer(owed)).await?;
    credits::move_backing(connection, payer, rows::integer(backing_cents).saturating_neg()).await?;
    Ok(Clawed { credits: taken, owed, backing_cents })
}

/// The debit and the credit of credits that exist no longer.
pub(super) fn issued_back(payer: &Payer) -> (Account, Account) {
    (Account::CreditsIssued, Account::CreditsOf(payer.clone()))
}

/// Money that left by `from`, and what stood behind the credits that went with it: that is owed to nobody any more, the rest is lost. Where
/// less money went than stood behind them, the loss becomes less.
pub(super) fn gone(
    lines: &mut Vec<Line>,
    settled: &Settled,
    from: Account,
    (taken_cents, backing_cents): (u64, u64),
) -> Result<(), BooksError> {
    let usd = |cents| Amount::Usd(UsdCents::new(cents));
    extend(lines, settled.id, (Account::Unearned(settled.payer.clone()), from.clone()), usd(backing_cents))?;
    extend(lines, settled.id, (Account::Loss, from.clone()), usd(taken_cents.saturating_sub(backing_cents)))?;
    extend(lines, settled.id, (from, Account::Loss), usd(backing_cents.saturating_sub(taken_cents)))
}

/// Adds the lines of an amount; none for nothing.
pub(super) fn extend(lines: &mut Vec<Line>, id: PaymentId, (debit, credit): (Account, Account), amount: Amount) -> Result<(), BooksError> {
    if amount.minor() != Ok(0) {
        lines.extend(moved(debit, credit, amount).map_err(|_| too_large(id))?);
    }
    Ok(())
}

/// Books a fact by its lines, if it has any.
pub(super) async fn post(
    connection: &mut Connection,
    id: PaymentId,
    (kind, name): (&'static str, &str),
    lines: Vec<Line>,
    at: UnixMs,
) -> Result<(), BooksError> {
    if lines.is_empty() {
        return Ok(());
    }
    journal::post(connection, &Posting::of_lines(id, kind, name, lines).map_err(|_| too_large(id))?, at).await
}

async fn pay_debt(connection: &mut Connection, id: PaymentId, at: UnixMs) -> Result<(), BooksError> {
    let paid = sqlx::query("UPDATE obligations SET state = 'refunded', updated_at_ms = $1 WHERE intent_id = $2 AND state = 'refund_due'")
        .bind(at.ms())
        .bind(id.to_string())
        .execute(connection)
        .await
        .map_err(unavailable)?;
    super::super::transitions::exactly_one(id, &paid)
}

/// `whole * part / of`, rounded up.
fn share_up(whole: u64, part: u64, of: u64) -> u64 {
    let share = u128::from(whole).saturating_mul(u128::from(part)).div_ceil(u128::from(of.max(1)));
    u64::try_from(share).unwrap_or(whole)
}

fn too_large(id: PaymentId) -> BooksError {
    BooksError::Corrupt { table: "dispute_facts", column: "amount_cents", key: id.to_string() }
}
