//! What became of transfers that paid a debt: not final yet, or taken back.

use payments::{
    agent::Wallet,
    ledger::Posting,
    money::UsdcUnits,
    obligation::ObligationStep,
    ports::{BooksError, LogPlace, PaidBackTransfer},
    settlement::ChainHash,
    time::UnixMs,
};

use super::{
    super::{
        super::{
            dialect::{Connection, DbRow, Pool},
            journal, rows, unavailable,
        },
        findings,
        refunds::too_large,
    },
    paid_from,
};

pub(in super::super::super) async fn unsettled(
    readers: &Pool,
    chain_id: u64,
) -> Result<Vec<PaidBackTransfer>, BooksError> {
    let list = sqlx::query("SELECT * FROM usdc_paid_back WHERE chain_id = $1 AND final_at_ms IS NULL ORDER BY block_number, owed_id")
        .bind(rows::integer(chain_id))
        .fetch_all(readers)
        .await
        .map_err(unavailable)?;
    list.iter().map(transfer).collect()
}

pub(super) fn transfer(row: &DbRow) -> Result<PaidBackTransfer, BooksError> {
    let owed = rows::id(row, "usdc_paid_back", "owed_id")?;
    let number = |column| rows::unsigned(row, "usdc_paid_back", column, || owed.to_string());
    let tx_hash = ChainHash::parse(&rows::text(row, "tx_hash")?);
    let tx_hash = tx_hash.ok_or_else(|| BooksError::Corrupt {
        table: "usdc_paid_back",
        column: "tx_hash",
        key: owed.to_string(),
    })?;
    let place = LogPlace { tx_hash, log_index: number("log_index")? };
    Ok(PaidBackTransfer {
        owed,
        chain_id: number("chain_id")?,
        place,
        block_number: number("block_number")?,
    })
}

/// The transfer that was looked at, if it is still booked and not final.
macro_rules! of_log {
    () => {
        " WHERE owed_id = $1 AND tx_hash = $2 AND log_index = $3 AND block_number = $4 AND final_at_ms IS NULL"
    };
}

/// There for good, or gone: then it is booked back, the debt is due again, and the finding says so.
pub(in super::super::super) async fn note_fate(
    connection: &mut Connection,
    seen: &PaidBackTransfer,
    stands: bool,
    at: UnixMs,
) -> Result<(), BooksError> {
    let id = seen.owed;
    let text = if stands {
        concat!(
            "UPDATE usdc_paid_back SET final_at_ms = $5",
            of_log!(),
            " RETURNING payer, amount_minor, from_pay_to"
        )
    } else {
        concat!(
            "DELETE FROM usdc_paid_back",
            of_log!(),
            " AND $5 > 0 RETURNING payer, amount_minor, from_pay_to"
        )
    };
    let noted = sqlx::query(text)
        .bind(id.to_string())
        .bind(seen.place.tx_hash.to_string())
        .bind(rows::integer(seen.place.log_index))
        .bind(rows::integer(seen.block_number))
        .bind(at.ms());
    let noted = noted.fetch_optional(&mut *connection).await.map_err(unavailable)?;
    let Some(row) = noted.filter(|_| !stands) else { return Ok(()) };
    let payer = rows::text(&row, "payer")?;
    let wallet: Option<Wallet> = payer.strip_prefix("wallet:").and_then(|text| text.parse().ok());
    let wallet = wallet.ok_or_else(|| BooksError::Corrupt {
        table: "usdc_paid_back",
        column: "payer",
        key: id.to_string(),
    })?;
    let amount =
        UsdcUnits::new(rows::unsigned(&row, "usdc_paid_back", "amount_minor", || id.to_string())?);
    sqlx::query(
        "UPDATE obligations SET state = $1, updated_at_ms = $2 WHERE intent_id = $3 AND state = $4",
    )
    .bind(ObligationStep::UNPAY.to().word())
    .bind(at.ms())
    .bind(id.to_string())
    .bind(ObligationStep::UNPAY.from().word())
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    let name = format!("{}:{}:{}", seen.place.tx_hash, seen.place.log_index, seen.block_number);
    let from = paid_from(rows::int(&row, "from_pay_to")? == 1);
    let posting =
        Posting::paid_by_hand_lost(id, &name, wallet, from, amount).map_err(|_| too_large(id))?;
    journal::post(connection, &posting, at).await?;
    findings::transfer_lost(connection, seen, at).await
}
