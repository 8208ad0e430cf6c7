#![allow(clippy::unwrap_used)]
use std::sync::Arc;

use payments::{
    agent::Wallet,
    fingerprint::Fingerprint,
    ports::{IdentityClaim, ProofMemory, ProofUse, Rate, WrittenBy},
    proof::PaymentKey,
    time::UnixMs,
};
use testkit::run::block_on;

use super::{MemoryLimiter, MemoryProofs};
use crate::cache::used::{KEPT_MS, UsedProofs};

async fn limiters(rate: Rate) -> ([Arc<MemoryLimiter>; 2], ()) {
    let limiter = Arc::new(MemoryLimiter::new(rate));
    ([Arc::clone(&limiter), limiter], ())
}

async fn proofs() -> ([Arc<MemoryProofs>; 2], ()) {
    let proofs = Arc::new(MemoryProofs::new(Arc::default(), false));
    ([Arc::clone(&proofs), proofs], ())
}

async fn shared() -> ([Arc<MemoryProofs>; 2], ()) {
    let proofs = Arc::new(MemoryProofs::new(Arc::default(), true));
    ([Arc::clone(&proofs), proofs], ())
}

mod limit {
    use super::{block_on, limiters};

    testkit::limiter_suite!(block_on, limiters);
}

mod one_process {
    use super::{block_on, proofs};

    testkit::proofs_suite!(block_on, proofs);
}

mod shared_books {
    use super::{block_on, shared};

    testkit::proofs_suite!(block_on, shared);
}

fn claim(number: u8) -> IdentityClaim {
    let key = PaymentKey {
        chain_id: 1,
        token: Wallet::new([0; 20]),
        from: Wallet::new([1; 20]),
        nonce: [number; 32],
    };
    IdentityClaim {
        key,
        fingerprint: Fingerprint::of("GET", "/launches", "", b""),
        at: UnixMs::new(0),
    }
}

#[test]
fn an_identity_waits_for_the_books_once_and_is_forgotten_after_an_hour() {
    let used = Arc::new(UsedProofs::default());
    let proofs = MemoryProofs::new(Arc::clone(&used), false);
    let take = |number, written_by| block_on(proofs.take_identity(claim(number), written_by));
    assert_eq!(take(1, WrittenBy::Queue), ProofUse::Fresh);
    assert_eq!(take(1, WrittenBy::Queue), ProofUse::Identity);
    assert_eq!(take(2, WrittenBy::Caller), ProofUse::Fresh);
    assert_eq!(used.take_queue(), vec![claim(1)]);
    assert!(used.take_queue().is_empty());
    used.give_back(vec![claim(1)]);
    assert_eq!(used.take_queue(), vec![claim(1)]);
    used.forget_old(UnixMs::new(0).plus_ms(KEPT_MS));
    assert_eq!(take(1, WrittenBy::Queue), ProofUse::Fresh);
}

#[test]
fn beside_other_processes_every_identity_is_the_books_to_decide() {
    let used = Arc::new(UsedProofs::default());
    let proofs = MemoryProofs::new(Arc::clone(&used), true);
    assert_eq!(block_on(proofs.take_identity(claim(1), WrittenBy::Queue)), ProofUse::Unsure);
    assert!(used.take_queue().is_empty(), "the caller writes it");
}
