//! What was noted about the day's cap over all wallets' free calls, and the note of a proof that it
//! refuses.

use payments::{
    ports::{BooksError, RefusedProof},
    proof::PaymentKey,
};

use super::dialect::Connection;
use super::{rows, unavailable};

/// What the books noted about a wallet and its proof.
#[derive(Default)]
pub(super) struct Noted {
    /// Any proof of the wallet was refused on that day.
    pub(super) today: bool,
    /// This very proof was refused.
    pub(super) this_proof: bool,
}

/// What stands for a proof, and for its wallet on a day; no day where nothing was promised.
pub(super) async fn noted(
    connection: &mut Connection,
    key: &PaymentKey,
    day: Option<&str>,
) -> Result<Noted, BooksError> {
    let row = sqlx::query(
        "SELECT (SELECT count(*) FROM refused_proofs WHERE from_addr = $1 AND day = $2 AND outcome = 'refused') AS today,
                (SELECT count(*) FROM refused_proofs WHERE chain_id = $3 AND asset = $4 AND from_addr = $1 AND nonce = $5
                    AND outcome = 'refused') AS this_proof",
    )
    .bind(key.from.to_string())
    .bind(day.unwrap_or_default())
    .bind(rows::chain_id(key))
    .bind(key.token.to_string())
    .bind(rows::nonce(key))
    .fetch_one(connection)
    .await
    .map_err(unavailable)?;
    Ok(Noted {
        today: rows::count(&row, "today")? > 0,
        this_proof: rows::count(&row, "this_proof")? > 0,
    })
}

/// Notes a refused proof; one that is noted already stays as it is.
pub(super) async fn note(
    connection: &mut Connection,
    refused: &RefusedProof,
) -> Result<(), BooksError> {
    sqlx::query(
        "INSERT INTO refused_proofs (chain_id, asset, from_addr, nonce, day, outcome, keep_until_ms)
         VALUES ($1, $2, $3, $4, $5, 'refused', $6) ON CONFLICT DO NOTHING",
    )
    .bind(rows::chain_id(&refused.key))
    .bind(refused.key.token.to_string())
    .bind(refused.key.from.to_string())
    .bind(rows::nonce(&refused.key))
    .bind(&refused.day)
    .bind(refused.keep_until.ms())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}
