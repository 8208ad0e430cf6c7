//! Transitions, in memory.

use super::{
    finality::{Look, keeps_bytes},
    tables::{Obligation, Tables, refused_by_key},
};
use crate::{
    ids::PaymentId,
    intent::{Change, Intent, State, StoredAnswer, Transition},
    ledger::Posting,
    ports::BooksError,
    settlement::SettlementProof,
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
        Change::Funded { settlement, posting } => {
            settle(tables, id, settlement)?;
            post(tables, Some(posting))?;
        }
        Change::PayFailed { failure } => {
            let intent = &mut tables.row(id)?.intent;
            intent.failure = Some(*failure);
            wipe(intent);
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
        Change::Released { answer, posting, reopened_entitlement } => {
            answered(tables, id, answer)?;
            post(tables, posting.as_ref())?;
            tables.slots.retain(|_, slot| slot.intent != id);
            move_obligation(tables, *reopened_entitlement, id, "open")?;
        }
    }
    Ok(tables.row(id)?.intent.clone())
}

fn settle(tables: &mut Tables, id: PaymentId, settlement: &SettlementProof) -> Result<(), BooksError> {
    let same_log = |other: &SettlementProof| other.tx_hash == settlement.tx_hash && other.log_index == settlement.log_index;
    if tables.intents.values().filter_map(|row| row.intent.settlement.as_ref()).any(same_log) {
        return Err(refused_by_key("settlements"));
    }
    tables.looks.insert(id, Look { is_final: false, due: UnixMs::new(0) });
    tables.note_fee(settlement.tx_hash, Some(settlement.fee_wei));
    let intent = &mut tables.row(id)?.intent;
    intent.settlement = Some(settlement.clone());
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
