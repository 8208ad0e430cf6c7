//! The claiming transaction.

use payments::{
    funding::{self, FundingRefusal},
    intent::State,
    ports::{BooksError, ClaimRefusal, Claimed, IdentityClaim, NewClaim},
};
use sqlx::{AssertSqlSafe, Row};

use super::dialect::{BEGIN, Connection, DOUBT, Pool};
use super::{
    SqliteBooks,
    cards::holders,
    funding::Funded,
    marks::Mark,
    proofs::{self, Taken},
    rows, unavailable,
};
use crate::books::doubt::until_known;

pub(super) async fn claim(books: &SqliteBooks, claim: NewClaim<'_>) -> Result<Claimed, BooksError> {
    books.is_in_its_place()?;
    let claim = &claim;
    until_known(DOUBT, |in_doubt| Box::pin(in_a_try(books, claim, in_doubt))).await
}

/// `in_doubt`: the commit of a try before failed.
async fn in_a_try(
    books: &SqliteBooks,
    claim: &NewClaim<'_>,
    in_doubt: bool,
) -> Result<Claimed, BooksError> {
    if in_doubt {
        books.marks.push(Mark::Unattended(claim.id));
    }
    let mut write = books.write(Some(claim.at.ms())).await?;
    let claimed = if in_doubt {
        decide_again(&mut write.transaction, claim).await
    } else {
        decide(&mut write.transaction, claim).await
    };
    match claimed {
        Ok(claimed @ (Claimed::New(_) | Claimed::Joined(_))) => {
            books.commit(write).await.map(|()| claimed)
        }
        // With the note of the proof that it refuses.
        Ok(
            claimed @ Claimed::Refused(ClaimRefusal::Funding(
                FundingRefusal::FreeCallsExhaustedToday,
            )),
        ) => books.commit(write).await.map(|()| claimed),
        unchanged => {
            books.roll_back(write).await;
            unchanged
        }
    }
}

/// The intent under the claim's id, if it is there; otherwise the decision is made anew.
async fn decide_again(
    connection: &mut Connection,
    claim: &NewClaim<'_>,
) -> Result<Claimed, BooksError> {
    match rows::intent(connection, claim.id).await? {
        Some(intent) => Ok(Claimed::New(intent)),
        None => match decide(connection, claim).await? {
            Claimed::Refused(_) => {
                Err(BooksError::NotKnown("the claim could not be written a second time".into()))
            }
            claimed => Ok(claimed),
        },
    }
}

/// Known key, then an equal open request, then funding: the first that fits decides.
async fn decide(connection: &mut Connection, claim: &NewClaim<'_>) -> Result<Claimed, BooksError> {
    if let Some(known) = proofs::known(connection, &claim.key).await? {
        return Ok(Claimed::Known(known));
    }
    let available = super::funding::available(connection, claim).await?;
    if !available.day_cap.refused_this_proof
        && let Some(id) = joinable(connection, claim).await?
    {
        take_proof(connection, claim, "identity", &id).await?;
        return Ok(Claimed::Joined(
            rows::intent_by_text(connection, &id).await?.ok_or_else(|| missing(&id))?,
        ));
    }
    let funding = match funding::decide(&available, &claim.pay_terms) {
        Ok(funding) => funding,
        Err(refusal) => {
            if let (FundingRefusal::FreeCallsExhaustedToday, Some(refused)) =
                (refusal, claim.refused_by_day_cap())
            {
                super::day_cap::note(connection, &refused).await?;
            }
            return Ok(Claimed::Refused(ClaimRefusal::Funding(refusal)));
        }
    };
    free_key(connection, claim).await?;
    let funded = match super::funding::take(connection, claim, funding, available.free_slot).await?
    {
        Ok(funded) => funded,
        Err(refusal) => return Ok(Claimed::Refused(refusal)),
    };
    insert_intent(connection, claim, &funded).await?;
    super::funding::book(connection, claim, &funded).await?;
    let id = claim.id.to_string();
    take_proof(connection, claim, funded.funding.proof_purpose(), &id).await?;
    Ok(Claimed::New(rows::intent(connection, claim.id).await?.ok_or_else(|| missing(&id))?))
}

async fn take_proof(
    connection: &mut Connection,
    claim: &NewClaim<'_>,
    purpose: &'static str,
    intent: &str,
) -> Result<(), BooksError> {
    let taken =
        Taken { purpose, fingerprint: claim.fingerprint.as_bytes(), intent, at_ms: claim.at.ms() };
    proofs::take(connection, claim.key.proof.as_ref(), &taken).await
}

/// Claims proofs for identity; a proof that anything else took stays as it is.
pub(super) async fn identities(
    writer: &Pool,
    claims: &[IdentityClaim],
) -> Result<Vec<bool>, BooksError> {
    let mut connection = writer.begin_with(BEGIN).await.map_err(unavailable)?;
    let mut fresh = Vec::with_capacity(claims.len());
    for claim in claims {
        let rows = sqlx::query(
            "INSERT INTO auths (chain_id, asset, from_addr, nonce, purpose, fingerprint, intent_id, claimed_at_ms)
             VALUES ($1, $2, $3, $4, 'identity', $5, NULL, $6) ON CONFLICT DO NOTHING",
        )
        .bind(rows::chain_id(&claim.key))
        .bind(claim.key.token.to_string())
        .bind(claim.key.from.to_string())
        .bind(rows::nonce(&claim.key))
        .bind(claim.fingerprint.as_bytes().as_slice())
        .bind(claim.at.ms())
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?
        .rows_affected();
        fresh.push(rows == 1);
    }
    connection.commit().await.map_err(unavailable)?;
    Ok(fresh)
}

/// The newest equal request of this payer whose answer nobody got and nobody waits for. Two
/// requests that their client names differently are two.
async fn joinable(
    connection: &mut Connection,
    claim: &NewClaim<'_>,
) -> Result<Option<String>, BooksError> {
    sqlx::query(AssertSqlSafe(format!(
        "SELECT id FROM intents WHERE payer = $1 AND fingerprint = $2 AND delivered_at_ms IS NULL AND attended_until_ms < $3
         AND created_at_ms >= $4 AND state <> 'pay_failed' AND (client_idem_key IS NULL OR $5 IS NULL) AND {} ORDER BY id DESC LIMIT 1",
        holders::may_join("$6")
    )))
    .bind(claim.payer.to_string())
    .bind(claim.fingerprint.as_bytes().as_slice())
    .bind(claim.at.ms())
    .bind(claim.join_since.ms())
    .bind(claim.key.idempotency.as_ref().map(|(_, key)| key))
    .bind(claim.id.to_string())
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?
    .map(|row| row.try_get("id").map_err(unavailable))
    .transpose()
}

/// A payment that is proven failed gives its key back: the client was told to pay again, and does
/// so under the same key.
async fn free_key(connection: &mut Connection, claim: &NewClaim<'_>) -> Result<(), BooksError> {
    let Some((payer, key)) = &claim.key.idempotency else { return Ok(()) };
    sqlx::query("UPDATE intents SET client_idem_key = NULL WHERE payer = $1 AND client_idem_key = $2 AND state = 'pay_failed'")
        .bind(payer.to_string())
        .bind(key)
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}

async fn insert_intent(
    connection: &mut Connection,
    claim: &NewClaim<'_>,
    funded: &Funded,
) -> Result<(), BooksError> {
    let transfer = claim.payment.transfer().map(|payment| &payment.transfer);
    sqlx::query(
        "INSERT INTO intents (id, payer, funding, entitlement_source, price_minor, currency, fingerprint, core_key, client_idem_key,
            route, path_and_query, body, content_type, proof_version, state, version, fence, lease_until_ms, attended_until_ms,
            chain_id, asset, from_addr, nonce, pay_to, valid_before_unix_s, claimed_at_block, forwarding_since_ms, created_at_ms, updated_at_ms,
            rail, pack_credits, backing_cents, if_refused)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1, 1, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31)",
    )
    .bind(claim.id.to_string())
    .bind(claim.payer.to_string())
    .bind(funded.funding.word())
    .bind(funded.entitlement_source())
    .bind(funded.price_minor)
    .bind(funded.currency)
    .bind(claim.fingerprint.as_bytes().as_slice())
    .bind(claim.id.to_string())
    .bind(claim.key.idempotency.as_ref().map(|(_, key)| key.clone()))
    .bind(&claim.request.route)
    .bind(&claim.request.path_and_query)
    .bind(claim.request.body.as_ref())
    .bind(&claim.request.content_type)
    .bind(i64::from(claim.protocol.number()))
    .bind(funded.state().word())
    .bind(funded.lease_until(claim).ms())
    .bind(claim.lease_until.ms())
    .bind(transfer.map(|terms| rows::chain_id(&terms.key)))
    .bind(transfer.map(|terms| terms.key.token.to_string()))
    .bind(transfer.map(|terms| terms.key.from.to_string()))
    .bind(transfer.map(|terms| rows::nonce(&terms.key)))
    .bind(transfer.map(|terms| terms.pay_to.to_string()))
    .bind(transfer.map(|terms| rows::integer(terms.valid_before_unix_s)))
    .bind(transfer.map(|terms| rows::integer(terms.claimed_at_block)))
    .bind((funded.state() == State::Forwarding).then_some(claim.at.ms()))
    .bind(claim.at.ms())
    .bind(claim.at.ms())
    .bind(claim.protocol.rail())
    .bind(funded.pack_credits())
    .bind(funded.backing_cents())
    .bind(funded.if_refused())
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    rows::event(connection, &claim.id.to_string(), 1, funded.state(), claim.at).await
}

fn missing(id: &str) -> BooksError {
    BooksError::Corrupt { table: "intents", column: "id", key: id.to_owned() }
}
