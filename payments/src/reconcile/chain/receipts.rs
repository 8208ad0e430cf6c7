//! Transfers to us that settle no payment: noted as receipts once, and judged again later.

use std::collections::{BTreeMap, HashSet};

use super::{
    super::{
        CheckError,
        transfers::{Meaning, meaning},
        turn::Turn,
    },
    Scan, place, received, settlement,
};
use crate::{
    ids::PaymentId,
    ports::{FindingKind, Found, OpenFinding, ReceiptKind, ReceiptNote, Received, Source},
    proof::PaymentKey,
};

/// Books what settles nothing, and takes back what is there no more.
pub(super) async fn receipts(
    turn: &mut Turn<'_>,
    scan: &mut Scan,
    logs: &[Received],
    first: u64,
    last: u64,
) -> Result<(), CheckError> {
    let chain_id = turn.parts.receiver.chain_id;
    let before = turn.parts.books.receipts_in(chain_id, first, last).await?;
    let mut notes: BTreeMap<(u64, [u8; 32], u64), ReceiptNote> = BTreeMap::new();
    let order =
        |note: &ReceiptNote| (note.block_number, note.place.tx_hash.0, note.place.log_index);
    let entitled = before
        .iter()
        .filter(|note| note.kind == Some(ReceiptKind::Entitled))
        .map(|note| note.place)
        .collect::<HashSet<_>>();
    for note in before {
        notes.insert(order(&note), ReceiptNote { kind: None, ..note });
    }
    turn.step().await?;
    let nonces =
        if logs.is_empty() { Vec::new() } else { turn.parts.chain.authorizations(logs).await? };
    if nonces.len() != logs.len() {
        return Err(CheckError::CouldNot(String::from(
            "the node did not show every transfer's transaction",
        )));
    }
    for (log, nonce) in logs.iter().zip(nonces) {
        let (kind, detail) = match means(turn, log, nonce).await? {
            Meaning::Receipt(ReceiptKind::Unmatched, _) if entitled.contains(&log.place) => {
                let detail = format!(
                    "{} USDC of {} came before these books knew what for; his next call is paid with it",
                    log.value, log.from
                );
                (ReceiptKind::Entitled, detail)
            }
            Meaning::Receipt(kind, detail) => (kind, detail),
            Meaning::Undecided => {
                scan.unbooked.push((log.place, log.value));
                scan.first_undecided = Some(
                    scan.first_undecided
                        .map_or(log.block_number, |block| block.min(log.block_number)),
                );
                continue;
            }
            Meaning::Settles | Meaning::Nothing => continue,
        };
        let note = ReceiptNote {
            id: turn.parts.ids.payment_id(),
            chain_id,
            place: log.place,
            block_number: log.block_number,
            from: log.from,
            value: log.value,
            kind: Some(kind),
        };
        found_receipt(turn, scan, log, kind, detail);
        scan.unbooked.extend(turn.fence().is_none().then_some((log.place, log.value)));
        notes.insert(order(&note), note);
    }
    let notes: Vec<ReceiptNote> = notes.into_values().collect();
    if let Some(fence) = turn.fence().filter(|_| !notes.is_empty()) {
        turn.parts.books.note_receipts(fence, &notes, turn.parts.clock.now()).await?;
    }
    Ok(())
}

fn found_receipt(
    turn: &Turn<'_>,
    scan: &mut Scan,
    log: &Received,
    kind: ReceiptKind,
    detail: String,
) {
    let key =
        format!("{}:{}:{}", turn.parts.receiver.chain_id, log.place.tx_hash, log.place.log_index);
    let kind = match kind {
        ReceiptKind::Unearned | ReceiptKind::Entitled => FindingKind::UnearnedReceipt,
        ReceiptKind::Unmatched => FindingKind::UnmatchedReceipt,
    };
    scan.receipts.insert(key.clone(), kind);
    let subject = log.block_number.to_string();
    scan.compared.found.push(Found { kind, key, source: Source::Chain, subject, detail });
}

async fn means(
    turn: &Turn<'_>,
    log: &Received,
    nonce: Option<[u8; 32]>,
) -> Result<Meaning, CheckError> {
    let receiver = &turn.parts.receiver;
    let claimed = match nonce {
        Some(nonce) => {
            let key = PaymentKey {
                chain_id: receiver.chain_id,
                token: receiver.token,
                from: log.from,
                nonce,
            };
            turn.parts.books.claimed(&key).await?
        }
        None => None,
    };
    Ok(meaning(log, nonce.is_some(), claimed.as_ref()))
}

/// Whether the difference of an open finding is gone. What this run did not meet is looked at by
/// itself.
pub(super) async fn again(
    turn: &mut Turn<'_>,
    scan: &mut Scan,
    open: &OpenFinding,
    first: u64,
    last: u64,
) -> Result<(), CheckError> {
    match open.kind {
        FindingKind::UnearnedReceipt | FindingKind::UnmatchedReceipt => {
            let in_range =
                open.subject.parse::<u64>().is_ok_and(|block| (first..=last).contains(&block));
            if in_range && scan.receipts.get(&open.key) != Some(&open.kind) {
                scan.compared.gone.push(open.clone());
            }
        }
        FindingKind::PhantomSettlement | FindingKind::AmountMismatch => {
            let Ok(intent) = open.key.parse::<PaymentId>() else { return Ok(()) };
            if !scan.settlements.contains(&intent)
                && let Some(booked) = turn.parts.books.transfer_of(intent).await?
            {
                let block = booked.proof.block_number;
                let logs = received(turn, turn.parts.receiver.pay_to, block, block).await?;
                let log = logs.iter().find(|log| log.place == place(&booked));
                settlement(turn, scan, &booked, log).await?;
            }
            if !scan.compared.differs(open) {
                scan.compared.gone.push(open.clone());
            }
        }
        FindingKind::QuestionRefused => {
            let Ok(payment) = open.key.parse::<PaymentId>() else { return Ok(()) };
            if turn.parts.books.transfer_of(payment).await?.is_some() {
                scan.compared.gone.push(open.clone());
            }
        }
        _ => {}
    }
    Ok(())
}
