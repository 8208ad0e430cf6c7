//! Proofs that the day's cap refuses.

use payments::ports::{NewClaim, RefusedProof};
use sqlx::postgres::PgExecutor;

use super::super::{batch::Batch, rows};

/// Two processes that judge copies of one proof at once meet at its key: what is charged was not
/// refused, and what is refused is not charged.
pub(super) fn meet(batch: &mut Batch, claim: &NewClaim<'_>) {
    let Some(paid) = claim.refused_by_day_cap() else { return };
    let columns = refused_columns(batch, &paid);
    let taken = format!(
        "INSERT INTO refused_proofs ({REFUSED_COLUMNS}, outcome) SELECT {columns}, 'paid' FROM root"
    );
    batch.part("not_refused", &taken);
}

/// Notes a proof that the day's cap refuses; false when a copy of it was judged or claimed
/// meanwhile.
pub(super) async fn note(
    executor: impl PgExecutor<'_>,
    refused: &RefusedProof,
) -> Result<bool, sqlx::Error> {
    let mut batch = Batch::default();
    let columns = refused_columns(&mut batch, refused);
    let (chain, token) =
        (batch.bind(rows::chain_id(&refused.key)), batch.bind(refused.key.token.to_string()));
    let (from, nonce) =
        (batch.bind(refused.key.from.to_string()), batch.bind(rows::nonce(&refused.key)));
    let noted = format!(
        "INSERT INTO refused_proofs ({REFUSED_COLUMNS}, outcome) SELECT {columns}, 'refused'
         WHERE NOT EXISTS (SELECT 1 FROM auths WHERE chain_id = {chain} AND asset = {token} AND from_addr = {from} AND nonce = {nonce})
         ON CONFLICT DO NOTHING RETURNING 1"
    );
    batch.part("noted", &noted);
    Ok(batch.run(executor, "SELECT 1 FROM noted").await?.is_some())
}

const REFUSED_COLUMNS: &str = "chain_id, asset, from_addr, nonce, day, keep_until_ms";

fn refused_columns(batch: &mut Batch, proof: &RefusedProof) -> String {
    let (chain, token) =
        (batch.bind(rows::chain_id(&proof.key)), batch.bind(proof.key.token.to_string()));
    let (from, nonce) =
        (batch.bind(proof.key.from.to_string()), batch.bind(rows::nonce(&proof.key)));
    let (day, keep_until) = (batch.bind(proof.day.clone()), batch.bind(proof.keep_until.ms()));
    [chain, token, from, nonce, day, keep_until].join(", ")
}
