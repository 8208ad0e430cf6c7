//! The fast memory of used proofs. It may be lost at any time: the books know every proof within a
//! second.

use async_trait::async_trait;

use crate::{ports::claim::IdentityClaim, proof::PaymentKey, time::UnixMs};

/// What the memory says of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofUse {
    /// Not seen: it is now taken for what was asked.
    Fresh,
    /// Taken for a priced request: the books know more.
    Paying,
    /// Used up on a free route.
    Identity,
    /// The memory cannot tell: it does not answer, or it lost what it knew. By then the books know
    /// every proof that the memory ever took, and the caller takes it there before anything is
    /// answered.
    Unsure,
}

/// Who carries an identity claim to the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenBy {
    /// The caller, before anything is forwarded.
    Caller,
    /// The memory's own queue, within a second.
    Queue,
}

/// Takes each proof once, for one of two purposes, atomically.
#[async_trait]
pub trait ProofMemory: Send + Sync {
    /// Takes a proof for identity. What is [`ProofUse::Fresh`] reaches
    /// [`crate::ports::Books::claim_identities`] within a second, unless the caller writes it there
    /// itself.
    async fn take_identity(&self, claim: IdentityClaim, written_by: WrittenBy) -> ProofUse;

    /// Takes a proof for a priced request; a repeat says [`ProofUse::Paying`] and is no refusal.
    /// The books take it with the claim in any case.
    async fn take_paying(&self, key: &PaymentKey, at: UnixMs) -> ProofUse;
}
