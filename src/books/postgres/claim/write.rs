//! The statement that writes a claim. Its root is the intent's row, which is only there when what
//! the decision rests on still holds.

use payments::{
    agent::Payer,
    funding::Funding,
    ids::PaymentId,
    ledger::Posting,
    obligation::{ObligationState, ObligationStep},
    ports::NewClaim,
    proof::ProofKey,
};
use sqlx::postgres::PgExecutor;

use super::{
    super::{PostgresBooks, batch::Batch, faults, liveness::ALL_KNOW_PARTS, marks::Snapshot, rows},
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
    let mut held = guard(&mut batch, claim, facts, funded, (&id, &at))?;
    held.extend(facts.frees_key.then(|| free_key(&mut batch, claim)));
    held.extend(blocked::guard(&mut batch, claim));
    root(&mut batch, books, claim, funded, (&id, &at, &held))?;
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
    (id, at): (&str, &str),
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
        (Funding::X402, None) => return Err(corrupt(nothing_to_send(claim))),
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

fn root(
    batch: &mut Batch,
    books: &PostgresBooks,
    claim: &NewClaim<'_>,
    funded: &Funded,
    (id, at, held): (&str, &str, &[String]),
) -> Result<(), sqlx::Error> {
    let transfer = claim.payment.transfer().map(|payment| &payment.transfer);
    let minor = funded.price.minor().map_err(|_| corrupt(too_large(claim)))?;
    let lease_until = batch.bind(claim.lease_until.ms());
    let source = match &funded.funding {
        Funding::Entitlement { source } => Some(source.to_string()),
        _ => None,
    };
    let (credits, backing, if_refused) = match &funded.funding {
        Funding::MppPack { credits } => (Some(rows::integer(credits.get())), None, None),
        Funding::Credit { backing, .. } => (None, Some(rows::integer(backing.get())), None),
        Funding::MppCharge { if_refused } => (None, None, Some(if_refused.word())),
        Funding::Free | Funding::Entitlement { .. } | Funding::X402 => (None, None, None),
    };
    let forwarding =
        if funded.state() == payments::intent::State::Forwarding { at } else { "NULL::bigint" };
    let columns = [
        ("id", id.to_owned()),
        ("core_key", id.to_owned()),
        ("payer", batch.bind(claim.payer.to_string())),
        ("rail", batch.bind(claim.protocol.rail())),
        ("proof_version", batch.bind(i64::from(claim.protocol.number()))),
        ("funding", batch.bind(funded.funding.word())),
        ("entitlement_source", batch.bind(source)),
        ("price_minor", batch.bind(minor)),
        ("currency", batch.bind(funded.price.currency())),
        ("fingerprint", batch.bind(claim.fingerprint.as_bytes().to_vec())),
        ("client_idem_key", batch.bind(claim.key.idempotency.as_ref().map(|(_, key)| key.clone()))),
        ("route", batch.bind(claim.request.route.clone())),
        ("path_and_query", batch.bind(claim.request.path_and_query.clone())),
        ("body", batch.bind(claim.request.body.to_vec())),
        ("content_type", batch.bind(claim.request.content_type.clone())),
        ("state", batch.bind(funded.state().word())),
        ("version", String::from("1")),
        ("fence", String::from("1")),
        ("lease_until_ms", lease_until.clone()),
        ("attended_until_ms", lease_until),
        ("lease_owner", batch.bind(books.instance())),
        ("chain_id", batch.bind(transfer.map(|terms| rows::chain_id(&terms.key)))),
        ("asset", batch.bind(transfer.map(|terms| terms.key.token.to_string()))),
        ("from_addr", batch.bind(transfer.map(|terms| terms.key.from.to_string()))),
        ("nonce", batch.bind(transfer.map(|terms| rows::nonce(&terms.key)))),
        ("pay_to", batch.bind(transfer.map(|terms| terms.pay_to.to_string()))),
        (
            "valid_before_unix_s",
            batch.bind(transfer.map(|terms| rows::integer(terms.valid_before_unix_s))),
        ),
        (
            "claimed_at_block",
            batch.bind(transfer.map(|terms| rows::integer(terms.claimed_at_block))),
        ),
        ("pack_credits", batch.bind(credits)),
        ("backing_cents", batch.bind(backing)),
        ("if_refused", batch.bind(if_refused)),
        ("forwarding_since_ms", forwarding.to_owned()),
        ("created_at_ms", at.to_owned()),
        ("updated_at_ms", at.to_owned()),
    ];
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<&str> = columns.iter().map(|(_, value)| value.as_str()).collect();
    let held =
        if held.is_empty() { String::new() } else { format!(" WHERE {}", held.join(" AND ")) };
    let insert = format!(
        "INSERT INTO intents ({}) SELECT {}{held} RETURNING id",
        names.join(", "),
        values.join(", ")
    );
    batch.part("root", &insert);
    Ok(())
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

/// What hangs on the row: the slot, the posting of a reserved entitlement or of a held credit, the
/// signed attempt, or the charge.
fn details(
    batch: &mut Batch,
    claim: &NewClaim<'_>,
    funded: &Funded,
    at: &str,
) -> Result<(), sqlx::Error> {
    let too_large = |_| corrupt(too_large(claim));
    match &funded.funding {
        Funding::Free => {
            let (Payer::Wallet(wallet), Some(offer), Some(taken)) =
                (&claim.payer, &claim.free, &funded.slot)
            else {
                return Err(corrupt(nothing_to_send(claim)));
            };
            let (wallet, day) = (batch.bind(wallet.to_string()), batch.bind(offer.day.clone()));
            let (quota, window) =
                (batch.bind(taken.of.quota.clone()), batch.bind(taken.of.window.clone()));
            let slot = batch.bind(i64::from(taken.slot));
            let insert = format!(
                "INSERT INTO free_slots (wallet, quota, month, slot, day, intent_id)
                 SELECT {wallet}, {quota}, {window}, {slot}, {day}, id FROM root"
            );
            batch.part("slot", &insert);
        }
        Funding::Entitlement { .. } => {
            if let Some(rest) = funded.rest {
                let (rest, open) =
                    (batch.bind(rest.get()), batch.bind(ObligationState::Open.word()));
                let left = format!(
                    "INSERT INTO obligations (intent_id, part_of, payer, amount_minor, currency, state, entitled_until_ms, created_at_ms, updated_at_ms)
                     SELECT root.id, held.source, held.payer, {rest}, held.currency, {open}, held.entitled_until_ms, held.created_at_ms, {at}
                     FROM root CROSS JOIN held"
                );
                batch.part("rest", &left);
            }
            batch.post(
                &Posting::entitled(claim.id, &claim.payer, funded.price).map_err(too_large)?,
                at,
            );
        }
        Funding::Credit { count, .. } => {
            // The account's row is ours since `held`; the entry names the balance that it makes.
            let taken = batch.bind(rows::integer(count.get()));
            let entry = format!(
                "INSERT INTO credit_entries (payer, delta, kind, intent_id, balance_after, at_ms)
                 SELECT held.payer, -{taken}::BIGINT, 'deduct', root.id, held.balance - {taken}, {at} FROM root CROSS JOIN held"
            );
            batch.part("entry", &entry);
            batch.post(
                &Posting::credit_held(claim.id, &claim.payer, *count).map_err(too_large)?,
                at,
            );
        }
        Funding::X402 => save_attempt(batch, funded),
        Funding::MppCharge { .. } | Funding::MppPack { .. } => {
            let Some(charge) = claim.payment.charge() else {
                return Err(corrupt(nothing_to_send(claim)));
            };
            let (key, challenge) = (
                batch.bind(charge.stripe_key.clone()),
                batch.bind(charge.key.challenge_id.to_string()),
            );
            let (token, sealed) = (
                batch.bind(charge.key.token_sha256.to_vec()),
                batch.bind(charge.sealed_params.clone()),
            );
            let (agent, saved) =
                (batch.bind(charge.agent_token_sha256.to_vec()), batch.bind(charge.saved_at.ms()));
            let saved = format!(
                "INSERT INTO charges (intent_id, stripe_key, challenge_id, spt_sha256, sealed_params, agent_token_sha256, saved_at_ms)
                 SELECT id, {key}, {challenge}, {token}, {sealed}, {agent}, {saved} FROM root"
            );
            batch.part("charge", &saved);
        }
    }
    Ok(())
}

fn save_attempt(batch: &mut Batch, funded: &Funded) {
    let Some(attempt) = &funded.attempt else { return };
    let (kind, signer) = (batch.bind(attempt.kind.word()), batch.bind(attempt.signer.to_string()));
    let (nonce, hash) =
        (batch.bind(rows::integer(attempt.eoa_nonce)), batch.bind(attempt.tx_hash.to_string()));
    let (fee, sealed) = (
        batch.bind(attempt.max_fee_per_gas_wei.to_string()),
        batch.bind(attempt.sealed_tx.clone()),
    );
    let saved = batch.bind(attempt.saved_at.ms());
    let saved = format!(
        "INSERT INTO attempts (intent_id, kind, signer, eoa_nonce, tx_hash, max_fee_per_gas_wei, sealed_tx, saved_at_ms)
         SELECT id, {kind}, {signer}, {nonce}, {hash}, {fee}, {sealed}, {saved} FROM root"
    );
    batch.part("attempt", &saved);
    // Replicas of the release before read their own table.
    let (signer, next) =
        (batch.bind(attempt.signer.to_string()), batch.bind(nonces::after(attempt.eoa_nonce)));
    let kept = "ON CONFLICT (addr) DO UPDATE SET next_nonce = greatest(signers.next_nonce, excluded.next_nonce)";
    batch.part(
        "signers_before",
        &format!("INSERT INTO signers (addr, next_nonce) SELECT {signer}, {next} FROM root {kept}"),
    );
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
