//! The memory of used proofs in one process, with the queue that carries identity claims to the books.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use payments::{
    ports::{IdentityClaim, ProofMemory, ProofUse, WrittenBy},
    proof::PaymentKey,
    time::UnixMs,
};

/// How long a proof is remembered here; by then the books have known it for an hour.
const KEPT_MS: i64 = 3_600_000;

/// Used proofs in this process.
#[derive(Default)]
pub struct MemoryProofs {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    used: HashMap<PaymentKey, (ProofUse, UnixMs)>,
    /// Identity claims that the books do not have yet.
    queue: Vec<IdentityClaim>,
}

impl MemoryProofs {
    /// The identity claims that wait for the books, oldest first.
    pub fn take_queue(&self) -> Vec<IdentityClaim> {
        std::mem::take(&mut self.lock().queue)
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

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ProofMemory for MemoryProofs {
    async fn take_identity(&self, claim: IdentityClaim, written_by: WrittenBy) -> ProofUse {
        let mut inner = self.lock();
        if let Some((used, _)) = inner.used.get(&claim.key) {
            return *used;
        }
        inner.used.insert(claim.key, (ProofUse::Identity, claim.at));
        if written_by == WrittenBy::Queue {
            inner.queue.push(claim);
        }
        ProofUse::Fresh
    }

    async fn take_paying(&self, key: &PaymentKey, at: UnixMs) -> ProofUse {
        match self.lock().used.entry(*key) {
            std::collections::hash_map::Entry::Occupied(used) => used.get().0,
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert((ProofUse::Paying, at));
                ProofUse::Fresh
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use payments::{agent::Wallet, fingerprint::Fingerprint};

    #[tokio::test]
    async fn a_proof_serves_one_purpose_and_identity_reaches_the_queue_once() {
        let proofs = MemoryProofs::default();
        let key = |n| PaymentKey { chain_id: 1, token: Wallet::new([0; 20]), from: Wallet::new([1; 20]), nonce: [n; 32] };
        let at = UnixMs::new(0);
        let claim = |n| IdentityClaim { key: key(n), fingerprint: Fingerprint::of("GET", "/launches", "", b""), at };
        assert_eq!(proofs.take_identity(claim(1), WrittenBy::Queue).await, ProofUse::Fresh);
        assert_eq!(proofs.take_identity(claim(1), WrittenBy::Queue).await, ProofUse::Identity);
        assert_eq!(proofs.take_paying(&key(1), at).await, ProofUse::Identity);
        assert_eq!(proofs.take_paying(&key(2), at).await, ProofUse::Fresh);
        assert_eq!(proofs.take_paying(&key(2), at).await, ProofUse::Paying);
        assert_eq!(proofs.take_identity(claim(2), WrittenBy::Queue).await, ProofUse::Paying);
        assert_eq!(proofs.take_queue(), vec![claim(1)]);
        assert!(proofs.take_queue().is_empty());
        proofs.forget_old(at.plus_ms(KEPT_MS));
        assert_eq!(proofs.take_identity(claim(1), WrittenBy::Queue).await, ProofUse::Fresh);
    }
}
