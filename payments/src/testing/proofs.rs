//! A memory of used proofs that can be made to forget.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;

use crate::{
    ports::{IdentityClaim, ProofMemory, ProofUse, WrittenBy},
    proof::PaymentKey,
    time::UnixMs,
};

/// The fast memory, as a map.
#[derive(Debug, Default)]
pub struct FakeProofs {
    taken: Mutex<HashMap<PaymentKey, ProofUse>>,
}

impl FakeProofs {
    /// Loses everything, as a cache may at any time.
    pub fn forget(&self) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn take(&self, key: PaymentKey, purpose: ProofUse) -> ProofUse {
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
