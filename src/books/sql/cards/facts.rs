//! What the card processor says now of a settled charge, booked once however often it is told.

use payments::{
    agent::Payer,
    ids::PaymentId,
    ledger::{ChargeEvent, ChargeMoves, Posting},
    ports::{BooksError, ChargeFacts},
    standing::{ChargeMoney, Purchase, TakenBack},
    time::UnixMs,
};
use sqlx::Row;

use super::super::dialect::{Connection, for_update};
use super::super::{
    credits::{self, Entry},
    journal, rows, unavailable,
};
use super::{blocks, disputes, findings, foreign_debt};

/// A settled charge, what became of its money, and what was taken back for it.
pub(super) struct Settled {
    pub(super) id: PaymentId,
    pub(super) payer: Payer,
    pub(super) money: ChargeMoney,
    purchase: Purchase,
    taken: TakenBack,
    /// Refunds that were not asked for by us, and how often their sum fell.
    foreign_cents: u64,
    falls: u64,
    /// What of them paid a debt of ours.
    foreign_debt_cents: u64,
}

/// What happened to a charge: its name, and what it moves, in cents.
pub(super) struct Fact<'a> {
    pub(super) event: ChargeEvent,
    pub(super) name: &'a str,
    /// What names the entries of credits.
    pub(super) reference: &'a str,
    pub(super) cash: i64,
    pub(super) receivable: i64,
    /// A debt of ours that it pays; below zero where it is due again.
    pub(super) debt_paid: i64,
}

/// Books what is new, in the transaction that holds the charge. An intent that no charge settled
/// has no facts.
pub(super) async fn book(
    connection: &mut Connection,
    id: PaymentId,
    facts: &ChargeFacts,
    at: UnixMs,
) -> Result<(), BooksError> {
    if facts.unrecognised.is_empty() {
        foreign_refund(connection, id, facts, at).await?;
    }
    for dispute in &facts.disputes {
        disputes::book(connection, id, dispute, at).await?;
    }
    for warning in &facts.warnings {
        let settled = settled(connection, id).await?;
        blocks::begin(
            connection,
            &settled,
            blocks::Cause::FraudWarning,
            (&warning.id, &warning.kind),
            at,
        )
        .await?;
    }
    Ok(())
}

/// What is told of one charge is booked one after the other.
pub(super) async fn hold(connection: &mut Connection, id: PaymentId) -> Result<(), BooksError> {
    let query =
        sqlx::query(concat!("SELECT 1 FROM settlements WHERE intent_id = $1", for_update!()));
    query.bind(id.to_string()).fetch_optional(connection).await.map(drop).map_err(unavailable)
}

/// Refunds beyond ours: the money is gone, or back where one failed. It pays what is owed first,
/// and owes it again; otherwise credits go in proportion, and what no credit stood for is lost.
async fn foreign_refund(
    connection: &mut Connection,
    id: PaymentId,
    facts: &ChargeFacts,
    at: UnixMs,
) -> Result<(), BooksError> {
    let before = settled(connection, id).await?;
    let foreign = facts.refunded_cents.saturating_sub(facts.ours_cents);
    let is_fall = foreign < before.foreign_cents;
    if foreign == before.foreign_cents {
        return Ok(());
    }
    let new = rows::integer(foreign).saturating_sub(rows::integer(before.foreign_cents));
    let falls = before.falls.saturating_add(u64::from(is_fall));
    let debt_paid = if is_fall {
        let back = before.foreign_cents - foreign;
        let due = back.saturating_sub(before.beyond_debt_cents());
        foreign_debt::owe_again(connection, id, due, at).await?;
        if due > 0 {
            findings::foreign_refund_failed(connection, id, due, falls, at).await?;
        }
        rows::integer(due).saturating_neg()
    } else {
        rows::integer(
            foreign_debt::pay(connection, id, foreign - before.foreign_cents, facts.ours_cents, at)
                .await?,
        )
    };
    save_refund(
        connection,
        id,
        foreign,
        before.foreign_debt_cents.saturating_add_signed(debt_paid),
        at,
    )
    .await?;
    let name = if falls == 0 { foreign.to_string() } else { format!("{foreign}.{falls}") };
    let reference = format!("refund_{name}");
    let fact = Fact {
        event: ChargeEvent::RefundedElsewhere,
        name: &name,
        reference: &reference,
        cash: new.saturating_neg(),
        receivable: 0,
        debt_paid,
    };
    settle(connection, id, &fact, falls, at).await
}

/// A debt that is due, or due again, under this name: what went back elsewhere before, or to the
/// bank, and was booked as a loss, pays it.
pub(super) async fn pay_from_loss(
    connection: &mut Connection,
    id: PaymentId,
    name: &str,
    at: UnixMs,
) -> Result<(), BooksError> {
    if !foreign_debt::is_lossy(connection, id).await? {
        return Ok(());
    }
    let before = settled(connection, id).await?;
    if before.taken != TakenBack::default() {
        return Ok(());
    }
    let lost = before.beyond_debt_cents();
    let elsewhere =
        if lost == 0 { 0 } else { foreign_debt::pay(connection, id, lost, 0, at).await? };
    if elsewhere > 0 {
        save_refund(
            connection,
            id,
            before.foreign_cents,
            before.foreign_debt_cents.saturating_add(elsewhere),
            at,
        )
        .await?;
    }
    let paid = elsewhere.saturating_add(disputes::pay_from_lost(connection, id, at).await?);
    if paid == 0 {
        return Ok(());
    }
    let fact = Fact {
        event: ChargeEvent::LossPaidDebt,
        name,
        reference: name,
        cash: 0,
        receivable: 0,
        debt_paid: rows::integer(paid),
    };
    settle(connection, id, &fact, before.falls, at).await
}

async fn save_refund(
    connection: &mut Connection,
    id: PaymentId,
    foreign: u64,
    debt_cents: u64,
    at: UnixMs,
) -> Result<(), BooksError> {
    if foreign == 0 {
        let none =
            sqlx::query("DELETE FROM foreign_refunds WHERE intent_id = $1").bind(id.to_string());
        return none.execute(connection).await.map(drop).map_err(unavailable);
    }
    sqlx::query(
        "INSERT INTO foreign_refunds (intent_id, refunded_cents, credits, debt_cents, updated_at_ms) VALUES ($1, $2, 0, $3, $4)
         ON CONFLICT (intent_id) DO UPDATE SET refunded_cents = excluded.refunded_cents, debt_cents = excluded.debt_cents,
            updated_at_ms = excluded.updated_at_ms",
    )
    .bind(id.to_string())
    .bind(rows::integer(foreign))
    .bind(rows::integer(debt_cents))
    .bind(at.ms())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

/// Brings the account in line with the money as it is saved now, and books the fact.
pub(super) async fn settle(
    connection: &mut Connection,
    id: PaymentId,
    fact: &Fact<'_>,
    falls: u64,
    at: UnixMs,
) -> Result<(), BooksError> {
    let settled = settled(connection, id).await?;
    let payer = &settled.payer;
    credits::open(connection, payer).await?;
    let account = credits::held_account(connection, payer).await?;
    let step = settled.money.adjust(settled.purchase, settled.taken, &account);
    let (clawed, restored) = (rows::integer(step.claw), rows::integer(step.restore));
    let entry = |delta, kind| Entry {
        payer,
        delta,
        kind,
        intent: Some(id),
        reference: Some(fact.reference),
        at,
    };
    credits::enter(connection, &entry(clawed.saturating_neg(), "claw_back")).await?;
    credits::enter(connection, &entry(restored, "restore")).await?;
    credits::move_debt(
        connection,
        payer,
        rows::integer(step.owe).saturating_sub(rows::integer(step.forgive)),
    )
    .await?;
    credits::move_backing(connection, payer, step.backing_cents).await?;
    save_taken(connection, id, &step.after, falls, at).await?;
    let moves = ChargeMoves {
        cash_cents: fact.cash,
        receivable_cents: fact.receivable,
        debt_paid_cents: fact.debt_paid,
        unearned_cents: step.unearned_cents,
        credits_back: restored.saturating_sub(clawed),
    };
    match Posting::of_charge(id, fact.event, fact.name, payer, moves).map_err(|_| too_large(id))? {
        Some(posting) => journal::post(connection, &posting, at).await,
        None => Ok(()),
    }
}

async fn save_taken(
    connection: &mut Connection,
    id: PaymentId,
    taken: &TakenBack,
    falls: u64,
    at: UnixMs,
) -> Result<(), BooksError> {
    sqlx::query(
        "INSERT INTO charge_credits (intent_id, clawed, owed, held_cents, used_cents, refund_falls, updated_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (intent_id) DO UPDATE SET clawed = excluded.clawed, owed = excluded.owed, held_cents = excluded.held_cents,
            used_cents = excluded.used_cents, refund_falls = excluded.refund_falls, updated_at_ms = excluded.updated_at_ms",
    )
    .bind(id.to_string())
    .bind(rows::integer(taken.clawed))
    .bind(rows::integer(taken.owed))
    .bind(rows::integer(taken.held_cents))
    .bind(rows::integer(taken.used_cents))
    .bind(rows::integer(falls))
    .bind(at.ms())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

pub(super) async fn settled(
    connection: &mut Connection,
    id: PaymentId,
) -> Result<Settled, BooksError> {
    let row = sqlx::query(SETTLED)
        .bind(id.to_string())
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
    let row = row.ok_or(BooksError::Stale(id))?;
    let number = |column| rows::unsigned(&row, "settlements", column, || id.to_string());
    let payer: String = row.try_get("payer").map_err(unavailable)?;
    let purchase = match (number("pack_credits")?, number("compensated")?, number("uncompensated")?)
    {
        (0, _, 1..) => Purchase::Nothing,
        // A refused call whose money is owed bought nothing.
        (0, 0, 0) if number("owed_in_money")? > 0 => Purchase::Nothing,
        (0, 0, 0) => Purchase::Delivered,
        (0, _, 0) => Purchase::Credits(1),
        (bought, ..) => Purchase::Credits(bought),
    };
    Ok(Settled {
        id,
        payer: payer.parse().map_err(|_| BooksError::Corrupt {
            table: "intents",
            column: "payer",
            key: id.to_string(),
        })?,
        money: ChargeMoney {
            paid: number("paid")?,
            refunded: number("foreign_cents")?.saturating_add(number("ours")?),
            dispute_open: number("dispute_open")?,
            dispute_lost: number("dispute_lost")?,
        },
        purchase,
        taken: TakenBack {
            clawed: number("clawed")?,
            owed: number("owed")?,
            held_cents: number("held_cents")?,
            used_cents: number("used_cents")?,
        },
        foreign_cents: number("foreign_cents")?,
        falls: number("falls")?,
        foreign_debt_cents: number("foreign_debt")?,
    })
}

impl Settled {
    pub(super) fn falls(&self) -> u64 {
        self.falls
    }

    /// Whether what the charge bought was taken back, in part at least.
    pub(super) fn is_credit_taken(&self) -> bool {
        self.taken.clawed > 0 || self.taken.owed > 0
    }

    /// What refunds made elsewhere gave back and no debt of ours was paid by.
    fn beyond_debt_cents(&self) -> u64 {
        self.foreign_cents.saturating_sub(self.foreign_debt_cents)
    }
}

/// What an older program took is in the rows of the disputes and of the refunds.
const SETTLED: &str =
    "SELECT i.payer, s.amount_minor AS paid, coalesce(i.pack_credits, 0) AS pack_credits,
        CAST((SELECT count(*) FROM credit_entries e WHERE e.intent_id = i.id AND e.kind = 'compensation') AS BIGINT) AS compensated,
        -- A credit that was given for a refused launch and taken back by its refund is no longer one, unless it was given again.
        CAST((SELECT coalesce(sum(CASE WHEN e.kind = 'claw_back' THEN 1 ELSE -1 END), 0) FROM credit_entries e WHERE e.intent_id = i.id
            AND (e.kind = 'claw_back' AND (e.ref = 'refund' OR e.ref LIKE 'approval%') OR e.kind = 'restore' AND e.ref LIKE 'approval%'))
            AS BIGINT) AS uncompensated,
        CAST(CASE WHEN i.state = 'rejected' AND i.if_refused = 'owed' THEN 1 ELSE 0 END AS BIGINT) AS owed_in_money,
        CAST(coalesce((SELECT sum(amount_cents) FROM dispute_facts WHERE intent_id = i.id AND state = 'open'), 0) AS BIGINT) AS dispute_open,
        CAST(coalesce((SELECT sum(amount_cents) FROM dispute_facts WHERE intent_id = i.id AND state = 'lost'), 0) AS BIGINT) AS dispute_lost,
        CAST(coalesce(c.clawed, (SELECT sum(credits_clawed) FROM dispute_facts WHERE intent_id = i.id AND state <> 'won') + coalesce(f.credits, 0), f.credits, 0) AS BIGINT) AS clawed,
        CAST(coalesce(c.owed, (SELECT sum(credits_owed) FROM dispute_facts WHERE intent_id = i.id AND state <> 'won'), 0) AS BIGINT) AS owed,
        CAST(coalesce(c.held_cents, (SELECT sum(backing_cents) FROM dispute_facts WHERE intent_id = i.id AND state = 'open'), 0) AS BIGINT) AS held_cents,
        CAST(coalesce(c.used_cents, (SELECT sum(backing_cents) FROM dispute_facts WHERE intent_id = i.id AND state = 'lost'), 0) AS BIGINT) AS used_cents,
        coalesce(c.refund_falls, 0) AS falls, coalesce(f.refunded_cents, 0) AS foreign_cents,
        coalesce((SELECT amount_minor FROM refunds WHERE intent_id = i.id AND state <> 'refund_failed'), 0) AS ours,
        coalesce(f.debt_cents, 0) AS foreign_debt
     FROM intents i JOIN settlements s ON s.intent_id = i.id
        LEFT JOIN foreign_refunds f ON f.intent_id = i.id LEFT JOIN charge_credits c ON c.intent_id = i.id
     WHERE i.id = $1 AND s.stripe_pi IS NOT NULL";

pub(super) fn too_large(id: PaymentId) -> BooksError {
    BooksError::Corrupt { table: "dispute_facts", column: "amount_cents", key: id.to_string() }
}
