//! Transfers to us that settle nothing: booked once per log, and corrected by further postings.

use payments::{
    agent::{Payer, Wallet},
    ids::PaymentId,
    ledger::{Posting, ReceiptStanding},
    money::UsdcUnits,
    ports::{BooksError, Holdings, LogPlace, ReceiptKind, ReceiptNote},
    settlement::ChainHash,
    time::UnixMs,
};

use super::super::{
    dialect::{Connection, DbRow, for_update},
    journal, rows, unavailable,
};
use super::{runs, unclaimed};

const NOTHING: &str = "none";
/// How often the balance is read at most while others book.
const READINGS: u32 = 5;

/// A receipt as it stands.
pub(super) struct Booked {
    pub(super) id: PaymentId,
    payer: Payer,
    value: UsdcUnits,
    pub(super) kind: Option<ReceiptKind>,
    revision: i64,
}

pub(super) async fn note(
    connection: &mut Connection,
    fence: i64,
    notes: &[ReceiptNote],
    at: UnixMs,
) -> Result<u64, BooksError> {
    runs::guard(connection, fence).await?;
    let mut changed = 0_u64;
    for note in notes {
        changed = changed.saturating_add(u64::from(note_one(connection, note, at).await?));
    }
    Ok(changed)
}

pub(super) async fn note_one(
    connection: &mut Connection,
    note: &ReceiptNote,
    at: UnixMs,
) -> Result<bool, BooksError> {
    let before = match find(connection, note).await? {
        Some(booked) => booked,
        None if note.kind.is_none() => return Ok(false),
        None => insert(connection, note, at).await?,
    };
    // What is owed by the proof itself is not for a look at the chain alone to judge.
    if before.kind == note.kind
        || (before.kind == Some(ReceiptKind::Entitled) && note.kind.is_some())
    {
        return Ok(false);
    }
    let lost = before.kind == Some(ReceiptKind::Entitled)
        && !unclaimed::take_back(connection, &before.id.to_string()).await?;
    let revision = before.revision.saturating_add(1);
    sqlx::query("UPDATE receipts SET kind = $1, revision = $2, block_number = $3, updated_at_ms = $4 WHERE receipt_id = $5")
        .bind(note.kind.map_or(NOTHING, ReceiptKind::word))
        .bind(revision)
        .bind(rows::integer(note.block_number))
        .bind(at.ms())
        .bind(before.id.to_string())
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    let too_large = || BooksError::Corrupt {
        table: "receipts",
        column: "amount_minor",
        key: before.id.to_string(),
    };
    let stood = if lost { ReceiptStanding::Lost } else { standing(before.kind, &before.payer) };
    let stands = standing(note.kind, &before.payer);
    let posting = Posting::receipt(before.id, revision, stood, stands, before.value)
        .map_err(|_| too_large())?;
    journal::post(connection, &posting, at).await?;
    Ok(true)
}

/// Where a receipt's money stands; what was never booked is still to come in.
fn standing(kind: Option<ReceiptKind>, payer: &Payer) -> ReceiptStanding {
    match kind {
        None => ReceiptStanding::NotBooked,
        Some(ReceiptKind::Unearned | ReceiptKind::Entitled) => ReceiptStanding::Owed(payer.clone()),
        Some(ReceiptKind::Unmatched) => ReceiptStanding::Unmatched,
    }
}

pub(super) async fn find(
    connection: &mut Connection,
    note: &ReceiptNote,
) -> Result<Option<Booked>, BooksError> {
    let row = sqlx::query(concat!(
        "SELECT * FROM receipts WHERE chain_id = $1 AND tx_hash = $2 AND log_index = $3",
        for_update!()
    ))
    .bind(rows::integer(note.chain_id))
    .bind(note.place.tx_hash.to_string())
    .bind(rows::integer(note.place.log_index))
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?;
    let Some(row) = row else { return Ok(None) };
    let id = rows::id(&row, "receipts", "receipt_id")?;
    let payer = rows::text(&row, "payer")?.parse();
    Ok(Some(Booked {
        id,
        payer: payer.map_err(|_| BooksError::Corrupt {
            table: "receipts",
            column: "payer",
            key: id.to_string(),
        })?,
        value: UsdcUnits::new(rows::unsigned(&row, "receipts", "amount_minor", || id.to_string())?),
        kind: kind(&row)?,
        revision: rows::int(&row, "revision")?,
    }))
}

async fn insert(
    connection: &mut Connection,
    note: &ReceiptNote,
    at: UnixMs,
) -> Result<Booked, BooksError> {
    let payer = Payer::Wallet(note.from);
    sqlx::query(
        "INSERT INTO receipts (receipt_id, chain_id, tx_hash, log_index, block_number, from_addr, payer, amount_minor, kind, revision,
            booked_at_ms, updated_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'none', 0, $9, $9)",
    )
    .bind(note.id.to_string())
    .bind(rows::integer(note.chain_id))
    .bind(note.place.tx_hash.to_string())
    .bind(rows::integer(note.place.log_index))
    .bind(rows::integer(note.block_number))
    .bind(note.from.to_string())
    .bind(payer.to_string())
    .bind(rows::integer(note.value.get()))
    .bind(at.ms())
    .execute(connection)
    .await
    .map_err(unavailable)?;
    // More than the books can hold is the most that they can.
    let value = UsdcUnits::new(u64::try_from(rows::integer(note.value.get())).unwrap_or(0));
    Ok(Booked { id: note.id, payer, value, kind: None, revision: 0 })
}

pub(super) async fn of_blocks(
    connection: &mut Connection,
    chain_id: u64,
    first: u64,
    last: u64,
) -> Result<Vec<ReceiptNote>, BooksError> {
    let list = sqlx::query("SELECT * FROM receipts WHERE chain_id = $1 AND block_number BETWEEN $2 AND $3 AND kind <> 'none'")
        .bind(rows::integer(chain_id))
        .bind(rows::integer(first))
        .bind(rows::integer(last))
        .fetch_all(connection)
        .await
        .map_err(unavailable)?;
    list.iter().map(|row| receipt(row, chain_id)).collect()
}

fn receipt(row: &DbRow, chain_id: u64) -> Result<ReceiptNote, BooksError> {
    let id = rows::id(row, "receipts", "receipt_id")?;
    let corrupt = |column| BooksError::Corrupt { table: "receipts", column, key: id.to_string() };
    let number = |column| rows::unsigned(row, "receipts", column, || id.to_string());
    let from: Wallet = rows::text(row, "from_addr")?.parse().map_err(|_| corrupt("from_addr"))?;
    let tx_hash =
        ChainHash::parse(&rows::text(row, "tx_hash")?).ok_or_else(|| corrupt("tx_hash"))?;
    Ok(ReceiptNote {
        id,
        chain_id,
        place: LogPlace { tx_hash, log_index: number("log_index")? },
        block_number: number("block_number")?,
        from,
        value: UsdcUnits::new(number("amount_minor")?),
        kind: kind(row)?,
    })
}

fn kind(row: &DbRow) -> Result<Option<ReceiptKind>, BooksError> {
    match rows::text(row, "kind")?.as_str() {
        "unearned" => Ok(Some(ReceiptKind::Unearned)),
        "entitled" => Ok(Some(ReceiptKind::Entitled)),
        "unmatched" => Ok(Some(ReceiptKind::Unmatched)),
        NOTHING => Ok(None),
        _ => Err(BooksError::Corrupt {
            table: "receipts",
            column: "kind",
            key: rows::text(row, "receipt_id")?,
        }),
    }
}

/// What is booked between the readings must not count twice or not at all: they are taken again
/// until the journal stood still.
pub(super) async fn holdings(
    connection: &mut Connection,
    chain_id: u64,
    block: u64,
    transfers: &[(LogPlace, UsdcUnits)],
) -> Result<Holdings, BooksError> {
    let mut holdings = Holdings {
        journal_minor: booked_until(connection, chain_id, block).await?,
        unbooked_minor: 0,
    };
    for _ in 0..READINGS {
        holdings.unbooked_minor = 0;
        for (place, value) in transfers {
            if !is_booked(connection, chain_id, place).await? {
                holdings.unbooked_minor =
                    holdings.unbooked_minor.saturating_add(rows::integer(value.get()));
            }
        }
        let journal_minor = booked_until(connection, chain_id, block).await?;
        if journal_minor == holdings.journal_minor {
            break;
        }
        holdings.journal_minor = journal_minor;
    }
    Ok(holdings)
}

async fn booked_until(
    connection: &mut Connection,
    chain_id: u64,
    block: u64,
) -> Result<i64, BooksError> {
    let row = sqlx::query(
        "SELECT CAST(coalesce((SELECT sum(amount) FROM journal_lines WHERE account = 'asset:usdc_hot' AND currency = 'USDC'), 0) AS BIGINT) AS booked,
            CAST(coalesce((SELECT sum(amount_minor) FROM settlements s WHERE rail = 'x402' AND chain_id = $1 AND block_number > $2
                AND NOT EXISTS (SELECT 1 FROM lost_settlements l WHERE l.intent_id = s.intent_id AND l.back_at_ms IS NULL)), 0) AS BIGINT)
                AS settled_later,
            CAST(coalesce((SELECT sum(amount_minor) FROM receipts WHERE kind <> 'none' AND chain_id = $1 AND block_number > $2), 0) AS BIGINT)
                AS received_later,
            CAST(coalesce((SELECT sum(amount_minor) FROM usdc_paid_back WHERE from_pay_to = 1 AND chain_id = $1 AND block_number > $2), 0) AS BIGINT)
                AS sent_later,
            CAST(coalesce((SELECT sum(CASE to_wallet WHEN 1 THEN -amount_minor ELSE amount_minor END) FROM usdc_moves
                WHERE stands = 1 AND chain_id = $1 AND block_number > $2), 0) AS BIGINT) AS moved_later",
    )
    .bind(rows::integer(chain_id))
    .bind(rows::integer(block))
    .fetch_one(connection)
    .await
    .map_err(unavailable)?;
    let later = [
        rows::int(&row, "settled_later")?,
        rows::int(&row, "received_later")?,
        rows::int(&row, "moved_later")?,
    ];
    let later = later.into_iter().fold(0_i64, i64::saturating_add);
    Ok(rows::int(&row, "booked")?
        .saturating_sub(later)
        .saturating_add(rows::int(&row, "sent_later")?))
}

async fn is_booked(
    connection: &mut Connection,
    chain_id: u64,
    place: &LogPlace,
) -> Result<bool, BooksError> {
    let row = sqlx::query(
        "SELECT intent_id AS id FROM settlements s WHERE chain_id = $1 AND tx_hash = $2 AND log_index = $3
            AND NOT EXISTS (SELECT 1 FROM lost_settlements l WHERE l.intent_id = s.intent_id AND l.back_at_ms IS NULL)
         UNION ALL SELECT receipt_id AS id FROM receipts WHERE kind <> 'none' AND chain_id = $1 AND tx_hash = $2 AND log_index = $3",
    )
    .bind(rows::integer(chain_id))
    .bind(place.tx_hash.to_string())
    .bind(rows::integer(place.log_index))
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?;
    Ok(row.is_some())
}
