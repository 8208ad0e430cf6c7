//! Transfers between our receiving address and the refund wallet: money that stays ours, and no
//! receipt. What the wallet got from elsewhere is its operator's business, and in no account.

use std::collections::BTreeMap;

use super::{
    CheckError,
    chain::{Scan, received},
    turn::Turn,
};
use crate::{
    agent::Wallet,
    ports::{LogPlace, MoveNote, Received},
};

/// The wallet, and the block from which on its moves are booked: what came before the first look at
/// it was accounted for otherwise.
#[derive(Clone, Copy)]
pub(super) struct Moves {
    pub(super) wallet: Wallet,
    from_block: u64,
}

/// `next` is the block after those that runs before have seen.
pub(super) async fn begin(turn: &Turn<'_>, next: u64) -> Result<Option<Moves>, CheckError> {
    let receiver = &turn.parts.receiver;
    let Some(wallet) = receiver.refund_wallet else { return Ok(None) };
    let name = format!(
        "chain:{}:{}:{}:{wallet}:moves",
        receiver.chain_id, receiver.token, receiver.pay_to
    );
    let from_block = match turn.mark(&name).await?.and_then(|text| text.parse().ok()) {
        Some(block) => block,
        None => {
            turn.set_mark(&name, &next.to_string()).await?;
            next
        }
    };
    Ok(Some(Moves { wallet, from_block }))
}

impl Moves {
    /// Whether a transfer to our receiving address came from the wallet.
    pub(super) fn is_back(&self, log: &Received) -> bool {
        log.from == self.wallet && log.block_number >= self.from_block && log.value.get() > 0
    }
}

/// Books the moves of these blocks, and takes back what is there no more. `back` came from the
/// wallet.
pub(super) async fn check(
    turn: &mut Turn<'_>,
    scan: &mut Scan,
    moves: Option<Moves>,
    back: &[Received],
    first: u64,
    last: u64,
) -> Result<(), CheckError> {
    let Some(moves) = moves.filter(|moves| last >= moves.from_block) else { return Ok(()) };
    let receiver = turn.parts.receiver;
    let sent = received(turn, moves.wallet, first.max(moves.from_block), last).await?;
    let sent = sent
        .iter()
        .filter(|log| log.from == receiver.pay_to && log.value.get() > 0)
        .map(|log| (log, true));
    let shown: Vec<(&Received, bool)> = sent.chain(back.iter().map(|log| (log, false))).collect();
    let before = turn.parts.books.moves_in(receiver.chain_id, first, last).await?;
    scan.compared.compared =
        scan.compared.compared.saturating_add(shown.len().max(before.len()) as u64);
    let order = |place: &LogPlace| (place.tx_hash.0, place.log_index);
    let mut notes: BTreeMap<([u8; 32], u64), MoveNote> = BTreeMap::new();
    for note in &before {
        notes.insert(order(&note.place), MoveNote { stands: false, ..note.clone() });
    }
    for (log, to_wallet) in shown {
        let (id, chain_id) = (turn.parts.ids.payment_id(), receiver.chain_id);
        let (place, block_number, value) = (log.place, log.block_number, log.value);
        let note = MoveNote {
            id,
            chain_id,
            place,
            block_number,
            wallet: moves.wallet,
            to_wallet,
            value,
            stands: true,
        };
        // Its balance moved, and a dry run books nothing.
        if turn.fence().is_none() && !before.iter().any(|note| note.place == log.place) {
            scan.moved_minor = scan.moved_minor.saturating_add(note.change_minor());
        }
        notes.insert(order(&place), note);
    }
    let notes: Vec<MoveNote> = notes.into_values().collect();
    if let Some(fence) = turn.fence().filter(|_| !notes.is_empty()) {
        turn.parts.books.note_moves(fence, &notes, turn.parts.clock.now()).await?;
    }
    Ok(())
}
