//! The signers' sequences heal. A chain takes an account's transactions in the order of their
//! nonces, so one nonce that nothing uses holds up every later payment of its signer. A round
//! compares the chain's count with what the books gave out: a hole is a nonce from the chain's
//! count on that no open transaction of ours is under. Somebody else's transaction may have been
//! there that the mempool dropped, or one of ours whose block a reorganisation took back. The first
//! is filled by an empty transaction, the second is opened again.

mod watch;

use std::collections::BTreeMap;

pub use watch::SequenceWatch;

use crate::{
    agent::Wallet,
    checkout::{DriveError, World},
    ports::{Books, ChainNonces, ChainRail, ChainReader, Sequence, SigningAccount},
    settlement::Attempt,
    time::UnixMs,
};

/// The most holes of one signer that one round looks at.
const MAX_HOLES: usize = 16;

/// A hole that one look shows and the next does not was a node behind the others.
const SAID_AFTER_MS: i64 = 4_000;

/// A hole is filled once it was there for so long.
const FILLED_AFTER_MS: i64 = 12_000;

/// What another program sent under the nonce may still be mined. It is outbid once it waited for so
/// long.
const OUTBID_AFTER_MS: i64 = 120_000;

/// Between two raises of a transaction that fills a hole.
const RAISED_AFTER_MS: i64 = 15_000;

/// How long the receipt of a transaction under a nonce is waited for once that nonce is seen used.
pub(crate) const RECEIPT_WAIT_MS: i64 = 600_000;

/// How one signer stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerState {
    /// The signer.
    pub signer: Wallet,
    /// The first nonce that no mined transaction uses.
    pub chain_nonce: u64,
    /// The first nonce that was never given out.
    pub next_nonce: u64,
    /// Nonces with a transaction of ours that is not known to be mined.
    pub open: u64,
    /// When the oldest of their transactions was saved.
    pub oldest_open_at: Option<UnixMs>,
    /// The first nonces that nothing of ours will use, and no waiting transaction of anybody's.
    pub holes: Vec<u64>,
}

/// A nonce that nothing of ours will use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hole {
    eoa_nonce: u64,
    /// A payment's transaction used it, and a reorganisation took that back.
    was_closed: bool,
    /// A transaction that is not ours waits under it.
    occupied: bool,
}

/// One look at a signer.
struct Look {
    account: SigningAccount,
    chain: ChainNonces,
    sequence: Sequence,
}

/// Looks at every signer whose key is here, and fills what is to be filled.
///
/// # Errors
/// [`DriveError::Books`] when the books do not answer. A node that does not answer ends the round:
/// what was seen last stays.
pub async fn heal(world: &World) -> Result<(), DriveError> {
    let mut states = Vec::new();
    for signer in world.rail.signers() {
        let account = SigningAccount { chain_id: world.rail.chain_id(), address: signer };
        let Some(look) = look_at(&*world.books, &*world.rail, account).await? else {
            return Ok(());
        };
        let now = world.clock.now();
        let holes = look.holes();
        let since = world.signers.note(signer, &holes, now);
        let lasting = |hole: &Hole, ms: i64| {
            now >= since.get(&hole.eoa_nonce).copied().unwrap_or(now).plus_ms(ms)
        };
        for hole in &holes {
            let wait_ms = if hole.occupied { OUTBID_AFTER_MS } else { FILLED_AFTER_MS };
            if lasting(hole, wait_ms) {
                fill(world, &look, *hole).await?;
            }
        }
        close_fills(world, &look).await?;
        let said = holes.iter().filter(|hole| {
            lasting(hole, if hole.occupied { OUTBID_AFTER_MS } else { SAID_AFTER_MS })
        });
        let said = said.map(|hole| hole.eoa_nonce).collect();
        states.push(look.state(said));
    }
    world.signers.keep_states(states);
    Ok(())
}

/// How each of these signers stands at this moment: of one look, so that a node which is behind
/// shows a hole that is none.
///
/// # Errors
/// [`DriveError::Books`]; `None` when the node does not answer.
pub async fn states(
    books: &dyn Books,
    rail: &dyn ChainRail,
) -> Result<Option<Vec<SignerState>>, DriveError> {
    let mut states = Vec::new();
    for signer in rail.signers() {
        let account = SigningAccount { chain_id: rail.chain_id(), address: signer };
        let Some(look) = look_at(books, rail, account).await? else { return Ok(None) };
        let holes =
            look.holes().iter().filter(|hole| !hole.occupied).map(|hole| hole.eoa_nonce).collect();
        states.push(look.state(holes));
    }
    Ok(Some(states))
}

/// The node comes first: a nonce that is given out meanwhile is not below its count.
async fn look_at(
    books: &dyn Books,
    rail: &dyn ChainReader,
    account: SigningAccount,
) -> Result<Option<Look>, DriveError> {
    let Ok(chain) = rail.nonces(account.address).await else { return Ok(None) };
    let sequence = books.sequence(account, chain.mined).await?;
    Ok(Some(Look { account, chain, sequence }))
}

async fn fill(world: &World, look: &Look, hole: Hole) -> Result<(), DriveError> {
    let signer = look.account.address;
    if hole.was_closed {
        // What it was used for decides what goes under it now: the recovery of open nonces does
        // that.
        return Ok(world.books.reopen_nonce(look.account, hole.eoa_nonce).await?);
    }
    let now = world.clock.now();
    let last = look.sequence.fills.iter().rfind(|fill| fill.eoa_nonce == hole.eoa_nonce);
    if let Some(last) = last
        && now < last.saved_at.plus_ms(RAISED_AFTER_MS)
    {
        return Ok(());
    }
    let gas_wei = world.settings.gas.plain_wei;
    match (world.rail.fill(signer, hole.eoa_nonce, last, gas_wei, now).await, last) {
        (Ok(filler), _) => {
            world.books.save_fill(look.account, &filler).await?;
            world.rail.send(&filler).await;
        }
        // It can cost no more: the same bytes again, in case the node lost them.
        (Err(_), Some(last)) => {
            world.rail.send(last).await;
        }
        (Err(_), None) => {}
    }
    Ok(())
}

/// What filled a hole is over once its nonce is used, by itself or by the transaction that was
/// there before. What it cost is kept first.
async fn close_fills(world: &World, look: &Look) -> Result<(), DriveError> {
    let used = look.sequence.fills.iter().filter(|fill| fill.eoa_nonce < look.chain.confirmed);
    let mut by_nonce: BTreeMap<u64, Vec<Attempt>> = BTreeMap::new();
    for fill in used {
        by_nonce.entry(fill.eoa_nonce).or_default().push(fill.clone());
    }
    for (eoa_nonce, fills) in by_nonce {
        let Ok(fees_wei) = world.rail.fees_paid(&fills).await else { return Ok(()) };
        if fees_wei.is_empty()
            && !world.signers.waited_for_receipt(look.account.address, eoa_nonce, world.clock.now())
        {
            continue;
        }
        world.books.note_fees(&fees_wei).await?;
        world.books.close_nonce(look.account, eoa_nonce).await?;
        world.signers.forget(look.account.address, eoa_nonce);
    }
    Ok(())
}

// === impl Look ===

impl Look {
    fn holes(&self) -> Vec<Hole> {
        let known: BTreeMap<u64, bool> =
            self.sequence.nonces.iter().map(|known| (known.eoa_nonce, known.open)).collect();
        let given_out = self.chain.mined..self.sequence.next_nonce;
        let hole = |eoa_nonce: u64| {
            let open = known.get(&eoa_nonce).copied();
            let filled = self.sequence.fills.iter().any(|fill| fill.eoa_nonce == eoa_nonce);
            // The transaction that fills it waits at the node too, and is ours.
            let occupied = !filled && self.chain.pending > eoa_nonce;
            (open != Some(true)).then_some(Hole {
                eoa_nonce,
                was_closed: open == Some(false),
                occupied,
            })
        };
        given_out.filter_map(hole).take(MAX_HOLES).collect()
    }

    fn state(&self, holes: Vec<u64>) -> SignerState {
        let open = || self.sequence.nonces.iter().filter(|known| known.open);
        SignerState {
            signer: self.account.address,
            chain_nonce: self.chain.mined,
            next_nonce: self.sequence.next_nonce.max(self.chain.mined),
            open: open().count() as u64,
            oldest_open_at: open().map(|known| known.saved_at).min(),
            holes,
        }
    }
}

// === impl SignerState ===

impl SignerState {
    /// How long the oldest open transaction waits, in seconds; none without one.
    pub fn oldest_open_s(&self, now: UnixMs) -> Option<u64> {
        self.oldest_open_at
            .map(|at| u64::try_from(now.unix_s().saturating_sub(at.unix_s())).unwrap_or(0))
    }

    /// In one line, for operators.
    pub fn describe(&self, now: UnixMs) -> String {
        let Self { chain_nonce, next_nonce, open, holes, .. } = self;
        let oldest = self
            .oldest_open_s(now)
            .map(|age| format!(", the oldest for {age} s"))
            .unwrap_or_default();
        let hole = holes.first().map(|nonce| format!(", hole at {nonce}")).unwrap_or_default();
        format!("chain nonce {chain_nonce}, next nonce {next_nonce}, {open} open{oldest}{hole}")
    }
}
