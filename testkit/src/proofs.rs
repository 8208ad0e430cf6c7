//! A memory of used proofs that can be made to forget.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;

use payments::{
    ports::{IdentityClaim, ProofMemory, ProofUse, WrittenBy},
    proof::PaymentKey,
    time::UnixMs,
};

/// The fast memory, as a map.
#[derive(Debug, Default)]
pub struct FakeProofs {
    taken: Mutex<HashMap<PaymentKey, ProofUse>>,
    silent: AtomicBool,
}

impl FakeProofs {
    /// Loses everything, as a cache may at any time.
    pub fn forget(&self) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Knows nothing any more, as a cache that does not answer.
    pub fn fall_silent(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    fn take(&self, key: PaymentKey, purpose: ProofUse) -> ProofUse {
        if self.silent.load(Ordering::Relaxed) {
            return ProofUse::Unsure;
        }
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get(&key) {
            Some(purpose) => *purpose,
            None => {
                taken.insert(key, purpose);
                ProofUse::Fresh
            }
        }
    }
}

#[async_trait]
impl ProofMemory for FakeProofs {
    async fn take_identity(&self, claim: IdentityClaim, _: WrittenBy) -> ProofUse {
        self.take(claim.key, ProofUse::Identity)
    }

    async fn take_paying(&self, key: &PaymentKey, _: UnixMs) -> ProofUse {
        self.take(*key, ProofUse::Paying)
    }
}
