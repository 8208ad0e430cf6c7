//! Transitions. Those of a launch are one statement each; the few that change an account of credits
//! lock it first, in a transaction of several.

use payments::{
    ids::PaymentId,
    intent::{Change, Intent, State, StoredAnswer, Transition, Written},
    obligation::{ObligationState, ObligationStep},
    ports::BooksError,
    settlement::Settlement,
};
use sqlx::Row;

use super::{
    PostgresBooks,
    batch::Batch,
    dialect::DOUBT,
    faults::{self, TRIES},
    rows,
    transitions::{self, answer::headers_text, kept_for_settlement},
    unavailable,
};
use crate::books::doubt::until_known;

pub(super) async fn apply(
    books: &PostgresBooks,
    transition: Transition,
) -> Result<Intent, BooksError> {
    let transition = &transition;
    until_known(DOUBT, |in_doubt| Box::pin(in_tries(books, transition, in_doubt))).await
}

async fn in_tries(
    books: &PostgresBooks,
    transition: &Transition,
    in_doubt: bool,
) -> Result<Intent, BooksError> {
    let changes_credits = match transition.change() {
        Change::Granted { .. } | Change::Mischarged { .. } | Change::Compensated { .. } => true,
        Change::Released { returned_credits, .. } => returned_credits.is_some(),
        _ => false,
    };
    if in_doubt {
        books.suspects.are(books.writer.size());
        if let Some(intent) = books.written_before(transition).await? {
            return Ok(intent);
        }
    }
    for _ in 0..TRIES {
        let applied = if changes_credits {
            in_several(books, transition).await
        } else {
            in_one(books, transition).await
        };
        match applied {
            Err(error) if faults::is_conflict(&error) => {}
            done => return done,
        }
    }
    Err(super::contended())
}

async fn in_several(books: &PostgresBooks, transition: &Transition) -> Result<Intent, BooksError> {
    let mut write = books.write(None).await?;
    let applied = transitions::apply(&mut write.transaction, transition.clone()).await;
    books.finish(write, applied).await
}

async fn in_one(books: &PostgresBooks, transition: &Transition) -> Result<Intent, BooksError> {
    let id = transition.intent();
    let mut batch = Batch::default();
    let at = batch.bind(transition.at().ms());
    root(&mut batch, books, transition, &at)?;
    let to = batch.bind(transition.to().word());
    let event = format!(
        "INSERT INTO intent_events (intent_id, version, state, at_ms) SELECT id, version, {to}, {at} FROM root"
    );
    batch.part("event", &event);
    if transition.from() == State::Queued {
        let left = "DELETE FROM settlement_queue USING root WHERE intent_id = root.id";
        batch.part("left_queue", left);
    }
    let wipes = details(&mut batch, transition, &at);
    let answer = if wipes {
        "SELECT delivered_at_ms IS NOT NULL AS delivered, (SELECT count(*) FROM wiped) AS wiped FROM root"
    } else {
        "SELECT delivered_at_ms IS NOT NULL AS delivered, 0::BIGINT AS wiped FROM root"
    };
    let mut connection = books.writer.acquire().await.map_err(unavailable)?;
    let row = batch.run(&mut *connection, answer).await.map_err(faults::of_write)?;
    let row = row.ok_or(BooksError::Stale(id))?;
    let wiped: i64 = row.try_get("wiped").map_err(unavailable)?;
    let delivered = row.try_get("delivered").map_err(unavailable)?;
    Ok(transition.after(Written { delivered, keeps_bytes: wiped == 0, granted_balance: None }))
}

/// The guarded update of the intent's row, with the marks that wait for it.
fn root(
    batch: &mut Batch,
    books: &PostgresBooks,
    transition: &Transition,
    at: &str,
) -> Result<(), BooksError> {
    let (id, guard) = (transition.intent(), transition.guard());
    let to = batch.bind(transition.to().word());
    let mut sets = format!("state = {to}, version = version + 1, updated_at_ms = {at}");
    if transition.to() == State::Forwarding {
        sets.push_str(&format!(", forwarding_since_ms = {at}"));
    }
    let waiting = books.marks.of(id);
    if waiting.delivered {
        sets.push_str(&format!(", delivered_at_ms = coalesce(delivered_at_ms, {at})"));
    }
    if waiting.delivered || waiting.unattended {
        sets.push_str(", attended_until_ms = 0");
    }
    if let Some(by) = transition.ended_by() {
        sets.push_str(&format!(", ended_by = {}", batch.bind(by.word().to_owned())));
    }
    let mut held = String::new();
    let id = batch.bind(id.to_string());
    match transition.change() {
        Change::PayFailed { failure } => {
            sets.push_str(&format!(", failure = {}", batch.bind(failure.word().to_owned())))
        }
        Change::Created { answer, launch_id, used_entitlement, .. } => {
            sets.push_str(&answered(batch, transition, answer)?);
            sets.push_str(&format!(", launch_id = {}", batch.bind(launch_id.clone())));
            if let Some(source) = used_entitlement {
                held = reserved(batch, &source.to_string(), &id);
            }
        }
        Change::Rejected { answer, entitled_until, .. } => {
            sets.push_str(&answered(batch, transition, answer)?);
            sets.push_str(&format!(", entitled_until_ms = {}", batch.bind(entitled_until.ms())));
        }
        Change::Released { answer, reopened_entitlement, .. } => {
            sets.push_str(&answered(batch, transition, answer)?);
            if let Some(source) = reopened_entitlement {
                held = reserved(batch, &source.to_string(), &id);
            }
        }
        _ => {}
    }
    let (from, version, fence) =
        (batch.bind(transition.from().word()), batch.bind(guard.version), batch.bind(guard.fence));
    let update = format!(
        "UPDATE intents SET {sets} WHERE id = {id} AND state = {from} AND version = {version} AND fence = {fence}{held}
         RETURNING id, payer, rail, chain_id, asset, from_addr, nonce, price_minor, currency, version, delivered_at_ms"
    );
    batch.part("root", &update);
    Ok(())
}

fn answered(
    batch: &mut Batch,
    transition: &Transition,
    answer: &StoredAnswer,
) -> Result<String, BooksError> {
    let headers = batch.bind(headers_text(transition.intent(), answer)?);
    let (status, body) = (batch.bind(i64::from(answer.status)), batch.bind(answer.body.to_vec()));
    Ok(format!(", answer_status = {status}, answer_headers = {headers}, answer_body = {body}"))
}

/// The entitlement that this intent reserved is still reserved by it.
fn reserved(batch: &mut Batch, source: &str, id: &str) -> String {
    let (source, reserved) =
        (batch.bind(source.to_owned()), batch.bind(ObligationState::Reserved.word()));
    format!(
        " AND EXISTS (SELECT 1 FROM obligations WHERE intent_id = {source} AND state = {reserved} AND reserved_by = {id})"
    )
}

/// What hangs on the row. Says whether signed transactions are wiped.
fn details(batch: &mut Batch, transition: &Transition, at: &str) -> bool {
    match transition.change() {
        Change::Funded { settlement, posting } | Change::Charged { settlement, posting } => {
            settle(batch, settlement, at);
            batch.post(posting, at);
            return false;
        }
        Change::PayFailed { .. } => {}
        Change::Created { posting, used_entitlement, .. } => {
            posting.iter().for_each(|posting| batch.post(posting, at));
            used_entitlement
                .iter()
                .for_each(|source| move_obligation(batch, source, ObligationStep::USE, at));
        }
        Change::Rejected { posting, entitled_until, .. } => {
            batch.post(posting, at);
            let (until, open) =
                (batch.bind(entitled_until.ms()), batch.bind(ObligationState::Open.word()));
            batch.part(
                "owed",
                &format!(
                    "INSERT INTO obligations (intent_id, payer, amount_minor, currency, state, entitled_until_ms, created_at_ms, updated_at_ms)
                     SELECT id, payer, price_minor, currency, {open}, {until}, {at}, {at} FROM root"
                ),
            );
        }
        Change::Released { posting, reopened_entitlement, .. } => {
            posting.iter().for_each(|posting| batch.post(posting, at));
            match reopened_entitlement {
                Some(source) => move_obligation(batch, source, ObligationStep::REOPEN, at),
                None => batch
                    .part("freed", "DELETE FROM free_slots USING root WHERE intent_id = root.id"),
            }
            return false;
        }
        _ => return false,
    }
    wipe(batch, transition.before())
}

fn settle(batch: &mut Batch, settlement: &Settlement, at: &str) {
    match settlement {
        Settlement::Transfer(proof) => {
            let (hash, log_index) =
                (batch.bind(proof.tx_hash.to_string()), batch.bind(rows::integer(proof.log_index)));
            let (number, block) = (
                batch.bind(rows::integer(proof.block_number)),
                batch.bind(proof.block_hash.to_string()),
            );
            let fee = batch.bind(proof.fee_wei.to_string());
            let settled = format!(
                "INSERT INTO settlements (intent_id, rail, chain_id, asset, from_addr, nonce, tx_hash, log_index, block_number, block_hash,
                    fee_wei, amount_minor, currency, settled_at_ms)
                 SELECT id, rail, chain_id, asset, from_addr, nonce, {hash}, {log_index}, {number}, {block}, {fee}, price_minor, currency, {at}
                 FROM root"
            );
            batch.part("settled", &settled);
            // All attempts under one nonce are of one intent.
            let closed = format!(
                "UPDATE attempts a SET nonce_closed = 1, fee_wei = CASE WHEN a.tx_hash = {hash} THEN {fee} ELSE a.fee_wei END
                 FROM root JOIN attempts own ON own.intent_id = root.id AND own.tx_hash = {hash}
                 WHERE a.intent_id = root.id AND a.signer = own.signer AND a.eoa_nonce = own.eoa_nonce"
            );
            batch.part("closed", &closed);
        }
        Settlement::Charge(proof) => {
            let (payment, charge) =
                (batch.bind(proof.payment_intent.clone()), batch.bind(proof.charge.clone()));
            let livemode = batch.bind(i64::from(proof.livemode));
            let settled = format!(
                "INSERT INTO settlements (intent_id, rail, stripe_pi, stripe_charge, livemode, amount_minor, currency, settled_at_ms)
                 SELECT id, rail, {payment}, {charge}, {livemode}, price_minor, currency, {at} FROM root"
            );
            batch.part("settled", &settled);
            let token = format!(
                "INSERT INTO agent_tokens (token_sha256, payer, intent_id, created_at_ms)
                 SELECT c.agent_token_sha256, root.payer, root.id, {at} FROM root JOIN charges c ON c.intent_id = root.id"
            );
            batch.part("token", &token);
        }
    }
}

/// Whether it stands where the step begins is asked where the row of the intent is written: see
/// [`reserved`].
fn move_obligation(batch: &mut Batch, source: &PaymentId, step: ObligationStep, at: &str) {
    let (source, to) = (batch.bind(source.to_string()), batch.bind(step.to().word()));
    let let_go = if step == ObligationStep::REOPEN { ", reserved_by = NULL" } else { "" };
    let moved = format!(
        "UPDATE obligations SET state = {to}{let_go}, updated_at_ms = {at} FROM root WHERE intent_id = {source}"
    );
    batch.part("moved", &moved);
}

fn wipe(batch: &mut Batch, intent: &Intent) -> bool {
    if intent.charge.is_some() {
        batch.part("emptied", "UPDATE charges SET sealed_params = ''::bytea FROM root WHERE charges.intent_id = root.id");
    }
    if !intent.attempts.is_empty() {
        let wiped = concat!(
            "UPDATE attempts SET sealed_tx = ''::bytea FROM root WHERE attempts.intent_id = root.id AND NOT ",
            kept_for_settlement!(),
            " RETURNING 1"
        );
        batch.part("wiped", wiped);
    }
    !intent.attempts.is_empty()
}
