//! The memory of used proofs in one process.

use std::sync::Arc;

use async_trait::async_trait;
use payments::{
    ports::{IdentityClaim, ProofMemory, ProofUse, WrittenBy},
    proof::PaymentKey,
    time::UnixMs,
};

use crate::cache::used::UsedProofs;

/// Used proofs in this process.
pub struct MemoryProofs {
    used: Arc<UsedProofs>,
    shared_books: bool,
}

impl MemoryProofs {
    /// Where several processes share the books, none of them can tell by its own memory whether a
    /// proof is fresh: with `shared_books` every identity claim is made in the books before it is
    /// answered.
    pub fn new(used: Arc<UsedProofs>, shared_books: bool) -> Self {
        Self { used, shared_books }
    }

    fn fresh(&self) -> ProofUse {
        if self.shared_books { ProofUse::Unsure } else { ProofUse::Fresh }
    }
}

#[async_trait]
impl ProofMemory for MemoryProofs {
    async fn take_identity(&self, claim: IdentityClaim, written_by: WrittenBy) -> ProofUse {
        match self.used.take(&claim.key, ProofUse::Identity, claim.at) {
            ProofUse::Fresh => {
                if written_by == WrittenBy::Queue && !self.shared_books {
                    self.used.enqueue(claim);
                }
                self.fresh()
            }
            before => before,
        }
    }

    async fn take_paying(&self, key: &PaymentKey, at: UnixMs) -> ProofUse {
        match self.used.take(key, ProofUse::Paying, at) {
            ProofUse::Fresh => self.fresh(),
            before => before,
        }
    }
}
