//! What the books know of a request's keys, in one look.

use payments::{
    ids::PaymentId,
    ports::{BooksError, ClaimKey, HalfKnown, Known},
    proof::ProofKey,
};
use sqlx::{PgPool, Row, postgres::PgRow};

use super::{batch::Batch, rows, unavailable};

/// A known key, without the work that answers it.
pub(super) struct Found {
    fingerprint: payments::fingerprint::Fingerprint,
    pub(super) intent: Option<PaymentId>,
    half_known: Option<HalfKnown>,
}

pub(super) async fn known(readers: &PgPool, key: &ClaimKey) -> Result<Option<Known>, BooksError> {
    let mut batch = Batch::default();
    let Some(select) = select(&mut batch, key) else { return Ok(None) };
    let row = batch.run(readers, &select).await.map_err(unavailable)?;
    match row.as_ref().map(found).transpose()?.flatten() {
        Some(found) => load(readers, found).await.map(Some),
        None => Ok(None),
    }
}

/// The proof, else the payer's own key; of a card the whole credential, else its challenge, else
/// its token.
pub(super) fn select(batch: &mut Batch, key: &ClaimKey) -> Option<String> {
    let mut ways = Vec::new();
    match &key.proof {
        None => {}
        Some(ProofKey::Authorization(key)) => {
            let (chain, token) =
                (batch.bind(rows::chain_id(key)), batch.bind(key.token.to_string()));
            let (from, nonce) = (batch.bind(key.from.to_string()), batch.bind(rows::nonce(key)));
            ways.push(format!(
                "SELECT fingerprint, intent_id, 0 AS half FROM auths
                 WHERE chain_id = {chain} AND asset = {token} AND from_addr = {from} AND nonce = {nonce}"
            ));
        }
        Some(ProofKey::Charge(key)) => {
            let (challenge, token) =
                (batch.bind(key.challenge_id.to_string()), batch.bind(key.token_sha256.to_vec()));
            ways.push(format!(
                "SELECT fingerprint, intent_id, CASE WHEN challenge_id <> {challenge} THEN 2 WHEN spt_sha256 <> {token} THEN 1 ELSE 0 END
                 FROM challenges WHERE challenge_id = {challenge} OR spt_sha256 = {token}"
            ));
        }
    }
    if let Some((payer, client_key)) = &key.idempotency {
        let (payer, client_key) = (batch.bind(payer.to_string()), batch.bind(client_key.clone()));
        ways.push(format!(
            "SELECT fingerprint, id, 9 FROM intents WHERE payer = {payer} AND client_idem_key = {client_key} AND state <> 'pay_failed'"
        ));
    }
    let ways = ways.join(" UNION ALL ");
    (!ways.is_empty()).then(|| {
        format!(
            "SELECT * FROM ({ways}) AS way (fingerprint, intent_id, half) ORDER BY half LIMIT 1"
        )
    })
}

pub(super) fn found(row: &PgRow) -> Result<Option<Found>, BooksError> {
    let Some(half) = row.try_get::<Option<i32>, _>("half").map_err(unavailable)? else {
        return Ok(None);
    };
    let intent = match rows::text_or_none(row, "intent_id")? {
        Some(_) => Some(rows::id(row, "intents", "intent_id")?),
        None => None,
    };
    let half_known = match half {
        1 => Some(HalfKnown::Challenge),
        2 => Some(HalfKnown::Token),
        _ => None,
    };
    Ok(Some(Found {
        fingerprint: rows::fingerprint(row, || String::from("a known key"))?,
        intent,
        half_known,
    }))
}

pub(super) async fn load(readers: &PgPool, found: Found) -> Result<Known, BooksError> {
    let mut connection = readers.acquire().await.map_err(unavailable)?;
    let intent = match found.intent {
        Some(id) => rows::intent(&mut connection, id).await?,
        None => None,
    };
    Ok(Known { fingerprint: found.fingerprint, intent, half_known: found.half_known })
}
