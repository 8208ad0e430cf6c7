//! Transactions in the place of others.

use alloy_consensus::{Transaction, TxEnvelope};
use alloy_eips::eip2718::Decodable2718;
use payments::{
    ports::{ChainReader, Outcome, Raised, Sent, Settler},
    settlement::{Attempt, AttemptKind, PaymentFailure},
    time::UnixMs,
};

use super::{
    super::BaseRail,
    TestChain,
    money::{judge, settled},
    world::{BUMP_AFTER_S, GWEI, PRICE, SAVED_AT, World, payment_id},
};

pub(super) async fn a_raised_fee_replaces_the_transaction(chain: &dyn TestChain) {
    let world = World::new(chain).await;
    let claim = world.claim().await;
    chain.hold(true).await;
    assert_eq!(world.rail.send(&claim.attempt).await, Sent::Accepted);
    let later = SAVED_AT.plus_s(i64::from(BUMP_AFTER_S));
    let raised = higher(&world.rail, &claim.attempt, later).await;
    let again = higher(&world.rail, &raised, later.plus_s(i64::from(BUMP_AFTER_S))).await;
    for (attempt, before) in [(&raised, &claim.attempt), (&again, &raised)] {
        assert_eq!(
            (attempt.kind, attempt.signer, attempt.eoa_nonce),
            (AttemptKind::Transfer, before.signer, before.eoa_nonce)
        );
        assert!(attempt.max_fee_per_gas_wei >= before.max_fee_per_gas_wei / 8 * 9);
        assert_eq!(call_of(attempt), call_of(before));
        assert_eq!(world.rail.send(attempt).await, Sent::Accepted);
    }
    chain.hold(false).await;
    let attempts = [claim.attempt, raised, again.clone()];
    match world.rail.outcome(&claim.terms, &attempts).await.unwrap() {
        Outcome::Settled(proof) => assert_eq!(proof.tx_hash, again.tx_hash),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.balance(&world.pay_to).await, PRICE);
}

pub(super) async fn a_fee_is_not_raised_too_early_or_too_high(chain: &dyn TestChain) {
    let world = World::new(chain).await;
    let claim = world.claim().await;
    let due = SAVED_AT.plus_s(i64::from(BUMP_AFTER_S));
    assert_eq!(
        world.rail.bump(payment_id(), &claim.attempt, u128::MAX, due.plus_ms(-1)).await,
        Ok(Raised::NotNow)
    );
    let capped =
        world.rail_with(|config| config.max_fee_per_gas_wei = claim.attempt.max_fee_per_gas_wei);
    assert_eq!(
        capped.bump(payment_id(), &claim.attempt, u128::MAX, due).await,
        Ok(Raised::AtBound)
    );
    let gas_wei = claim.attempt.max_fee_per_gas_wei * u128::from(AttemptKind::Transfer.gas_limit());
    assert_eq!(
        world.rail.bump(payment_id(), &claim.attempt, gas_wei, due).await,
        Ok(Raised::AtBound),
        "what the payment may cost"
    );
    assert!(
        world.rail.void(payment_id(), &claim.attempt, 1_000_000, due).await.is_err(),
        "an empty one costs too"
    );
    let other_signer = world.rail_with(|config| config.signer_key = super::world::fresh_key());
    assert!(other_signer.bump(payment_id(), &claim.attempt, u128::MAX, due).await.is_err());
    assert!(other_signer.void(payment_id(), &claim.attempt, u128::MAX, due).await.is_err());
}

/// Its key is among the others: fees are raised and nonces emptied under it, and what is claimed is
/// signed by the own one.
pub(super) async fn a_signer_of_before_only_finishes_what_it_began(chain: &dyn TestChain) {
    let world = World::new(chain).await;
    let claim = world.claim().await;
    let (old_key, new_key) = (world.signer_key, super::world::fresh_key());
    let rotated = world.rail_with(|config| {
        (config.signer_key, config.other_signer_keys) = (new_key, vec![old_key, new_key])
    });
    assert_eq!(rotated.signers(), [rotated.signer(), claim.attempt.signer]);
    assert_eq!(
        rotated.preparer(&claim.transfer, &claim.view, u128::MAX).signer(),
        rotated.signer()
    );
    chain.hold(true).await;
    assert_eq!(rotated.send(&claim.attempt).await, Sent::Accepted);
    let due = SAVED_AT.plus_s(i64::from(BUMP_AFTER_S));
    let raised = higher(&rotated, &claim.attempt, due).await;
    assert_eq!((raised.signer, raised.eoa_nonce), (claim.attempt.signer, claim.attempt.eoa_nonce));
    let void = rotated.void(payment_id(), &raised, u128::MAX, due).await.unwrap();
    assert_eq!((void.signer, void.eoa_nonce), (claim.attempt.signer, claim.attempt.eoa_nonce));
    assert_eq!(rotated.send(&void).await, Sent::Accepted);
    chain.hold(false).await;
    assert!(rotated.nonce_used(void.signer, void.eoa_nonce).await.unwrap());
    assert_eq!(world.balance(&world.pay_to).await, 0);
}

pub(super) async fn an_empty_transaction_takes_the_place_of_a_transfer(chain: &dyn TestChain) {
    let world = World::new(chain).await;
    let claim = world.claim().await;
    chain.hold(true).await;
    assert_eq!(world.rail.send(&claim.attempt).await, Sent::Accepted);
    // At the cap already: an empty transaction may pass it, since it uses so little gas.
    let capped =
        world.rail_with(|config| config.max_fee_per_gas_wei = claim.attempt.max_fee_per_gas_wei);
    let void = capped.void(payment_id(), &claim.attempt, u128::MAX, SAVED_AT).await.unwrap();
    assert_eq!((void.kind, void.eoa_nonce), (AttemptKind::Void, claim.attempt.eoa_nonce));
    assert_eq!(world.rail.send(&void).await, Sent::Accepted);
    chain.hold(false).await;
    assert!(world.rail.nonce_used(void.signer, void.eoa_nonce).await.unwrap());
    assert_eq!(world.balance(&world.pay_to).await, 0);
    let attempts = [claim.attempt, void];
    assert_eq!(
        world.rail.outcome(&claim.terms, &attempts).await,
        Ok(Outcome::Pending { may_send: true })
    );
    chain.pass_s(600).await;
    assert_eq!(
        world.rail.outcome(&claim.terms, &attempts).await,
        Ok(Outcome::Failed(PaymentFailure::Expired))
    );
}

pub(super) async fn an_empty_transaction_fills_a_gap(chain: &dyn TestChain) {
    let world = World::new(chain).await;
    let mut claim = world.claim().await;
    // Wiped, as the books do when the intent is over: its fee cap alone tells what to outbid.
    claim.attempt.sealed_tx.clear();
    let void = world.rail.void(payment_id(), &claim.attempt, u128::MAX, SAVED_AT).await.unwrap();
    assert!(
        void.max_fee_per_gas_wei > claim.attempt.max_fee_per_gas_wei
            && void.max_fee_per_gas_wei < 100 * GWEI
    );
    assert_eq!(world.rail.send(&void).await, Sent::Accepted);
    for _ in 0..100 {
        if world.rail.nonce_used(void.signer, void.eoa_nonce).await.unwrap() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(world.rail.nonce_used(void.signer, void.eoa_nonce).await.unwrap());
    assert_eq!(judge(&world, &claim).await, Outcome::Pending { may_send: true });
}

/// Another program with the signer's key is first: what we signed is outrun, and goes out again
/// under the next nonce.
pub(super) async fn a_foreign_transaction_under_our_nonce_is_seen_and_passed(
    chain: &dyn TestChain,
) {
    let world = World::new(chain).await;
    let claim = world.claim().await;
    let attempts = [claim.attempt.clone()];
    assert_eq!(world.rail.outrun(&claim.terms, &attempts).await, Ok(false));
    let filler = world
        .rail
        .fill(world.rail.signer(), claim.attempt.eoa_nonce, None, u128::MAX, SAVED_AT)
        .await
        .unwrap();
    assert_eq!((filler.kind, filler.eoa_nonce), (AttemptKind::Void, claim.attempt.eoa_nonce));
    assert_eq!(world.rail.send(&filler).await, Sent::Accepted);
    for _ in 0..100 {
        if world.rail.outrun(&claim.terms, &attempts).await.unwrap() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(world.rail.outrun(&claim.terms, &attempts).await, Ok(true));
    let nonces = world.rail.nonces(world.rail.signer()).await.unwrap();
    assert_eq!((nonces.confirmed, nonces.mined, nonces.pending), (1, 1, 1));
    let anew = world.rail.resigning(&claim.attempt, u128::MAX).await.unwrap();
    assert_eq!(anew.chain_next_nonce, 1);
    let renewed = anew.preparer.prepare(payment_id(), anew.chain_next_nonce, SAVED_AT).unwrap();
    assert_eq!(call_of(&renewed), call_of(&claim.attempt));
    assert_eq!(world.rail.send(&renewed).await, Sent::Accepted);
    let proof = settled(&world, &super::world::Claim { attempt: renewed.clone(), ..claim }).await;
    assert_eq!(proof.tx_hash, renewed.tx_hash);
    assert_eq!(world.balance(&world.pay_to).await, PRICE);
}

/// The fee of the next transaction under the nonce, which must be called for.
async fn higher(rail: &BaseRail, last: &Attempt, at: UnixMs) -> Attempt {
    match rail.bump(payment_id(), last, u128::MAX, at).await.unwrap() {
        Raised::Higher(raised) => raised,
        other => panic!("{other:?}"),
    }
}

/// Target, gas and calldata of a saved transaction.
fn call_of(attempt: &Attempt) -> (Option<alloy_primitives::Address>, u64, Vec<u8>) {
    // The test's sealer puts 32 bytes before the plain ones.
    let tx = TxEnvelope::decode_2718_exact(&attempt.sealed_tx[32..]).unwrap();
    (tx.to(), tx.gas_limit(), tx.input().to_vec())
}
