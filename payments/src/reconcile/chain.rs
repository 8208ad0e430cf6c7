//! The chain against the books, both ways: every transfer to us is one settlement or one receipt,
//! and every settlement's log is there.
//!
//! Blocks up to the newest confirmed one are looked at; the durable mark stops at the newest block
//! that is final, and before any payment that is still being decided, so that what a reorganisation
//! may change is looked at by every run.

mod receipts;

use std::collections::{HashMap, HashSet};

use receipts::{again, receipts};

use super::{
    CheckError, Compared, Reconciler, Scope, balance,
    moves::{self, Moves},
    transfers::{Beside, beside},
    turn::Turn,
    window::MAX_BLOCKS,
};
use crate::{
    agent::Wallet,
    ids::PaymentId,
    money::UsdcUnits,
    paid_back::{PaidBackLookError, look_at_paid_back},
    ports::{
        BookedTransfer, FindingKind, Found, Heads, LogPlace, RailError, RangeError, Received,
        Source, Standing,
    },
};

impl From<RailError> for CheckError {
    fn from(error: RailError) -> Self {
        Self::CouldNot(error.to_string())
    }
}

/// What has been seen so far.
#[derive(Default)]
pub(super) struct Scan {
    pub(super) compared: Compared,
    /// Receipts by their findings' keys.
    receipts: HashMap<String, FindingKind>,
    /// Settlements that were looked for.
    settlements: HashSet<PaymentId>,
    /// What is not booked, and may be before the balance is read.
    unbooked: Vec<(LogPlace, UsdcUnits)>,
    /// What moves between our own addresses changed that are not booked.
    pub(super) moved_minor: i128,
    first_undecided: Option<u64>,
}

pub(super) async fn check(turn: &mut Turn<'_>) -> Result<Compared, CheckError> {
    let heads = turn.parts.chain.heads().await?;
    let (begin, first) = first_block(turn, &heads).await?;
    let moves =
        moves::begin(turn, seen(turn).await?.map_or(begin, |seen| seen.saturating_add(1))).await?;
    let open = turn.parts.books.open_findings(Source::Chain).await?;
    let mut scan = Scan::default();
    let mut at = first;
    while at <= heads.confirmed {
        let last = at.saturating_add(MAX_BLOCKS - 1).min(heads.confirmed);
        range(turn, &mut scan, moves, at, last).await?;
        at = last.saturating_add(1);
    }
    for finding in &open {
        again(turn, &mut scan, finding, first, heads.confirmed).await?;
    }
    paid_back(turn).await?;
    let balance =
        balance::check(turn, heads.confirmed, &scan.unbooked, scan.moved_minor, &open).await?;
    scan.compared.compared = scan.compared.compared.saturating_add(1);
    scan.compared.found.extend(balance.found);
    scan.compared.gone.extend(balance.gone);
    let seen_to = scan
        .first_undecided
        .map_or(heads.settled, |block| block.saturating_sub(1).min(heads.settled));
    if turn.scope != Scope::Recent && first > begin {
        return Ok(scan.compared);
    }
    turn.set_mark(&mark_name(turn, "seen"), &seen_to.max(begin.saturating_sub(1)).to_string())
        .await?;
    Ok(scan.compared)
}

/// Debts that transfers made by hand paid: those transfers must stay. A dry run books nothing.
async fn paid_back(turn: &mut Turn<'_>) -> Result<(), CheckError> {
    turn.step().await?;
    if turn.fence().is_none() {
        return Ok(());
    }
    let (parts, chain_id) = (turn.parts, turn.parts.receiver.chain_id);
    match look_at_paid_back(&*parts.chain, &*parts.books, chain_id, parts.clock.now()).await {
        Ok(_) => Ok(()),
        Err(PaidBackLookError::Rail(error)) => Err(error.into()),
        Err(PaidBackLookError::Books(error)) => Err(error.into()),
    }
}

/// The newest block that runs before have seen for good.
async fn seen(turn: &Turn<'_>) -> Result<Option<u64>, CheckError> {
    Ok(turn.mark(&mark_name(turn, "seen")).await?.and_then(|text| text.parse().ok()))
}

fn mark_name(turn: &Turn<'_>, what: &str) -> String {
    turn.parts.receiver.mark(what)
}

/// Notes where the books begin on this chain, unless that is noted: what comes in from here on is
/// ours to answer for, whatever becomes of the books.
pub(super) async fn note_first_block(parts: &Reconciler) -> Result<(), CheckError> {
    let heads = parts.chain.heads().await?;
    let begin = parts.books.oldest_block().await?.unwrap_or(heads.confirmed.saturating_add(1));
    Ok(parts.books.note_first_block(&parts.receiver, begin).await?)
}

/// Where the books begin on this chain, and where this run does. What came before anything could be
/// paid is out of scope.
async fn first_block(turn: &Turn<'_>, heads: &Heads) -> Result<(u64, u64), CheckError> {
    let number = |text: Option<String>| text.and_then(|text| text.parse::<u64>().ok());
    let name = mark_name(turn, "first");
    let begin = match number(turn.mark(&name).await?) {
        Some(block) => block,
        None => {
            let begin =
                turn.parts.books.oldest_block().await?.unwrap_or(heads.confirmed.saturating_add(1));
            turn.set_mark(&name, &begin.to_string()).await?;
            begin
        }
    };
    let first = match turn.scope {
        Scope::Full => begin,
        Scope::Recent => seen(turn).await?.map_or(begin, |seen| seen.saturating_add(1)),
        Scope::Since(at) => turn.parts.chain.first_block_since(at.protocol_s()).await?,
    };
    Ok((begin, first.max(begin)))
}

/// The transfers to an address in these blocks, in as many questions as the node wants.
pub(super) async fn received(
    turn: &mut Turn<'_>,
    pay_to: Wallet,
    first: u64,
    last: u64,
) -> Result<Vec<Received>, CheckError> {
    let (mut from, mut all) = (first, Vec::new());
    while from <= last {
        turn.step().await?;
        let to = from.saturating_add(turn.window.blocks().saturating_sub(1)).min(last);
        match turn.parts.chain.received(&pay_to, from, to).await {
            Ok(page) => {
                all.extend(page);
                turn.window.taken();
                from = to.saturating_add(1);
            }
            Err(RangeError::Refused(_)) if from < to => {
                turn.window.refused(to.saturating_sub(from).saturating_add(1))
            }
            Err(error) => return Err(CheckError::CouldNot(error.to_string())),
        }
    }
    Ok(all)
}

async fn range(
    turn: &mut Turn<'_>,
    scan: &mut Scan,
    moves: Option<Moves>,
    first: u64,
    last: u64,
) -> Result<(), CheckError> {
    let receiver = turn.parts.receiver;
    let logs = received(turn, receiver.pay_to, first, last).await?;
    let booked = turn.parts.books.transfers_in(&receiver, first, last).await?;
    let shown: HashMap<LogPlace, &Received> = logs.iter().map(|log| (log.place, log)).collect();
    let mut settled = HashSet::new();
    for transfer in &booked {
        let log = shown.get(&place(transfer)).copied();
        if settlement(turn, scan, transfer, log).await? {
            settled.insert(place(transfer));
        }
    }
    scan.compared.compared =
        scan.compared.compared.saturating_add(logs.len().max(booked.len()) as u64);
    let others = logs.into_iter().filter(|log| !settled.contains(&log.place));
    let (back, others): (Vec<Received>, Vec<Received>) =
        others.partition(|log| moves.is_some_and(|moves| moves.is_back(log)));
    receipts(turn, scan, &others, first, last).await?;
    moves::check(turn, scan, moves, &back, first, last).await
}

fn place(booked: &BookedTransfer) -> LogPlace {
    LogPlace { tx_hash: booked.proof.tx_hash, log_index: booked.proof.log_index }
}

/// Whether the log is this settlement's.
async fn settlement(
    turn: &Turn<'_>,
    scan: &mut Scan,
    booked: &BookedTransfer,
    log: Option<&Received>,
) -> Result<bool, CheckError> {
    scan.settlements.insert(booked.intent);
    let (kind, detail) = match beside(booked, log) {
        Beside::Same => return Ok(true),
        Beside::Differs(detail) => (FindingKind::AmountMismatch, detail),
        Beside::Absent if booked.is_final || stands(turn, booked).await? => (
            FindingKind::PhantomSettlement,
            format!(
                "{} USDC of {} are booked and the chain has no such transfer: transaction {}, log {}, block {}",
                booked.amount,
                booked.from,
                booked.proof.tx_hash,
                booked.proof.log_index,
                booked.proof.block_number
            ),
        ),
        // Taken back or moved by a reorganisation: whoever looks at settlements until they are
        // final says so.
        Beside::Absent => return Ok(false),
    };
    let key = booked.intent.to_string();
    scan.compared.found.push(Found {
        kind,
        subject: key.clone(),
        key,
        source: Source::Chain,
        detail,
    });
    Ok(kind == FindingKind::AmountMismatch)
}

async fn stands(turn: &Turn<'_>, booked: &BookedTransfer) -> Result<bool, CheckError> {
    let standing = turn.parts.rail.standing(std::slice::from_ref(&booked.proof)).await?;
    Ok(matches!(standing.first(), Some(Standing::Stands | Standing::Final)))
}
