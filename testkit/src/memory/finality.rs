//! Settlements that may still be taken back, in memory.

use super::tables::Tables;
use payments::{
    agent::Payer,
    ids::PaymentId,
    intent::Intent,
    ledger::Posting,
    ports::{
        BooksError, FOREIGN_TRANSACTION, Finding, SETTLEMENT_LOST, Seen, Sighting, SigningAccount,
    },
    settlement::{Attempt, AttemptKind, ChainHash, Settlement, SettlementProof},
    time::UnixMs,
};

/// A settlement beside its proof.
#[derive(Clone)]
pub(super) struct Look {
    pub(super) is_final: bool,
    pub(super) due: UnixMs,
}

#[derive(Clone)]
pub(super) struct Found {
    detail: String,
    opened_at: UnixMs,
    closed_at: Option<UnixMs>,
}

pub(super) fn recent(tables: &Tables, chain_id: u64, due: UnixMs, limit: u32) -> Vec<Intent> {
    let mut looks: Vec<_> =
        tables.looks.iter().filter(|(_, look)| !look.is_final && look.due <= due).collect();
    looks.sort_by_key(|(id, look)| (look.due, **id));
    let here = |intent: &Intent| {
        intent.transfer.as_ref().is_some_and(|terms| terms.key.chain_id == chain_id)
    };
    let intents = looks.iter().filter_map(|(id, _)| Some(tables.intents.get(id)?.intent.clone()));
    intents.filter(here).take(limit as usize).collect()
}

pub(super) fn note(tables: &mut Tables, sightings: &[Sighting]) -> Result<(), BooksError> {
    for sighting in sightings {
        let booked =
            tables.intents.get(&sighting.intent).and_then(|row| row.intent.transfer_proof());
        if booked.is_some_and(|booked| booked.block_hash == sighting.booked_in) {
            note_one(tables, sighting)?;
        }
    }
    Ok(())
}

fn note_one(tables: &mut Tables, sighting: &Sighting) -> Result<(), BooksError> {
    let id = sighting.intent;
    if let Some(look) = tables.looks.get_mut(&id).filter(|look| !look.is_final) {
        (look.due, look.is_final) = (sighting.next_at, sighting.seen == Seen::Final);
    } else {
        return Ok(());
    }
    match &sighting.seen {
        Seen::Same { stands: false } => return Ok(()),
        Seen::Same { stands: true } => {}
        Seen::Final => wipe_if_over(tables, id)?,
        Seen::Moved(proof) => move_to(tables, id, proof)?,
        Seen::Lost { detail } => return lose(tables, id, detail, sighting.at),
    }
    come_back(tables, id)?;
    if let Some(found) =
        tables.findings.get_mut(&(SETTLEMENT_LOST, id)).filter(|found| found.closed_at.is_none())
    {
        found.closed_at = Some(sighting.at);
    }
    Ok(())
}

fn move_to(tables: &mut Tables, id: PaymentId, proof: &SettlementProof) -> Result<(), BooksError> {
    let same_log = |other: &SettlementProof| {
        other.tx_hash == proof.tx_hash && other.log_index == proof.log_index
    };
    let taken = tables
        .intents
        .values()
        .any(|row| row.intent.id != id && row.intent.transfer_proof().is_some_and(same_log));
    if taken {
        return Err(super::tables::refused_by_key("settlements"));
    }
    tables.row(id)?.intent.settlement = Some(Settlement::Transfer(proof.clone()));
    tables.note_fee(proof.tx_hash, Some(proof.fee_wei));
    if let Some(nonce) = own_nonce(tables, id, proof.tx_hash)? {
        tables.closed_nonces.insert(nonce);
    }
    Ok(())
}

fn lose(
    tables: &mut Tables,
    id: PaymentId,
    detail: &'static str,
    at: UnixMs,
) -> Result<(), BooksError> {
    let opened = tables
        .findings
        .get(&(SETTLEMENT_LOST, id))
        .filter(|found| found.closed_at.is_none())
        .map(|found| found.opened_at);
    tables.findings.insert(
        (SETTLEMENT_LOST, id),
        Found { detail: detail.to_owned(), opened_at: opened.unwrap_or(at), closed_at: None },
    );
    let tx_hash = tables.row(id)?.intent.transfer_proof().map(|proof| proof.tx_hash);
    let amount = tables.row(id)?.intent.price;
    let (times, is_lost) = tables.lost.entry(id).or_insert((0, false));
    if !*is_lost {
        (*times, *is_lost) = (times.saturating_add(1), true);
        let posting = Posting::settlement_lost(id, amount, *times)
            .map_err(|_| super::tables::refused_by_key("amount"))?;
        tables.postings.push(posting);
    }
    if let (None, Some(tx_hash)) = (opened, tx_hash)
        && let Some(nonce) = own_nonce(tables, id, tx_hash)?
    {
        tables.closed_nonces.remove(&nonce);
        tables.note_fee(tx_hash, None);
    }
    Ok(())
}

/// What was booked as lost is booked back.
fn come_back(tables: &mut Tables, id: PaymentId) -> Result<(), BooksError> {
    let amount = tables.row(id)?.intent.price;
    let Some((times, is_lost)) = tables.lost.get_mut(&id).filter(|(_, is_lost)| *is_lost) else {
        return Ok(());
    };
    *is_lost = false;
    let posting = Posting::settlement_back(id, amount, *times)
        .map_err(|_| super::tables::refused_by_key("amount"))?;
    tables.postings.push(posting);
    Ok(())
}

/// The payment of this payer whose finding says that it is lost.
pub(super) fn lost_of(tables: &Tables, payer: &Payer) -> Option<PaymentId> {
    let open = tables
        .findings
        .iter()
        .filter(|((kind, _), found)| *kind == SETTLEMENT_LOST && found.closed_at.is_none());
    let ids = open.map(|((_, id), _)| *id);
    ids.into_iter().find(|id| tables.intents.get(id).is_some_and(|row| row.intent.payer == *payer))
}

/// The first of its kind stays open until an operator closes it.
pub(super) fn note_foreign(tables: &mut Tables, id: PaymentId, detail: String, at: UnixMs) {
    tables.findings.entry((FOREIGN_TRANSACTION, id)).or_insert(Found {
        detail,
        opened_at: at,
        closed_at: None,
    });
}

/// A finding about a payment, under its id.
pub(super) fn note_found(tables: &mut Tables, found: &payments::ports::Found, at: UnixMs) {
    if let Ok(id) = found.key.parse() {
        let kept = Found { detail: found.detail.clone(), opened_at: at, closed_at: None };
        tables.findings.entry((found.kind.word(), id)).or_insert(kept);
    }
}

fn own_nonce(
    tables: &mut Tables,
    id: PaymentId,
    tx_hash: ChainHash,
) -> Result<Option<(SigningAccount, u64)>, BooksError> {
    let intent = &tables.row(id)?.intent;
    let ours = intent.attempts.iter().find(|attempt| attempt.tx_hash == tx_hash);
    Ok(ours.and_then(|attempt| Some((intent.account_of(attempt)?, attempt.eoa_nonce))))
}

fn wipe_if_over(tables: &mut Tables, id: PaymentId) -> Result<(), BooksError> {
    let closed = tables.closed_nonces.clone();
    let intent = &mut tables.row(id)?.intent;
    if intent.state.is_terminal() {
        let Some(chain_id) = intent.transfer.as_ref().map(|terms| terms.key.chain_id) else {
            return Ok(());
        };
        let account = |attempt: &Attempt| SigningAccount { chain_id, address: attempt.signer };
        let over = |attempt: &&mut Attempt| {
            attempt.kind == AttemptKind::Transfer
                || closed.contains(&(account(attempt), attempt.eoa_nonce))
        };
        intent.attempts.iter_mut().filter(over).for_each(|attempt| attempt.sealed_tx.clear());
    }
    Ok(())
}

/// Bytes of ours that may have to settle it once more.
pub(super) fn keeps_bytes(tables: &Tables, intent: &Intent) -> bool {
    intent.own_settlement().is_some()
        && tables.looks.get(&intent.id).is_some_and(|look| !look.is_final)
}

pub(super) fn findings(tables: &Tables, id: PaymentId) -> Vec<Finding> {
    let about = tables.findings.iter().filter(|((_, key), _)| *key == id);
    about
        .map(|((kind, key), found)| Finding {
            kind: (*kind).to_owned(),
            key: key.to_string(),
            detail: found.detail.clone(),
            opened_at: found.opened_at.rfc3339(),
            closed_at: found.closed_at.map(UnixMs::rfc3339),
            closed_reason: None,
        })
        .collect()
}
