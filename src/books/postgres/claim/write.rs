//! The statement that writes a claim. Its root is the intent's row, which is only there when what
//! the decision rests on still holds.

mod details;
mod row;

use details::details;
use payments::{
    funding::Funding, ids::PaymentId, obligation::ObligationStep, ports::NewClaim, proof::ProofKey,
};
use row::root;
use sqlx::postgres::PgExecutor;

use super::{
    super::{
        PostgresBooks,
        batch::Batch,
        faults,
        liveness::{ALL_KNOW_PARTS, ALL_KNOW_QUEUE},
        marks::Snapshot,
        rows,
    },
    blocked, corrupt,
    facts::Facts,
    made::{Funded, nothing_to_send, too_large},
    nonces, promised,
};

/// What a statement came to, and the marks that are durable with it.
pub(super) struct Made {
    pub(super) made: bool,
    pub(super) marks: Snapshot,
}

/// Writes it as part of a transaction, or in a statement that commits by itself. In a transaction
/// its marks go on waiting.
pub(super) async fn new(
    books: &PostgresBooks,
    claim: &NewClaim<'_>,
    facts: &Facts,
    funded: &Funded,
    executor: impl PgExecutor<'_>,
) -> Result<Made, sqlx::Error> {
    let mut batch = Batch::default();
    let (id, at) = (batch.bind(claim.id.to_string()), batch.bind(claim.at.ms()));
    let marks = books.marks.snapshot();
    marks.add_to(&mut batch, &at);
    let mut held = guard(&mut batch, claim, facts, funded, &id, &at)?;
    held.extend(facts.frees_key.then(|| free_key(&mut batch, claim)));
    held.extend(blocked::guard(&mut batch, claim));
    root(&mut batch, books, claim, funded, &id, &at, &held)?;
    let state = batch.bind(funded.state().word());
    batch.part("event", &format!("INSERT INTO intent_events (intent_id, version, state, at_ms) SELECT id, 1, {state}, {at} FROM root"));
    take_proof(&mut batch, claim, funded.funding.proof_purpose(), &at);
    details(&mut batch, claim, funded, &at)?;
    if facts.available.day_cap.reached && matches!(funded.funding, Funding::X402) {
        super::refused::meet(&mut batch, claim);
    }
    Ok(Made { made: batch.run(executor, "SELECT id FROM root").await?.is_some(), marks })
}

/// The parts that must find things as they were; each leaves one row then.
fn guard(
    batch: &mut Batch,
    claim: &NewClaim<'_>,
    facts: &Facts,
    funded: &Funded,
    id: &str,
    at: &str,
) -> Result<Vec<String>, sqlx::Error> {
    Ok(match (&funded.funding, &funded.attempt) {
        (Funding::X402, Some(attempt)) => {
            let Some(payment) = claim.payment.transfer() else {
                return Err(corrupt(nothing_to_send(claim)));
            };
            promised::count(batch, claim, payment, facts);
            nonces::take(batch, payment, attempt);
            vec![String::from("EXISTS (SELECT 1 FROM held)")]
        }
        (Funding::X402, None) => {
            let Some(payment) = claim.payment.transfer() else {
                return Err(corrupt(nothing_to_send(claim)));
            };
            promised::count(batch, claim, payment, facts);
            vec![String::from("EXISTS (SELECT 1 FROM promised)"), String::from(ALL_KNOW_QUEUE)]
        }
        (Funding::Entitlement { source }, _) => {
            let (source, amount) =
                (batch.bind(source.to_string()), batch.bind(facts.entitled_minor));
            let taken = batch.bind(funded.price.minor().map_err(|_| corrupt(too_large(claim)))?);
            let [from, to] = [ObligationStep::RESERVE.from(), ObligationStep::RESERVE.to()]
                .map(|state| batch.bind(state.word()));
            let parts = funded.rest.map_or_else(String::new, |_| format!(" AND {ALL_KNOW_PARTS}"));
            let reserved = format!(
                "UPDATE obligations SET state = {to}, reserved_by = {id}, amount_minor = {taken}, updated_at_ms = {at}
                 WHERE intent_id = {source} AND state = {from} AND amount_minor = {amount} AND entitled_until_ms > {at}{parts}
                 RETURNING coalesce(part_of, intent_id) AS source, payer, currency, entitled_until_ms, created_at_ms"
            );
            batch.part("held", &reserved);
            vec![String::from("EXISTS (SELECT 1 FROM held)")]
        }
        (Funding::Credit { backing, .. }, _) => {
            let account = facts.account;
            let (payer, taken) =
                (batch.bind(claim.payer.to_string()), batch.bind(rows::integer(backing.get())));
            let (balance, cents) = (
                batch.bind(rows::integer(account.balance.get())),
                batch.bind(rows::integer(account.backing_cents)),
            );
            let spent = format!(
                "UPDATE credit_accounts SET backing_cents = backing_cents - {taken}
                 WHERE payer = {payer} AND balance = {balance} AND backing_cents = {cents} AND debt = 0 RETURNING payer, balance"
            );
            batch.part("held", &spent);
            vec![String::from("EXISTS (SELECT 1 FROM held)")]
        }
        (Funding::Free | Funding::MppCharge { .. } | Funding::MppPack { .. }, _) => Vec::new(),
    })
}

fn free_key(batch: &mut Batch, claim: &NewClaim<'_>) -> String {
    let (payer, key) = claim
        .key
        .idempotency
        .clone()
        .map(|(payer, key)| (payer.to_string(), key))
        .unwrap_or_default();
    let (payer, key) = (batch.bind(payer), batch.bind(key));
    let freed = format!(
        "UPDATE intents SET client_idem_key = NULL WHERE payer = {payer} AND client_idem_key = {key} AND state = 'pay_failed' RETURNING 1"
    );
    batch.part("freed", &freed);
    String::from("EXISTS (SELECT 1 FROM freed)")
}

/// Takes the proof for the intent. A key that was taken before is refused by the database.
fn take_proof(batch: &mut Batch, claim: &NewClaim<'_>, purpose: &'static str, at: &str) {
    let Some(proof) = &claim.key.proof else { return };
    let (purpose, fingerprint) =
        (batch.bind(purpose), batch.bind(claim.fingerprint.as_bytes().to_vec()));
    let taken = match proof {
        ProofKey::Authorization(key) => {
            let (chain, token) =
                (batch.bind(rows::chain_id(key)), batch.bind(key.token.to_string()));
            let (from, nonce) = (batch.bind(key.from.to_string()), batch.bind(rows::nonce(key)));
            format!(
                "INSERT INTO auths (chain_id, asset, from_addr, nonce, purpose, fingerprint, intent_id, claimed_at_ms)
                 SELECT {chain}, {token}, {from}, {nonce}, {purpose}, {fingerprint}, id, {at} FROM root"
            )
        }
        ProofKey::Charge(key) => {
            let (challenge, token) =
                (batch.bind(key.challenge_id.to_string()), batch.bind(key.token_sha256.to_vec()));
            format!(
                "INSERT INTO challenges (challenge_id, spt_sha256, purpose, fingerprint, intent_id, claimed_at_ms)
                 SELECT {challenge}, {token}, {purpose}, {fingerprint}, id, {at} FROM root"
            )
        }
    };
    batch.part("taken", &taken);
}

/// The proof says who asks, and is answered by an intent that is there already.
pub(super) async fn join(
    books: &PostgresBooks,
    claim: &NewClaim<'_>,
    id: PaymentId,
) -> Result<(), faults::Unwritten> {
    let mut batch = Batch::default();
    let (id, at) = (batch.bind(id.to_string()), batch.bind(claim.at.ms()));
    let marks = books.marks.snapshot();
    marks.add_to(&mut batch, &at);
    batch.part("root", &format!("SELECT {id} AS id"));
    take_proof(&mut batch, claim, "identity", &at);
    let mut connection = books.writer.acquire().await?;
    batch.run(&mut *connection, "SELECT id FROM root").await.map_err(faults::of_write)?;
    books.marks.written(&marks);
    Ok(())
}
