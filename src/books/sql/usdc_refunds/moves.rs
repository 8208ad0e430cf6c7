//! Transfers between the receiving address and the refund wallet: money of ours that stays ours,
//! booked once per log.

use payments::{
    ledger::{Posting, WalletMove},
    money::UsdcUnits,
    ports::{BooksError, LogPlace, MoveNote},
    settlement::ChainHash,
    time::UnixMs,
};

use super::super::dialect::{Connection, DbRow};
use super::super::{journal, rows, unavailable};

/// The moves of these blocks that are booked.
pub(in super::super) async fn of_blocks(
    connection: &mut Connection,
    chain_id: u64,
    first: u64,
    last: u64,
) -> Result<Vec<MoveNote>, BooksError> {
    let list = sqlx::query("SELECT * FROM usdc_moves WHERE chain_id = $1 AND block_number BETWEEN $2 AND $3 AND stands = 1")
        .bind(rows::integer(chain_id))
        .bind(rows::integer(first))
        .bind(rows::integer(last))
        .fetch_all(connection)
        .await
        .map_err(unavailable)?;
    list.iter().map(|row| of_row(row, chain_id)).collect()
}

/// Books each as it stands now; what is booked so already is left alone.
pub(in super::super) async fn note(
    connection: &mut Connection,
    moves: &[MoveNote],
    at: UnixMs,
) -> Result<u64, BooksError> {
    let mut changed = 0_u64;
    for one in moves {
        changed = changed.saturating_add(u64::from(note_one(connection, one, at).await?));
    }
    Ok(changed)
}

async fn note_one(
    connection: &mut Connection,
    note: &MoveNote,
    at: UnixMs,
) -> Result<bool, BooksError> {
    let set = sqlx::query(
        "INSERT INTO usdc_moves (move_id, chain_id, tx_hash, log_index, block_number, wallet, to_wallet, amount_minor, stands, revision,
            updated_at_ms)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10 WHERE $9 = 1
            OR EXISTS (SELECT 1 FROM usdc_moves WHERE chain_id = $2 AND tx_hash = $3 AND log_index = $4)
         ON CONFLICT (chain_id, tx_hash, log_index) DO UPDATE SET block_number = excluded.block_number, stands = excluded.stands,
            revision = usdc_moves.revision + 1, updated_at_ms = excluded.updated_at_ms WHERE usdc_moves.stands <> excluded.stands
         RETURNING move_id, revision",
    )
    .bind(note.id.to_string())
    .bind(rows::integer(note.chain_id))
    .bind(note.place.tx_hash.to_string())
    .bind(rows::integer(note.place.log_index))
    .bind(rows::integer(note.block_number))
    .bind(note.wallet.to_string())
    .bind(i64::from(note.to_wallet))
    .bind(rows::integer(note.value.get()))
    .bind(i64::from(note.stands))
    .bind(at.ms())
    .fetch_optional(&mut *connection)
    .await
    .map_err(unavailable)?;
    let Some(row) = set else { return Ok(false) };
    let id = rows::id(&row, "usdc_moves", "move_id")?;
    let too_large =
        || BooksError::Corrupt { table: "usdc_moves", column: "amount_minor", key: id.to_string() };
    let way =
        if note.to_wallet == note.stands { WalletMove::ToRefunds } else { WalletMove::FromRefunds };
    let posting = Posting::wallet_move(id, rows::int(&row, "revision")?, way, note.value)
        .map_err(|_| too_large())?;
    journal::post(connection, &posting, at).await?;
    Ok(true)
}

fn of_row(row: &DbRow, chain_id: u64) -> Result<MoveNote, BooksError> {
    let id = rows::id(row, "usdc_moves", "move_id")?;
    let corrupt = |column| BooksError::Corrupt { table: "usdc_moves", column, key: id.to_string() };
    let number = |column| rows::unsigned(row, "usdc_moves", column, || id.to_string());
    let tx_hash =
        ChainHash::parse(&rows::text(row, "tx_hash")?).ok_or_else(|| corrupt("tx_hash"))?;
    Ok(MoveNote {
        id,
        chain_id,
        place: LogPlace { tx_hash, log_index: number("log_index")? },
        block_number: number("block_number")?,
        wallet: rows::text(row, "wallet")?.parse().map_err(|_| corrupt("wallet"))?,
        to_wallet: rows::int(row, "to_wallet")? == 1,
        value: UsdcUnits::new(number("amount_minor")?),
        stands: rows::int(row, "stands")? == 1,
    })
}
