//! Transitions, in memory.

use super::{
    credits,
    finality::{Look, keeps_bytes},
    tables::{Obligation, Tables, refused_by_key},
};
use crate::{
    charge::ChargeProof,
    ids::PaymentId,
    intent::{Change, Intent, State, StoredAnswer, Transition},
    ledger::Posting,
    money::{Amount, Credits, UsdCents},
    ports::BooksError,
    settlement::{PaymentFailure, Settlement, SettlementProof},
    time::UnixMs,
};

pub(super) fn apply(tables: &mut Tables, transition: Transition) -> Result<Intent, BooksError> {
    let (id, at) = (transition.intent(), transition.at());
    let intent = &mut tables.row(id)?.intent;
    if intent.guard != transition.guard() || intent.state != transition.from() {
        return Err(BooksError::Stale(id));
    }
    intent.state = transition.to();
    intent.guard.version += 1;
    intent.updated_at = at;
    if transition.to() == State::Forwarding {
        intent.forwarding_since = Some(at);
    }
    tables.timeline.push((id, transition.to(), at));
    match transition.change() {
        Change::Mark => {}
        Change::Funded { settlement, posting } | Change::Charged { settlement, posting } => {
            settle(tables, id, settlement)?;
            post(tables, Some(posting))?;
        }
        Change::PayFailed { failure } => {
            let intent = &mut tables.row(id)?.intent;
            intent.failure = Some(failure.clone());
            wipe(intent);
        }
        Change::Mischarged { mischarge, posting } => {
            let intent = &mut tables.row(id)?.intent;
            intent.failure = Some(PaymentFailure::Mischarged);
            wipe(intent);
            let payer = intent.payer.clone();
            post(tables, posting.as_ref())?;
            let amount = Amount::Usd(UsdCents::new(mischarge.amount_minor));
            let owed = Obligation { payer, amount, state: "refund_sent", reserved_by: None, entitled_until: at, created_at: at };
            tables.obligations.insert(id, owed);
        }
        Change::Granted { credits: bought, backing, posting } => {
            let payer = tables.row(id)?.intent.payer.clone();
            let account = credits::add(tables, &payer, *bought, *backing, "grant", id)?;
            post(tables, Some(posting))?;
            let intent = &mut tables.row(id)?.intent;
            intent.granted_balance = Some(account.balance);
            wipe(intent);
        }
        Change::Compensated { answer, backing, posting } => {
            let payer = answered(tables, id, answer)?.payer.clone();
            credits::add(tables, &payer, Credits::new(1), *backing, "compensation", id)?;
            post(tables, Some(posting))?;
            credits::compensated(tables, id, at)?;
        }
        Change::Created { answer, launch_id, posting, used_entitlement } => {
            let intent = answered(tables, id, answer)?;
            intent.launch_id = Some(launch_id.clone());
            post(tables, posting.as_ref())?;
            move_obligation(tables, *used_entitlement, id, "used")?;
        }
        Change::Rejected { answer, posting, entitled_until } => {
            answered(tables, id, answer)?.entitled_until = Some(*entitled_until);
            post(tables, Some(posting))?;
            owe(tables, id, *entitled_until, at)?;
        }
        Change::Released { answer, posting, reopened_entitlement, returned_credit } => {
            let payer = answered(tables, id, answer)?.payer.clone();
            if let Some(backing) = returned_credit {
                credits::add(tables, &payer, Credits::new(1), *backing, "refund", id)?;
            }
            post(tables, posting.as_ref())?;
            tables.slots.retain(|_, slot| slot.intent != id);
            move_obligation(tables, *reopened_entitlement, id, "open")?;
        }
    }
    Ok(tables.row(id)?.intent.clone())
}

fn settle(tables: &mut Tables, id: PaymentId, settlement: &Settlement) -> Result<(), BooksError> {
    match settlement {
        Settlement::Transfer(proof) => settle_transfer(tables, id, proof),
        Settlement::Charge(proof) => settle_charge(tables, id, proof),
    }
}

fn settle_charge(tables: &mut Tables, id: PaymentId, proof: &ChargeProof) -> Result<(), BooksError> {
    let settled = tables.intents.values().filter_map(|row| row.intent.settlement.as_ref()?.charge());
    if settled.into_iter().any(|other| other.payment_intent == proof.payment_intent) {
        return Err(refused_by_key("settlements"));
    }
    let intent = &mut tables.row(id)?.intent;
    intent.settlement = Some(Settlement::Charge(proof.clone()));
    if let Some(sha256) = intent.charge.as_ref().map(|charge| charge.agent_token_sha256) {
        tables.agent_tokens.insert(sha256, id);
    }
    Ok(())
}

fn settle_transfer(tables: &mut Tables, id: PaymentId, settlement: &SettlementProof) -> Result<(), BooksError> {
    let same_log = |other: &SettlementProof| other.tx_hash == settlement.tx_hash && other.log_index == settlement.log_index;
    if tables.intents.values().filter_map(|row| row.intent.transfer_proof()).any(same_log) {
        return Err(refused_by_key("settlements"));
    }
    tables.looks.insert(id, Look { is_final: false, due: UnixMs::new(0) });
    tables.note_fee(settlement.tx_hash, Some(settlement.fee_wei));
    let intent = &mut tables.row(id)?.intent;
    intent.settlement = Some(Settlement::Transfer(settlement.clone()));
    let ours = intent.attempts.iter().find(|attempt| attempt.tx_hash == settlement.tx_hash);
    if let Some(nonce) = ours.map(|attempt| (attempt.signer, attempt.eoa_nonce)) {
        tables.closed_nonces.insert(nonce);
    }
    Ok(())
}

/// Stores the final answer and wipes what could move money, unless a reorganisation may make it necessary once more.
fn answered<'t>(tables: &'t mut Tables, id: PaymentId, answer: &StoredAnswer) -> Result<&'t mut Intent, BooksError> {
    let kept = tables.intents.get(&id).is_some_and(|row| keeps_bytes(tables, &row.intent));
    let intent = &mut tables.row(id)?.intent;
    intent.answer = Some(answer.clone());
    if !kept {
        wipe(intent);
    }
    Ok(intent)
}

fn wipe(intent: &mut Intent) {
    for attempt in &mut intent.attempts {
        attempt.sealed_tx.clear();
    }
    if let Some(charge) = &mut intent.charge {
        charge.sealed_params.clear();
    }
}

fn post(tables: &mut Tables, posting: Option<&Posting>) -> Result<(), BooksError> {
    let Some(posting) = posting else { return Ok(()) };
    if tables.postings.iter().any(|other| other.txn_id() == posting.txn_id()) {
        return Err(refused_by_key("journal_headers"));
    }
    tables.postings.push(posting.clone());
    Ok(())
}

fn owe(tables: &mut Tables, id: PaymentId, entitled_until: UnixMs, at: UnixMs) -> Result<(), BooksError> {
    let intent = &tables.row(id)?.intent;
    let (payer, amount) = (intent.payer.clone(), intent.price);
    tables.obligations.insert(id, Obligation { payer, amount, state: "open", reserved_by: None, entitled_until, created_at: at });
    Ok(())
}

fn move_obligation(tables: &mut Tables, source: Option<PaymentId>, by: PaymentId, to: &'static str) -> Result<(), BooksError> {
    let Some(source) = source else { return Ok(()) };
    let owed = tables.obligations.get_mut(&source).filter(|owed| owed.state == "reserved" && owed.reserved_by == Some(by));
    let owed = owed.ok_or(BooksError::Stale(source))?;
    owed.state = to;
    if to == "open" {
        owed.reserved_by = None;
    }
    Ok(())
}
