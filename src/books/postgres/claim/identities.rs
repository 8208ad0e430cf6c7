//! Proofs that only say who asks.

use std::collections::HashSet;

use payments::ports::{BooksError, IdentityClaim};
use sqlx::{PgPool, Row};

use super::super::{
    contended,
    faults::{self, TRIES},
    rows, unavailable,
};

/// Claims them; a proof that anything else took stays as it is. Of equal proofs the first is fresh.
pub(in super::super) async fn identities(
    writer: &PgPool,
    claims: &[IdentityClaim],
) -> Result<Vec<bool>, BooksError> {
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    for _ in 0..TRIES {
        match taken(writer, claims).await {
            Ok(mut taken) => {
                return Ok(claims.iter().map(|claim| taken.remove(&key(claim))).collect());
            }
            // Two batches with the same proofs in another order.
            Err(error) if faults::is_raced(&error) => {}
            Err(error) => return Err(unavailable(error)),
        }
    }
    Err(contended())
}

type Key = (i64, String, String, String);

fn key(claim: &IdentityClaim) -> Key {
    let key = &claim.key;
    (rows::chain_id(key), key.token.to_string(), key.from.to_string(), rows::nonce(key))
}

async fn taken(writer: &PgPool, claims: &[IdentityClaim]) -> Result<HashSet<Key>, sqlx::Error> {
    let mut ordered: Vec<(Key, &IdentityClaim)> =
        claims.iter().map(|claim| (key(claim), claim)).collect();
    ordered.sort_by(|one, other| one.0.cmp(&other.0));
    let column = |of: fn(&Key) -> &String| {
        ordered.iter().map(|(key, _)| of(key).clone()).collect::<Vec<String>>()
    };
    let rows = sqlx::query(
        "INSERT INTO auths (chain_id, asset, from_addr, nonce, purpose, fingerprint, claimed_at_ms)
         SELECT chain_id, asset, from_addr, nonce, 'identity', fingerprint, at_ms
         FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bigint[])
            AS proof (chain_id, asset, from_addr, nonce, fingerprint, at_ms)
         ON CONFLICT DO NOTHING RETURNING chain_id, asset, from_addr, nonce",
    )
    .bind(ordered.iter().map(|(key, _)| key.0).collect::<Vec<i64>>())
    .bind(column(|key| &key.1))
    .bind(column(|key| &key.2))
    .bind(column(|key| &key.3))
    .bind(
        ordered
            .iter()
            .map(|(_, claim)| claim.fingerprint.as_bytes().to_vec())
            .collect::<Vec<Vec<u8>>>(),
    )
    .bind(ordered.iter().map(|(_, claim)| claim.at.ms()).collect::<Vec<i64>>())
    .fetch_all(writer)
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?)))
        .collect()
}
