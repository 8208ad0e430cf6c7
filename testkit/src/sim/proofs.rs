//! The fast memory that all processes share, and each process's queue of claims that the books have
//! not heard of.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::{Sim, locked};
use payments::{
    ports::{IdentityClaim, ProofMemory, ProofUse, WrittenBy},
    proof::PaymentKey,
    time::UnixMs,
};

/// One process's way to the memory.
pub struct SimProofs {
    sim: Arc<Sim>,
    queue: Mutex<Vec<IdentityClaim>>,
}

impl SimProofs {
    /// For a process that just started.
    pub fn new(sim: Arc<Sim>) -> Self {
        Self { sim, queue: Mutex::new(Vec::new()) }
    }

    /// The claims that wait for the books.
    pub fn take_queue(&self) -> Vec<IdentityClaim> {
        std::mem::take(&mut *locked(&self.queue))
    }

    /// Puts claims back that could not be written.
    pub fn give_back(&self, mut claims: Vec<IdentityClaim>) {
        let mut queue = locked(&self.queue);
        claims.append(&mut queue);
        *queue = claims;
    }

    fn take(&self, key: PaymentKey, purpose: ProofUse) -> ProofUse {
        let mut taken = locked(&self.sim.proofs);
        let before = taken.get(&key).copied();
        taken.entry(key).or_insert(purpose);
        before.unwrap_or(ProofUse::Fresh)
    }
}

#[async_trait]
impl ProofMemory for SimProofs {
    async fn take_identity(&self, claim: IdentityClaim, written_by: WrittenBy) -> ProofUse {
        self.sim.under_way().await;
        let used = self.take(claim.key, ProofUse::Identity);
        if used == ProofUse::Fresh && written_by == WrittenBy::Queue {
            locked(&self.queue).push(claim);
        }
        used
    }

    async fn take_paying(&self, key: &PaymentKey, _: UnixMs) -> ProofUse {
        self.sim.under_way().await;
        self.take(*key, ProofUse::Paying)
    }
}
