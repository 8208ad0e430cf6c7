//! Transitions, in memory.

use super::{
    credits,
    finality::{Look, keeps_bytes},
    tables::{Obligation, Tables, refused_by_key},
};
use payments::{
    charge::ChargeProof,
    ids::PaymentId,
    intent::{Change, Intent, Transition, Written},
    ledger::Posting,
    money::{Amount, Credits, UsdCents},
    obligation::{ObligationState, ObligationStep},
    ports::BooksError,
    settlement::{Settlement, SettlementProof},
    time::UnixMs,
};

pub(super) fn apply(tables: &mut Tables, transition: Transition) -> Result<Intent, BooksError> {
    let (id, at) = (transition.intent(), transition.at());
    let intent = tables.row(id)?.intent.clone();
    if intent.guard != transition.guard() || intent.state != transition.from() {
        return Err(BooksError::Stale(id));
    }
    tables.timeline.push((id, transition.to(), at));
    tables.queue.remove(&id);
    let payer = &intent.payer;
    let mut granted_balance = None;
    match transition.change() {
        Change::Mark | Change::PayFailed { .. } => {}
        Change::Funded { settlement, posting } | Change::Charged { settlement, posting } => {
            settle(tables, &intent, settlement)?;
            post(tables, Some(posting))?;
        }
        Change::Mischarged { mischarge, posting } => {
            post(tables, posting.as_ref())?;
            let amount = Amount::Usd(UsdCents::new(mischarge.amount_minor));
            owe(
                tables,
                &intent,
                Obligation { amount, state: ObligationState::RefundSent, ..open(&intent, at, at) },
            );
        }
        Change::Granted { credits: bought, backing, posting } => {
            granted_balance =
                Some(credits::add(tables, payer, *bought, *backing, "grant", id)?.balance);
            post(tables, Some(posting))?;
        }
        Change::Compensated { backing, posting, .. } => {
            credits::add(tables, payer, Credits::new(1), *backing, "compensation", id)?;
            post(tables, Some(posting))?;
            credits::compensated(tables, id, at)?;
        }
        Change::Created { posting, used_entitlement, .. } => {
            post(tables, posting.as_ref())?;
            move_obligation(tables, *used_entitlement, id, ObligationStep::USE)?;
        }
        Change::Rejected { posting, entitled_until, .. } => {
            post(tables, Some(posting))?;
            owe(tables, &intent, open(&intent, *entitled_until, at));
        }
        Change::Released { posting, reopened_entitlement, returned_credits, .. } => {
            if let Some(returned) = returned_credits {
                credits::add(tables, payer, returned.count, returned.backing, "refund", id)?;
            }
            post(tables, posting.as_ref())?;
            tables.slots.retain(|_, slot| slot.intent != id);
            move_obligation(tables, *reopened_entitlement, id, ObligationStep::REOPEN)?;
        }
    }
    let keeps_bytes = keeps_bytes(tables, &intent);
    let written = Written { delivered: intent.delivered, keeps_bytes, granted_balance };
    let moved = transition.onto(intent, written);
    tables.row(id)?.intent = moved.clone();
    Ok(moved)
}

fn settle(tables: &mut Tables, intent: &Intent, settlement: &Settlement) -> Result<(), BooksError> {
    match settlement {
        Settlement::Transfer(proof) => settle_transfer(tables, intent, proof),
        Settlement::Charge(proof) => settle_charge(tables, intent, proof),
    }
}

fn settle_charge(
    tables: &mut Tables,
    intent: &Intent,
    proof: &ChargeProof,
) -> Result<(), BooksError> {
    let settled =
        tables.intents.values().filter_map(|row| row.intent.settlement.as_ref()?.charge());
    if settled.into_iter().any(|other| other.payment_intent == proof.payment_intent) {
        return Err(refused_by_key("settlements"));
    }
    if let Some(sha256) = intent.charge.as_ref().map(|charge| charge.agent_token_sha256) {
        tables.agent_tokens.insert(sha256, intent.id);
    }
    Ok(())
}

fn settle_transfer(
    tables: &mut Tables,
    intent: &Intent,
    settlement: &SettlementProof,
) -> Result<(), BooksError> {
    let same_log = |other: &SettlementProof| {
        other.tx_hash == settlement.tx_hash && other.log_index == settlement.log_index
    };
    if tables.intents.values().filter_map(|row| row.intent.transfer_proof()).any(same_log) {
        return Err(refused_by_key("settlements"));
    }
    tables.looks.insert(intent.id, Look { is_final: false, due: UnixMs::new(0) });
    let ours = intent.attempts.iter().find(|attempt| attempt.tx_hash == settlement.tx_hash);
    if let Some(nonce) =
        ours.and_then(|attempt| Some((intent.account_of(attempt)?, attempt.eoa_nonce)))
    {
        tables.closed_nonces.insert(nonce);
    }
    Ok(())
}

fn post(tables: &mut Tables, posting: Option<&Posting>) -> Result<(), BooksError> {
    let Some(posting) = posting else { return Ok(()) };
    if tables.postings.iter().any(|other| other.txn_id() == posting.txn_id()) {
        return Err(refused_by_key("journal_headers"));
    }
    tables.postings.push(posting.clone());
    Ok(())
}

fn open(intent: &Intent, entitled_until: UnixMs, at: UnixMs) -> Obligation {
    let (payer, amount) = (intent.payer.clone(), intent.price);
    Obligation {
        payer,
        amount,
        state: ObligationState::Open,
        reserved_by: None,
        entitled_until,
        created_at: at,
        part_of: None,
    }
}

fn owe(tables: &mut Tables, intent: &Intent, owed: Obligation) {
    tables.obligations.insert(intent.id, owed);
}

fn move_obligation(
    tables: &mut Tables,
    source: Option<PaymentId>,
    by: PaymentId,
    step: ObligationStep,
) -> Result<(), BooksError> {
    let Some(source) = source else { return Ok(()) };
    let owed = tables
        .obligations
        .get_mut(&source)
        .filter(|owed| owed.state == step.from() && owed.reserved_by == Some(by));
    let owed = owed.ok_or(BooksError::Stale(source))?;
    owed.state = step.to();
    if step == ObligationStep::REOPEN {
        owed.reserved_by = None;
    }
    Ok(())
}
