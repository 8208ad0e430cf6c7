//! The fast memory of used proofs.

use crate::run::together;
use payments::{
    agent::Wallet,
    fingerprint::Fingerprint,
    ports::{IdentityClaim, ProofMemory, ProofUse, WrittenBy},
    proof::PaymentKey,
    time::UnixMs,
};

fn key(number: u8) -> PaymentKey {
    PaymentKey {
        chain_id: 1,
        token: Wallet::new([0; 20]),
        from: Wallet::new([1; 20]),
        nonce: [number; 32],
    }
}

fn claim(number: u8) -> IdentityClaim {
    IdentityClaim {
        key: key(number),
        fingerprint: Fingerprint::of("GET", "/launches", "", b""),
        at: UnixMs::new(0),
    }
}

/// The caller goes on, at once or by the books.
fn took(answer: ProofUse) -> bool {
    matches!(answer, ProofUse::Fresh | ProofUse::Unsure)
}

/// What identified pays for nothing, what pays identifies nobody, whichever process is asked.
pub async fn a_proof_serves_one_purpose(proofs: [&dyn ProofMemory; 2]) {
    let [one, two] = proofs;
    for written_by in [WrittenBy::Queue, WrittenBy::Caller] {
        let number = if written_by == WrittenBy::Queue { 1 } else { 2 };
        assert!(took(one.take_identity(claim(number), written_by).await));
        for memory in [one, two] {
            assert_eq!(memory.take_identity(claim(number), written_by).await, ProofUse::Identity);
            assert_eq!(memory.take_paying(&key(number), UnixMs::new(0)).await, ProofUse::Identity);
        }
    }
    assert!(took(one.take_paying(&key(3), UnixMs::new(0)).await));
    for memory in [one, two] {
        assert_eq!(memory.take_identity(claim(3), WrittenBy::Queue).await, ProofUse::Paying);
    }
}

/// Of fifty copies at two processes one goes on.
pub async fn a_proof_is_taken_once_by_many_at_once(proofs: [&dyn ProofMemory; 2]) {
    let answers = together(
        (0..50).map(|number| proofs[number % 2].take_identity(claim(1), WrittenBy::Queue)),
    )
    .await;
    assert_eq!(answers.iter().filter(|answer| took(**answer)).count(), 1, "{answers:?}");
    assert!(
        answers.iter().all(|answer| took(*answer) || *answer == ProofUse::Identity),
        "{answers:?}"
    );
}

/// The same request again is no refusal: the books know its answer.
pub async fn a_proof_that_pays_may_come_again(proofs: [&dyn ProofMemory; 2]) {
    assert!(took(proofs[0].take_paying(&key(1), UnixMs::new(0)).await));
    for memory in proofs {
        assert_eq!(memory.take_paying(&key(1), UnixMs::new(0)).await, ProofUse::Paying);
    }
}
