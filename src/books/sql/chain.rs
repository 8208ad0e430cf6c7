//! Which chain and token these books are of.

use payments::ports::BooksError;
use sqlx::Row;

use super::dialect::Pool;
use super::{rows, unavailable};
use crate::books::TOKEN_MARK;

/// As `eip155:<chain>/<token>`: what they were begun with, or, in books of a release that kept no
/// such mark, what their newest payment is in.
pub(super) async fn token(readers: &Pool) -> Result<Option<String>, BooksError> {
    let mark = sqlx::query("SELECT mark FROM key_marks WHERE name = $1")
        .bind(TOKEN_MARK)
        .fetch_optional(readers)
        .await;
    if let Some(row) = mark.map_err(unavailable)? {
        return rows::text(&row, "mark").map(Some);
    }
    let newest = sqlx::query(
        "SELECT chain_id, asset FROM intents WHERE chain_id IS NOT NULL ORDER BY id DESC LIMIT 1",
    );
    let Some(row) = newest.fetch_optional(readers).await.map_err(unavailable)? else {
        return Ok(None);
    };
    let chain_id: i64 = row.try_get("chain_id").map_err(unavailable)?;
    Ok(Some(format!("eip155:{chain_id}/{}", rows::text(&row, "asset")?)))
}
