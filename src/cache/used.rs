//! The proofs that this process has seen used, with the queue that carries identity claims to the
//! books.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
};

use payments::{
    ports::{IdentityClaim, ProofUse},
    proof::PaymentKey,
    time::UnixMs,
};

/// How long a proof is remembered; by then the books have known it for an hour.
pub const KEPT_MS: i64 = 3_600_000;

/// Used proofs in this process.
#[derive(Debug, Default)]
pub struct UsedProofs {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    used: HashMap<PaymentKey, (ProofUse, UnixMs)>,
    /// Identity claims that the books do not have yet.
    queue: Vec<IdentityClaim>,
}

impl UsedProofs {
    /// What the proof was taken for, if it was.
    pub fn get(&self, key: &PaymentKey) -> Option<ProofUse> {
        self.lock().used.get(key).map(|(purpose, _)| *purpose)
    }

    /// Takes a proof for one purpose; what it was taken for before, otherwise.
    pub fn take(&self, key: &PaymentKey, purpose: ProofUse, at: UnixMs) -> ProofUse {
        match self.lock().used.entry(*key) {
            Entry::Occupied(used) => used.get().0,
            Entry::Vacant(free) => {
                free.insert((purpose, at));
                ProofUse::Fresh
            }
        }
    }

    /// Lets a claim wait for the books.
    pub fn enqueue(&self, claim: IdentityClaim) {
        self.lock().queue.push(claim);
    }

    /// The identity claims that wait for the books, oldest first.
    pub fn take_queue(&self) -> Vec<IdentityClaim> {
        std::mem::take(&mut self.lock().queue)
    }

    /// How many identity claims wait for the books.
    pub fn waiting(&self) -> usize {
        self.lock().queue.len()
    }

    /// Puts claims back that could not be written.
    pub fn give_back(&self, mut claims: Vec<IdentityClaim>) {
        let mut inner = self.lock();
        claims.append(&mut inner.queue);
        inner.queue = claims;
    }

    /// Forgets what the books have known for long.
    pub fn forget_old(&self, now: UnixMs) {
        self.lock().used.retain(|_, (_, at)| at.plus_ms(KEPT_MS) > now);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
