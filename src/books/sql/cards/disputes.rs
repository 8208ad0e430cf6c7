//! Disputes of a charge: the money is taken from us when one is opened, comes back when it is won,
//! and is gone when it is lost; what was lost may still be won. A debt of ours to the payer that
//! the lost money has paid is closed, and due again when the money comes back.

mod lost;

pub(super) use lost::pay_from_lost;

use payments::{
    ids::PaymentId,
    ledger::ChargeEvent,
    ports::{BooksError, Dispute, DisputeState},
    time::UnixMs,
};

use super::{
    super::{dialect::Connection, rows, transitions::exactly_one, unavailable},
    blocks,
    facts::{Fact, settle, settled},
    foreign_debt,
};

/// A dispute as it is booked.
struct Booked {
    state: Stage,
    amount_cents: i64,
    changes: u64,
    debt_paid_cents: i64,
}

/// Where the money of a booked dispute is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// With the bank, not decided.
    Open,
    /// With us.
    Won,
    /// Gone.
    Lost,
}

impl Stage {
    const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }
}

/// Books what is new of a dispute.
pub(super) async fn book(
    connection: &mut Connection,
    id: PaymentId,
    told: &Dispute,
    at: UnixMs,
) -> Result<(), BooksError> {
    note(connection, id, told, at).await?;
    let to = match told.state {
        // No money moves, or nobody knows whether any did.
        DisputeState::Inquiry | DisputeState::Unrecognised => return Ok(()),
        DisputeState::Open => Stage::Open,
        DisputeState::Won => Stage::Won,
        DisputeState::Lost => Stage::Lost,
    };
    let known = match known(connection, &told.id).await? {
        Some(known) => known,
        None => open(connection, id, told, at).await?,
    };
    match (known.state, to) {
        (Stage::Open, Stage::Won | Stage::Lost) | (Stage::Lost, Stage::Won) => {
            change(connection, id, told, &known, to, at).await?
        }
        // Once; what was lost, won and is said to be lost is an old word.
        (Stage::Won, Stage::Lost) if known.changes == 1 => {
            change(connection, id, told, &known, to, at).await?
        }
        // What is decided is not open again: an old word.
        (Stage::Won | Stage::Lost, Stage::Open)
        | (Stage::Won, Stage::Lost | Stage::Won)
        | (Stage::Open, Stage::Open)
        | (Stage::Lost, Stage::Lost) => {}
    }
    Ok(())
}

/// What the processor said last.
async fn note(
    connection: &mut Connection,
    id: PaymentId,
    told: &Dispute,
    at: UnixMs,
) -> Result<(), BooksError> {
    let state = match told.state {
        DisputeState::Inquiry => "inquiry",
        DisputeState::Open => "open",
        DisputeState::Won => "won",
        DisputeState::Lost => "lost",
        DisputeState::Unrecognised => "unrecognised",
    };
    sqlx::query(
        "INSERT INTO dispute_notes (dispute_id, intent_id, amount_cents, state, status, reason, due_by_ms, opened_at_ms, noted_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
         ON CONFLICT (dispute_id) DO UPDATE SET amount_cents = excluded.amount_cents, state = excluded.state, status = excluded.status,
            reason = excluded.reason, due_by_ms = excluded.due_by_ms, noted_at_ms = excluded.noted_at_ms
         WHERE dispute_notes.noted_at_ms <= excluded.noted_at_ms
            AND (dispute_notes.state <> excluded.state OR dispute_notes.status <> excluded.status
              OR coalesce(dispute_notes.due_by_ms, 0) <> coalesce(excluded.due_by_ms, 0) OR dispute_notes.amount_cents <> excluded.amount_cents)",
    )
    .bind(&told.id)
    .bind(id.to_string())
    .bind(rows::integer(told.amount_cents))
    .bind(state)
    .bind(&told.status)
    .bind(&told.reason)
    .bind(told.due_by.map(UnixMs::ms))
    .bind(at.ms())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

async fn known(connection: &mut Connection, dispute: &str) -> Result<Option<Booked>, BooksError> {
    let row = sqlx::query("SELECT state, amount_cents, changes, debt_paid_cents FROM dispute_facts WHERE dispute_id = $1")
        .bind(dispute)
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
    let Some(row) = row else { return Ok(None) };
    let word = rows::text(&row, "state")?;
    let state =
        [Stage::Open, Stage::Won, Stage::Lost].into_iter().find(|stage| stage.word() == word);
    Ok(Some(Booked {
        state: state.ok_or_else(|| BooksError::Corrupt {
            table: "dispute_facts",
            column: "state",
            key: dispute.to_owned(),
        })?,
        amount_cents: rows::int(&row, "amount_cents")?,
        changes: rows::unsigned(&row, "dispute_facts", "changes", || dispute.to_owned())?,
        debt_paid_cents: rows::int(&row, "debt_paid_cents")?,
    }))
}

/// The processor takes the money meanwhile; its share of what the charge bought is taken from the
/// account.
async fn open(
    connection: &mut Connection,
    id: PaymentId,
    told: &Dispute,
    at: UnixMs,
) -> Result<Booked, BooksError> {
    let amount_cents = rows::integer(told.amount_cents);
    sqlx::query(
        "INSERT INTO dispute_facts (dispute_id, intent_id, amount_cents, state, credits_clawed, credits_owed, backing_cents, opened_at_ms)
         VALUES ($1, $2, $3, 'open', 0, 0, 0, $4)",
    )
    .bind(&told.id)
    .bind(id.to_string())
    .bind(amount_cents)
    .bind(at.ms())
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    let fact = Fact {
        event: ChargeEvent::DisputeOpened,
        name: &told.id,
        reference: &told.id,
        cash: amount_cents.saturating_neg(),
        receivable: amount_cents,
        debt_paid: 0,
    };
    book_fact(connection, id, &fact, at).await?;
    Ok(Booked { state: Stage::Open, amount_cents, changes: 0, debt_paid_cents: 0 })
}

async fn book_fact(
    connection: &mut Connection,
    id: PaymentId,
    fact: &Fact<'_>,
    at: UnixMs,
) -> Result<(), BooksError> {
    let falls = settled(connection, id).await?.falls();
    settle(connection, id, fact, falls, at).await
}

/// Closes a dispute, or turns a closed one.
async fn change(
    connection: &mut Connection,
    id: PaymentId,
    told: &Dispute,
    known: &Booked,
    to: Stage,
    at: UnixMs,
) -> Result<(), BooksError> {
    let amount = known.amount_cents;
    let (cash, receivable) = match (known.state, to) {
        (Stage::Open, Stage::Won) => (amount, amount.saturating_neg()),
        (Stage::Open, _) => (0, amount.saturating_neg()),
        (Stage::Lost, _) => (amount, 0),
        (Stage::Won, _) => (amount.saturating_neg(), 0),
    };
    let debt_paid = match to {
        Stage::Lost => rows::integer(
            foreign_debt::pay(connection, id, amount.unsigned_abs(), u64::MAX, at).await?,
        ),
        Stage::Won | Stage::Open => {
            foreign_debt::owe_again(connection, id, known.debt_paid_cents.unsigned_abs(), at)
                .await?;
            known.debt_paid_cents.saturating_neg()
        }
    };
    let changes = known.changes.saturating_add(1);
    let closed = sqlx::query(
        "UPDATE dispute_facts SET state = $1, closed_at_ms = $2, changes = $3, debt_paid_cents = $4
         WHERE dispute_id = $5 AND intent_id = $6 AND state = $7 AND changes = $8",
    )
    .bind(to.word())
    .bind(at.ms())
    .bind(rows::integer(changes))
    .bind(debt_paid.max(0))
    .bind(&told.id)
    .bind(id.to_string())
    .bind(known.state.word())
    .bind(rows::integer(known.changes))
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    exactly_one(id, &closed)?;
    let name = if changes == 1 { told.id.clone() } else { format!("{}.{changes}", told.id) };
    let event = if to == Stage::Lost { ChargeEvent::DisputeLost } else { ChargeEvent::DisputeWon };
    book_fact(
        connection,
        id,
        &Fact { event, name: &name, reference: &name, cash, receivable, debt_paid },
        at,
    )
    .await?;
    let payment = settled(connection, id).await?;
    match to {
        Stage::Lost => {
            blocks::begin(
                connection,
                &payment,
                blocks::Cause::Chargeback,
                &told.id,
                &told.reason,
                at,
            )
            .await?;
        }
        Stage::Won | Stage::Open => {
            blocks::end(connection, &payment, blocks::Cause::Chargeback, &told.id, at).await?
        }
    }
    Ok(())
}

/// Whether the bank holds money of the payment.
pub(super) async fn any_open(
    connection: &mut Connection,
    id: PaymentId,
) -> Result<bool, BooksError> {
    let row =
        sqlx::query("SELECT 1 FROM dispute_facts WHERE intent_id = $1 AND state = 'open' LIMIT 1")
            .bind(id.to_string());
    Ok(row.fetch_optional(connection).await.map_err(unavailable)?.is_some())
}
