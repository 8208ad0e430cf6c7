//! Since when a hole or a stuck transaction is seen, kept between the rounds.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Hole, RECEIPT_WAIT_MS, SignerState};
use crate::{agent::Wallet, time::UnixMs};

/// What a process remembers of its signers between two looks. Losing it costs a wait, never money.
#[derive(Debug, Default)]
pub struct SequenceWatch(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// Since when a nonce is a hole.
    since: BTreeMap<(Wallet, u64), UnixMs>,
    /// Since when a nonce is used whose transaction no node shows.
    used_since: BTreeMap<(Wallet, u64), UnixMs>,
    states: Vec<SignerState>,
}

// === impl SequenceWatch ===

impl SequenceWatch {
    /// How each signer whose key is here stood at the last look, the one that signs what is claimed
    /// here first; empty before the first look.
    pub fn states(&self) -> Vec<SignerState> {
        self.seen().states.clone()
    }

    /// Since when each of these nonces is a hole. What is none any more is forgotten.
    pub(super) fn note(
        &self,
        signer: Wallet,
        holes: &[Hole],
        now: UnixMs,
    ) -> BTreeMap<u64, UnixMs> {
        let mut seen = self.seen();
        let is_hole = |nonce: u64| holes.iter().any(|hole| hole.eoa_nonce == nonce);
        seen.since.retain(|(of, nonce), _| *of != signer || is_hole(*nonce));
        holes
            .iter()
            .map(|hole| {
                (hole.eoa_nonce, *seen.since.entry((signer, hole.eoa_nonce)).or_insert(now))
            })
            .collect()
    }

    /// Keeps how the signers stood at this look.
    pub(super) fn keep_states(&self, states: Vec<SignerState>) {
        self.seen().states = states;
    }

    /// Whether the receipt of what used this nonce was waited for long enough. The time runs from
    /// the first look that found it used, however long its transaction had waited to be mined.
    pub(crate) fn waited_for_receipt(&self, signer: Wallet, eoa_nonce: u64, now: UnixMs) -> bool {
        now >= self
            .seen()
            .used_since
            .entry((signer, eoa_nonce))
            .or_insert(now)
            .plus_ms(RECEIPT_WAIT_MS)
    }

    /// What was waited for is over: the nonce is closed, or a reorganisation took back what used
    /// it.
    pub(crate) fn forget(&self, signer: Wallet, eoa_nonce: u64) {
        self.seen().used_since.remove(&(signer, eoa_nonce));
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
