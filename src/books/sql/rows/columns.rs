//! One column of a row as a type of the rules, and numbers as the database keeps them.

use payments::{
    fingerprint::Fingerprint,
    ids::PaymentId,
    money::{Amount, Credits, UsdCents, UsdcUnits},
    ports::BooksError,
    proof::PaymentKey,
    settlement::ChainHash,
    time::UnixMs,
};
use sqlx::Row;

use super::super::{dialect::DbRow, unavailable};

pub(in super::super) fn amount(
    row: &DbRow,
    column: &'static str,
    id: PaymentId,
) -> Result<Amount, BooksError> {
    let minor = unsigned(row, "intents", column, || id.to_string())?;
    match text(row, "currency")?.as_str() {
        "USDC" => Ok(Amount::Usdc(UsdcUnits::new(minor))),
        "USD" => Ok(Amount::Usd(UsdCents::new(minor))),
        "CREDIT" => Ok(Amount::Credits(Credits::new(minor))),
        _ => Err(BooksError::Corrupt { table: "intents", column: "currency", key: id.to_string() }),
    }
}

pub(in super::super) fn fingerprint(
    row: &DbRow,
    key: impl Fn() -> String,
) -> Result<Fingerprint, BooksError> {
    let bytes: Vec<u8> = row.try_get("fingerprint").map_err(unavailable)?;
    let corrupt = |_| BooksError::Corrupt { table: "intents", column: "fingerprint", key: key() };
    <[u8; 32]>::try_from(bytes.as_slice()).map(Fingerprint::from_bytes).map_err(corrupt)
}

pub(in super::super) fn id(
    row: &DbRow,
    table: &'static str,
    column: &'static str,
) -> Result<PaymentId, BooksError> {
    let key = text(row, column)?;
    key.parse().map_err(|_| BooksError::Corrupt { table, column, key })
}

pub(in super::super) fn unsigned(
    row: &DbRow,
    table: &'static str,
    column: &'static str,
    key: impl Fn() -> String,
) -> Result<u64, BooksError> {
    u64::try_from(int(row, column)?).map_err(|_| BooksError::Corrupt { table, column, key: key() })
}

pub(in super::super) fn text(row: &DbRow, column: &'static str) -> Result<String, BooksError> {
    row.try_get(column).map_err(unavailable)
}

pub(in super::super) fn text_or_none(
    row: &DbRow,
    column: &'static str,
) -> Result<Option<String>, BooksError> {
    row.try_get(column).map_err(unavailable)
}

pub(in super::super) fn int(row: &DbRow, column: &'static str) -> Result<i64, BooksError> {
    row.try_get(column).map_err(unavailable)
}

/// A number of rows.
pub(in super::super) fn count(row: &DbRow, column: &'static str) -> Result<u32, BooksError> {
    Ok(u32::try_from(int(row, column)?).unwrap_or(u32::MAX))
}

pub(super) fn unsigned_or_none(
    row: &DbRow,
    column: &'static str,
    id: PaymentId,
) -> Result<Option<u64>, BooksError> {
    let value = row.try_get::<Option<i64>, _>(column).map_err(unavailable)?;
    let corrupt = |_| BooksError::Corrupt { table: "intents", column, key: id.to_string() };
    value.map(u64::try_from).transpose().map_err(corrupt)
}

pub(super) fn moment_or_none(
    row: &DbRow,
    column: &'static str,
) -> Result<Option<UnixMs>, BooksError> {
    Ok(row.try_get::<Option<i64>, _>(column).map_err(unavailable)?.map(UnixMs::new))
}

/// A protocol number as the database holds it. Block numbers, seconds and nonces are far below the
/// limit; a larger one cannot be a real one and saturates, which no comparison with a real value
/// survives.
pub(in super::super) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(in super::super) fn chain_id(key: &PaymentKey) -> i64 {
    integer(key.chain_id)
}

pub(in super::super) fn nonce(key: &PaymentKey) -> String {
    ChainHash(key.nonce).to_string()
}
