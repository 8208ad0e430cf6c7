//! What a request is known by: the proofs that were taken, each for one purpose and for ever.

use payments::{
    ports::{BooksError, ClaimKey, HalfKnown, Known},
    proof::{ChargeKey, PaymentKey, ProofKey},
};

use super::dialect::{Connection, DbRow};
use super::{rows, unavailable};

/// What a proof is taken for.
pub(super) struct Taken<'a> {
    /// `pay`, `free`, `credit` or `identity`.
    pub(super) purpose: &'static str,
    pub(super) fingerprint: &'a [u8; 32],
    /// The work that answers it.
    pub(super) intent: &'a str,
    pub(super) at_ms: i64,
}

/// What the books know of a proof or, after it, of the payer's own idempotency key.
pub(super) async fn known(
    connection: &mut Connection,
    key: &ClaimKey,
) -> Result<Option<Known>, BooksError> {
    let proof = match &key.proof {
        Some(ProofKey::Authorization(key)) => {
            authorization(connection, key).await?.map(|row| (row, None))
        }
        Some(ProofKey::Charge(key)) => charge(connection, key).await?,
        None => None,
    };
    let found = match (proof, &key.idempotency) {
        (None, Some((payer, client_key))) => sqlx::query(
            "SELECT fingerprint, id AS intent_id FROM intents WHERE payer = $1 AND client_idem_key = $2 AND state <> 'pay_failed'",
        )
        .bind(payer.to_string())
        .bind(client_key)
        .fetch_optional(&mut *connection)
        .await
        .map_err(unavailable)?
        .map(|row| (row, None)),
        (proof, _) => proof,
    };
    let Some((row, half_known)) = found else { return Ok(None) };
    let intent = match rows::text_or_none(&row, "intent_id")? {
        Some(id) => rows::intent_by_text(connection, &id).await?,
        None => None,
    };
    Ok(Some(Known { fingerprint: rows::fingerprint(&row, || name(key))?, intent, half_known }))
}

async fn authorization(
    connection: &mut Connection,
    key: &PaymentKey,
) -> Result<Option<DbRow>, BooksError> {
    sqlx::query("SELECT fingerprint, intent_id FROM auths WHERE chain_id = $1 AND asset = $2 AND from_addr = $3 AND nonce = $4")
        .bind(rows::chain_id(key))
        .bind(key.token.to_string())
        .bind(key.from.to_string())
        .bind(rows::nonce(key))
        .fetch_optional(connection)
        .await
        .map_err(unavailable)
}

/// The whole credential, else its challenge, else its token.
async fn charge(
    connection: &mut Connection,
    key: &ChargeKey,
) -> Result<Option<(DbRow, Option<HalfKnown>)>, BooksError> {
    let row = sqlx::query(
        "SELECT fingerprint, intent_id, CAST(CASE WHEN challenge_id = $1 THEN 1 ELSE 0 END AS BIGINT) AS same_challenge,
            CAST(CASE WHEN spt_sha256 = $2 THEN 1 ELSE 0 END AS BIGINT) AS same_token FROM challenges
         WHERE challenge_id = $1 OR spt_sha256 = $2 ORDER BY same_challenge DESC LIMIT 1",
    )
    .bind(key.challenge_id.to_string())
    .bind(key.token_sha256.as_slice())
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?;
    let Some(row) = row else { return Ok(None) };
    let half = match (rows::int(&row, "same_challenge")? == 1, rows::int(&row, "same_token")? == 1)
    {
        (true, true) => None,
        (true, false) => Some(HalfKnown::Challenge),
        (false, _) => Some(HalfKnown::Token),
    };
    Ok(Some((row, half)))
}

/// Takes a proof. A key that was taken before is refused by the database.
pub(super) async fn take(
    connection: &mut Connection,
    key: Option<&ProofKey>,
    taken: &Taken<'_>,
) -> Result<(), BooksError> {
    let query = match key {
        None => return Ok(()),
        Some(ProofKey::Authorization(key)) => sqlx::query(
            "INSERT INTO auths (chain_id, asset, from_addr, nonce, purpose, fingerprint, intent_id, claimed_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(rows::chain_id(key))
        .bind(key.token.to_string())
        .bind(key.from.to_string())
        .bind(rows::nonce(key)),
        Some(ProofKey::Charge(key)) => sqlx::query(
            "INSERT INTO challenges (challenge_id, spt_sha256, purpose, fingerprint, intent_id, claimed_at_ms) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(key.challenge_id.to_string())
        .bind(key.token_sha256.to_vec()),
    };
    query
        .bind(taken.purpose)
        .bind(taken.fingerprint.as_slice())
        .bind(taken.intent)
        .bind(taken.at_ms)
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}

/// For the one who reads about an impossible row.
fn name(key: &ClaimKey) -> String {
    match &key.proof {
        Some(ProofKey::Authorization(key)) => key.to_string(),
        Some(ProofKey::Charge(key)) => key.challenge_id.to_string(),
        None => String::from("an idempotency key"),
    }
}
