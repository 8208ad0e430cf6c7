//! A settled charge as the books have it, and how it is read.

use payments::{
    agent::Payer,
    ids::PaymentId,
    ports::BooksError,
    standing::{ChargeMoney, Purchase, TakenBack},
};
use sqlx::Row;

use super::super::super::{dialect::Connection, rows, unavailable};

/// A settled charge, what became of its money, and what was taken back for it.
pub(in super::super) struct Settled {
    pub(in super::super) id: PaymentId,
    pub(in super::super) payer: Payer,
    pub(in super::super) money: ChargeMoney,
    pub(super) purchase: Purchase,
    pub(super) taken: TakenBack,
    /// Refunds that were not asked for by us, and how often their sum fell.
    pub(super) foreign_cents: u64,
    pub(super) falls: u64,
    /// What of them paid a debt of ours.
    pub(super) foreign_debt_cents: u64,
}

pub(in super::super) async fn settled(
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
    pub(in super::super) fn falls(&self) -> u64 {
        self.falls
    }

    /// Whether what the charge bought was taken back, in part at least.
    pub(in super::super) fn is_credit_taken(&self) -> bool {
        self.taken.clawed > 0 || self.taken.owed > 0
    }

    /// What refunds made elsewhere gave back and no debt of ours was paid by.
    pub(super) fn beyond_debt_cents(&self) -> u64 {
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
