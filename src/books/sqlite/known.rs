//! What the books know of a request's keys.

use payments::ports::{BooksError, ClaimKey, Known};
use sqlx::SqlitePool;

use super::{proofs, unavailable};

pub(super) async fn known(
    readers: &SqlitePool,
    key: &ClaimKey,
) -> Result<Option<Known>, BooksError> {
    let mut connection = readers.acquire().await.map_err(unavailable)?;
    proofs::known(&mut connection, key).await
}
