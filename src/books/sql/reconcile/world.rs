//! What the books hold of each thing that the chain, the card processor and the upstream list.

use payments::{
    ids::PaymentId,
    intent::{EndedBy, State},
    money::UsdcUnits,
    ports::{
        BookedCharge, BookedLaunch, BookedTransfer, BooksError, ClaimedAuthorization, InTransit,
        KnownCharge, Receiver, Window,
    },
    proof::PaymentKey,
    time::UnixMs,
};
use sqlx::Row;

use super::super::{
    dialect::{Connection, DbRow},
    rows, unavailable,
};

pub(super) async fn oldest_block(connection: &mut Connection) -> Result<Option<u64>, BooksError> {
    let row = sqlx::query("SELECT min(claimed_at_block) AS block FROM intents")
        .fetch_one(connection)
        .await
        .map_err(unavailable)?;
    let block: Option<i64> = row.try_get("block").map_err(unavailable)?;
    Ok(block.and_then(|block| u64::try_from(block).ok()))
}

pub(super) async fn transfers_in(
    connection: &mut Connection,
    to: &Receiver,
    first: u64,
    last: u64,
) -> Result<Vec<BookedTransfer>, BooksError> {
    let list = sqlx::query(
        "SELECT s.* FROM settlements s JOIN intents i ON i.id = s.intent_id
         WHERE s.rail = 'x402' AND s.chain_id = $1 AND s.block_number BETWEEN $2 AND $3 AND s.asset = $4 AND i.pay_to = $5",
    )
    .bind(rows::integer(to.chain_id))
    .bind(rows::integer(first))
    .bind(rows::integer(last))
    .bind(to.token.to_string())
    .bind(to.pay_to.to_string())
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    list.iter().map(transfer).collect()
}

pub(super) async fn transfer_of(
    connection: &mut Connection,
    intent: PaymentId,
) -> Result<Option<BookedTransfer>, BooksError> {
    let row = sqlx::query("SELECT * FROM settlements WHERE intent_id = $1 AND rail = 'x402'")
        .bind(intent.to_string())
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
    row.as_ref().map(transfer).transpose()
}

fn transfer(row: &DbRow) -> Result<BookedTransfer, BooksError> {
    let intent = rows::id(row, "settlements", "intent_id")?;
    let corrupt =
        |column| BooksError::Corrupt { table: "settlements", column, key: intent.to_string() };
    Ok(BookedTransfer {
        intent,
        proof: rows::settlement_proof(row)?,
        from: rows::text(row, "from_addr")?.parse().map_err(|_| corrupt("from_addr"))?,
        amount: UsdcUnits::new(rows::unsigned(row, "settlements", "amount_minor", || {
            intent.to_string()
        })?),
        is_final: row.try_get::<Option<i64>, _>("final_at_ms").map_err(unavailable)?.is_some(),
    })
}

pub(super) async fn claimed(
    connection: &mut Connection,
    key: &PaymentKey,
) -> Result<Option<ClaimedAuthorization>, BooksError> {
    let row = sqlx::query(
        "SELECT a.purpose, i.id, i.state, s.intent_id AS settled FROM auths a LEFT JOIN intents i ON i.id = a.intent_id
         LEFT JOIN settlements s ON s.intent_id = a.intent_id
         WHERE a.chain_id = $1 AND a.asset = $2 AND a.from_addr = $3 AND a.nonce = $4",
    )
    .bind(rows::chain_id(key))
    .bind(key.token.to_string())
    .bind(key.from.to_string())
    .bind(rows::nonce(key))
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?;
    let Some(row) = row else { return Ok(None) };
    let intent = match rows::text_or_none(&row, "id")? {
        Some(_) => Some((rows::id(&row, "intents", "id")?, state(&row)?)),
        None => None,
    };
    Ok(Some(ClaimedAuthorization {
        pays: rows::text(&row, "purpose")? == "pay",
        intent,
        settled: rows::text_or_none(&row, "settled")?.is_some(),
    }))
}

fn state(row: &DbRow) -> Result<State, BooksError> {
    let word = rows::text(row, "state")?;
    State::from_word(&word).ok_or(BooksError::Corrupt {
        table: "intents",
        column: "state",
        key: word,
    })
}

pub(super) async fn oldest_charge(
    connection: &mut Connection,
) -> Result<Option<UnixMs>, BooksError> {
    let row = sqlx::query("SELECT min(saved_at_ms) AS at_ms FROM charges")
        .fetch_one(connection)
        .await
        .map_err(unavailable)?;
    Ok(row.try_get::<Option<i64>, _>("at_ms").map_err(unavailable)?.map(UnixMs::new))
}

pub(super) async fn known_charge(
    connection: &mut Connection,
    payment_intent: &str,
    named: Option<PaymentId>,
) -> Result<KnownCharge, BooksError> {
    let settlement = sqlx::query("SELECT * FROM settlements WHERE stripe_pi = $1")
        .bind(payment_intent)
        .fetch_optional(&mut *connection)
        .await
        .map_err(unavailable)?;
    let mut known = KnownCharge {
        settlement: settlement.as_ref().map(charge).transpose()?,
        ..KnownCharge::default()
    };
    if let Some(named) = named {
        let row = sqlx::query("SELECT state FROM intents WHERE id = $1")
            .bind(named.to_string())
            .fetch_optional(&mut *connection)
            .await;
        known.state = row.map_err(unavailable)?.as_ref().map(state).transpose()?;
    }
    let refund = sqlx::query("SELECT intent_id FROM refunds WHERE payment_intent = $1")
        .bind(payment_intent)
        .fetch_optional(connection)
        .await;
    known.mischarged = refund.map_err(unavailable)?.is_some();
    Ok(known)
}

fn charge(row: &DbRow) -> Result<BookedCharge, BooksError> {
    let intent = rows::id(row, "settlements", "intent_id")?;
    Ok(BookedCharge {
        intent,
        payment_intent: rows::text(row, "stripe_pi")?,
        charge: rows::text_or_none(row, "stripe_charge")?.unwrap_or_default(),
        amount_minor: rows::unsigned(row, "settlements", "amount_minor", || intent.to_string())?,
        currency: rows::text(row, "currency")?,
    })
}

pub(super) async fn charges_in(
    connection: &mut Connection,
    booked: Window,
) -> Result<Vec<BookedCharge>, BooksError> {
    let list = sqlx::query(
        "SELECT * FROM settlements WHERE rail = 'mpp' AND stripe_pi IS NOT NULL AND settled_at_ms BETWEEN $1 AND $2 ORDER BY settled_at_ms",
    )
    .bind(booked.from.ms())
    .bind(booked.until.ms())
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    list.iter().map(charge).collect()
}

pub(super) async fn open_disputes(
    connection: &mut Connection,
) -> Result<Vec<(PaymentId, String)>, BooksError> {
    let list = sqlx::query(
        "SELECT d.intent_id, s.stripe_pi FROM (
            SELECT intent_id FROM dispute_facts WHERE state = 'open'
            UNION SELECT intent_id FROM dispute_notes WHERE state IN ('inquiry', 'open', 'unrecognised')) d
         JOIN settlements s ON s.intent_id = d.intent_id WHERE s.stripe_pi IS NOT NULL ORDER BY d.intent_id",
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    list.iter()
        .map(|row| {
            Ok((rows::id(row, "dispute_facts", "intent_id")?, rows::text(row, "stripe_pi")?))
        })
        .collect()
}

pub(super) async fn launch_of(
    connection: &mut Connection,
    core_key: &str,
) -> Result<Option<BookedLaunch>, BooksError> {
    let row = sqlx::query("SELECT id, state, launch_id, ended_by FROM intents WHERE core_key = $1")
        .bind(core_key)
        .fetch_optional(connection)
        .await;
    row.map_err(unavailable)?.as_ref().map(launch).transpose()
}

fn launch(row: &DbRow) -> Result<BookedLaunch, BooksError> {
    let ended_by = rows::text_or_none(row, "ended_by")?.and_then(|word| EndedBy::from_word(&word));
    let (intent, launch_id) =
        (rows::id(row, "intents", "id")?, rows::text_or_none(row, "launch_id")?);
    Ok(BookedLaunch { intent, state: state(row)?, launch_id, ended_by })
}

pub(super) async fn created_since(
    connection: &mut Connection,
    since: UnixMs,
    after: Option<PaymentId>,
    limit: u32,
) -> Result<Vec<BookedLaunch>, BooksError> {
    let list = sqlx::query(
        "SELECT id, state, launch_id, ended_by FROM intents WHERE state = 'created' AND updated_at_ms >= $1
         AND ($2 = '' OR (updated_at_ms, id) > ((SELECT updated_at_ms FROM intents WHERE id = $2), $2))
         ORDER BY updated_at_ms, id LIMIT $3",
    )
    .bind(since.ms())
    .bind(after.map(|id| id.to_string()).unwrap_or_default())
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    list.iter().map(launch).collect()
}

pub(super) async fn in_transit(
    connection: &mut Connection,
    claimed_before: UnixMs,
    limit: u32,
) -> Result<Vec<InTransit>, BooksError> {
    let list = sqlx::query(
        "SELECT id, state, created_at_ms, valid_before_unix_s, forwarding_since_ms FROM intents
         WHERE state IN ('claimed', 'signed', 'submitted', 'submit_unknown', 'forwarding', 'core_unknown', 'charged') AND created_at_ms < $1
         ORDER BY created_at_ms, id LIMIT $2",
    )
    .bind(claimed_before.ms())
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    let one = |row: &DbRow| {
        let number = |column: &str| row.try_get::<Option<i64>, _>(column).map_err(unavailable);
        Ok(InTransit {
            intent: rows::id(row, "intents", "id")?,
            state: state(row)?,
            created_at: UnixMs::new(rows::int(row, "created_at_ms")?),
            valid_before_unix_s: number("valid_before_unix_s")?
                .and_then(|unix_s| u64::try_from(unix_s).ok()),
            forwarding_since: number("forwarding_since_ms")?.map(UnixMs::new),
        })
    };
    list.iter().map(one).collect()
}
