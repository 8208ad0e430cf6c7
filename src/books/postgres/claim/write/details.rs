//! What hangs on the row: slot, entitlement, credit, attempt or charge.

use payments::{
    agent::Payer,
    funding::Funding,
    ledger::Posting,
    money::Credits,
    obligation::ObligationState,
    ports::{NewClaim, TransferPayment},
    settlement::Attempt,
};

use super::super::{
    super::{batch::Batch, rows},
    corrupt,
    made::{Funded, nothing_to_send, too_large},
    nonces,
};

/// What hangs on the row: the slot, the posting of a reserved entitlement or of a held credit, the
/// signed attempt, or the charge.
pub(super) fn details(
    batch: &mut Batch,
    claim: &NewClaim<'_>,
    funded: &Funded,
    at: &str,
) -> Result<(), sqlx::Error> {
    match &funded.funding {
        Funding::Free => slot(batch, claim, funded),
        Funding::Entitlement { .. } => entitlement(batch, claim, funded, at),
        Funding::Credit { count, .. } => credit(batch, claim, *count, at),
        Funding::X402 => {
            match (&funded.attempt, claim.payment.transfer()) {
                (Some(attempt), _) => save_attempt(batch, attempt),
                (None, Some(payment)) => enter_queue(batch, payment, at),
                (None, None) => return Err(corrupt(nothing_to_send(claim))),
            }
            Ok(())
        }
        Funding::MppCharge { .. } | Funding::MppPack { .. } => charge(batch, claim),
    }
}

/// The free slot that was given.
fn slot(batch: &mut Batch, claim: &NewClaim<'_>, funded: &Funded) -> Result<(), sqlx::Error> {
    let (Payer::Wallet(wallet), Some(offer), Some(taken)) =
        (&claim.payer, &claim.free, &funded.slot)
    else {
        return Err(corrupt(nothing_to_send(claim)));
    };
    let (wallet, day) = (batch.bind(wallet.to_string()), batch.bind(offer.day.clone()));
    let (quota, window) = (batch.bind(taken.of.quota.clone()), batch.bind(taken.of.window.clone()));
    let slot = batch.bind(i64::from(taken.slot));
    let insert = format!(
        "INSERT INTO free_slots (wallet, quota, month, slot, day, intent_id)
         SELECT {wallet}, {quota}, {window}, {slot}, {day}, id FROM root"
    );
    batch.part("slot", &insert);
    Ok(())
}

/// The rest that the call leaves of its entitlement, and the posting of what it takes.
fn entitlement(
    batch: &mut Batch,
    claim: &NewClaim<'_>,
    funded: &Funded,
    at: &str,
) -> Result<(), sqlx::Error> {
    let too_large = |_| corrupt(too_large(claim));
    if let Some(rest) = funded.rest {
        let (rest, open) = (batch.bind(rest.get()), batch.bind(ObligationState::Open.word()));
        let left = format!(
            "INSERT INTO obligations (intent_id, part_of, payer, amount_minor, currency, state, entitled_until_ms, created_at_ms, updated_at_ms)
             SELECT root.id, held.source, held.payer, {rest}, held.currency, {open}, held.entitled_until_ms, held.created_at_ms, {at}
             FROM root CROSS JOIN held"
        );
        batch.part("rest", &left);
    }
    batch.post(&Posting::entitled(claim.id, &claim.payer, funded.price).map_err(too_large)?, at);
    Ok(())
}

/// The entry of the held credits, and their posting.
fn credit(
    batch: &mut Batch,
    claim: &NewClaim<'_>,
    count: Credits,
    at: &str,
) -> Result<(), sqlx::Error> {
    let too_large = |_| corrupt(too_large(claim));
    // The account's row is ours since `held`; the entry names the balance that it makes.
    let taken = batch.bind(rows::integer(count.get()));
    let entry = format!(
        "INSERT INTO credit_entries (payer, delta, kind, intent_id, balance_after, at_ms)
         SELECT held.payer, -{taken}::BIGINT, 'deduct', root.id, held.balance - {taken}, {at} FROM root CROSS JOIN held"
    );
    batch.part("entry", &entry);
    batch.post(&Posting::credit_held(claim.id, &claim.payer, count).map_err(too_large)?, at);
    Ok(())
}

/// The charge with its sealed parameters.
fn charge(batch: &mut Batch, claim: &NewClaim<'_>) -> Result<(), sqlx::Error> {
    let Some(charge) = claim.payment.charge() else {
        return Err(corrupt(nothing_to_send(claim)));
    };
    let (key, challenge) =
        (batch.bind(charge.stripe_key.clone()), batch.bind(charge.key.challenge_id.to_string()));
    let (token, sealed) =
        (batch.bind(charge.key.token_sha256.to_vec()), batch.bind(charge.sealed_params.clone()));
    let (agent, saved) =
        (batch.bind(charge.agent_token_sha256.to_vec()), batch.bind(charge.saved_at.ms()));
    let saved = format!(
        "INSERT INTO charges (intent_id, stripe_key, challenge_id, spt_sha256, sealed_params, agent_token_sha256, saved_at_ms)
         SELECT id, {key}, {challenge}, {token}, {sealed}, {agent}, {saved} FROM root"
    );
    batch.part("charge", &saved);
    Ok(())
}

/// A claimed transfer begins to wait for a signer.
fn enter_queue(batch: &mut Batch, payment: &TransferPayment<'_>, at: &str) {
    let (before, sealed) = (
        batch.bind(rows::integer(payment.transfer.valid_before_unix_s)),
        batch.bind(payment.queueing.sealed_authorization.clone()),
    );
    let entered = format!(
        "INSERT INTO settlement_queue (intent_id, valid_before_unix_s, sealed_authorization, queued_at_ms)
         SELECT id, {before}, {sealed}, {at} FROM root"
    );
    batch.part("queued", &entered);
}

fn save_attempt(batch: &mut Batch, attempt: &Attempt) {
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
