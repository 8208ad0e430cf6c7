//! What became of the money.

use alloy_primitives::B256;
use payments::{
    agent::Wallet,
    ports::{ChainReader, Outcome, PreparationError, RailError, Sent, Settler},
    settlement::{PaymentFailure, SettlementProof},
    x402::offer::Token,
};

use super::{
    TestChain,
    transfers::live_transfer,
    world::{Claim, GWEI, PRICE, SAVED_AT, VALID_FOR_S, World, payment_id},
};

const FRESH: Outcome = Outcome::Pending { may_send: true };

pub(super) async fn the_chain_is_the_configured_one(chain: &dyn TestChain) {
    let world = World::new(chain).await;
    world.rail.start_up_check().await.unwrap();
    world.rail.ready().await.unwrap();
    let (address, id) = (*world.token.address(), world.token.chain_id());
    let wrong = [
        (Token::new(address, "USD Coin", "2", id), "domain"),
        (Token::new(address, "USDC", "2", id + 1), "chain id"),
        (Token::new(Wallet::new([7; 20]), "USDC", "2", id), "DOMAIN_SEPARATOR"),
    ];
    for (token, named) in wrong {
        let rail = world.rail_with(|config| config.token = token);
        match rail.start_up_check().await {
            Err(RailError::WrongChain(text)) => assert!(text.contains(named), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    let transfer = world.authorize(B256::repeat_byte(1)).await;
    let elsewhere =
        world.rail_with(|config| config.token = Token::new(address, "USDC", "2", id + 1));
    assert!(matches!(elsewhere.view(&transfer).await, Err(RailError::WrongChain(_))));
    assert!(matches!(elsewhere.ready().await, Err(RailError::WrongChain(_))));
}

pub(super) async fn a_payment_is_settled_and_proven(chain: &dyn TestChain) {
    let world = World::new(chain).await;
    let claim = world.claim().await;
    assert_eq!(
        (claim.view.authorization_used, claim.view.balance_units),
        (false, u128::from(PRICE))
    );
    assert_eq!(judge(&world, &claim).await, FRESH);
    assert!(!world.rail.nonce_used(claim.attempt.signer, claim.attempt.eoa_nonce).await.unwrap());

    assert_eq!(world.rail.send(&claim.attempt).await, Sent::Accepted);
    let proof = settled(&world, &claim).await;
    assert_eq!(proof.tx_hash, claim.attempt.tx_hash);
    assert!(proof.block_number > claim.view.block_number && proof.fee_wei > 0, "{proof:?}");
    assert_eq!(world.balance(&world.pay_to).await, PRICE);
    assert!(world.rail.nonce_used(claim.attempt.signer, claim.attempt.eoa_nonce).await.unwrap());

    let after = world.rail.view(&claim.transfer).await.unwrap();
    assert!(after.authorization_used);
    assert_eq!((after.balance_units, after.signer_next_nonce), (0, claim.attempt.eoa_nonce + 1));
}

pub(super) async fn a_fate_waits_for_its_confirmations(chain: &dyn TestChain) {
    let world = World::new(chain).await;
    let patient = world.rail_with(|config| config.confirmations = 2);
    let claim = world.claim().await;
    world.rail.send(&claim.attempt).await;
    settled(&world, &claim).await;
    let attempts = std::slice::from_ref(&claim.attempt);
    let nonce_used = || patient.nonce_used(claim.attempt.signer, claim.attempt.eoa_nonce);
    assert_eq!(
        patient.outcome(&claim.terms, attempts).await,
        Ok(Outcome::Pending { may_send: false })
    );
    assert_eq!(nonce_used().await, Ok(false), "a reorganisation may still take it back");
    // Any transaction makes the next block.
    World::new(chain).await;
    assert!(matches!(patient.outcome(&claim.terms, attempts).await, Ok(Outcome::Settled(_))));
    assert_eq!(nonce_used().await, Ok(true));
}

pub(super) async fn a_lost_answer_settles_once(chain: &dyn TestChain) {
    let world = World::new(chain).await;
    let claim = world.claim().await;
    world.rail.send(&claim.attempt).await;
    // Sending the same bytes again proves nothing and changes nothing, mined or not.
    world.rail.send(&claim.attempt).await;
    assert_eq!(settled(&world, &claim).await.tx_hash, claim.attempt.tx_hash);
    assert_eq!(world.rail.send(&claim.attempt).await, Sent::Unknown);
    assert_eq!(world.balance(&world.pay_to).await, PRICE);
}

pub(super) async fn a_strangers_settlement_is_ours(chain: &dyn TestChain) {
    let world = World::new(chain).await;
    let claim = world.claim().await;
    let hash = world.settle_by_stranger(&claim.transfer).await;
    let before_ours = settled(&world, &claim).await;
    assert_eq!((before_ours.tx_hash, before_ours.fee_wei), (hash, 0));
    // Ours reverts, and that does not make it unpaid.
    world.rail.send(&claim.attempt).await;
    mined(&world, &claim).await;
    assert_eq!(settled(&world, &claim).await, before_ours);
    assert_eq!(world.balance(&world.pay_to).await, PRICE);
}

pub(super) async fn a_cancelled_authorization_is_not_paid(chain: &dyn TestChain) {
    let world = World::new(chain).await;
    let claim = world.claim().await;
    world.cancel(&claim.terms.key.nonce).await;
    assert_eq!(judge(&world, &claim).await, Outcome::Failed(PaymentFailure::Cancelled));
    world.rail.send(&claim.attempt).await;
    mined(&world, &claim).await;
    assert_eq!(judge(&world, &claim).await, Outcome::Failed(PaymentFailure::Cancelled));
}

pub(super) async fn a_barred_payer_is_seen_before_anything_is_sent(chain: &dyn TestChain) {
    let world = World::new(chain).await;
    let transfer = world.authorize(B256::repeat_byte(2)).await;
    assert_eq!(world.rail.view(&transfer).await.unwrap().would_revert, None);
    world.bar_payer().await;
    let words = world.rail.view(&transfer).await.unwrap().would_revert.unwrap();
    assert!(words.contains("account is blacklisted"), "{words}");
}

pub(super) async fn a_paused_token_is_told_from_a_barred_payer(chain: &dyn TestChain) {
    let world = World::new(chain).await;
    let transfer = world.authorize(B256::repeat_byte(2)).await;
    world.pause_token(true).await;
    let (view, ready) = (world.rail.view(&transfer).await.unwrap(), world.rail.ready().await);
    world.pause_token(false).await;
    assert_eq!((view.token_paused, ready), (true, Err(RailError::TokenPaused)));
    world.bar_payer().await;
    let view = world.rail.view(&transfer).await.unwrap();
    assert!(view.would_revert.is_some() && !view.token_paused, "{view:?}");
    world.rail.ready().await.unwrap();
}

pub(super) async fn money_that_went_elsewhere_is_not_paid(chain: &dyn TestChain) {
    let world = World::new(chain).await;
    let claim = world.claim().await;
    let elsewhere = live_transfer(
        &world.payer,
        &world.token,
        Wallet::new([9; 20]),
        claim.terms.valid_before_unix_s - VALID_FOR_S,
        B256::from(claim.terms.key.nonce),
    );
    world.settle_by_stranger(&elsewhere).await;
    assert_eq!(judge(&world, &claim).await, Outcome::Failed(PaymentFailure::SpentElsewhere));
    assert_eq!(world.balance(&world.pay_to).await, 0);
}

pub(super) async fn a_payer_without_balance_is_not_paid(chain: &dyn TestChain) {
    let world = World::new(chain).await;
    let claim = world.claim().await;
    world.empty_payer().await;
    world.rail.send(&claim.attempt).await;
    mined(&world, &claim).await;
    assert_eq!(judge(&world, &claim).await, Outcome::Failed(PaymentFailure::Reverted));
}

pub(super) async fn an_unsent_payment_expires(chain: &dyn TestChain) {
    let world = World::new(chain).await;
    let claim = world.claim().await;
    let before = claim.terms.valid_before_unix_s;
    assert!(!world.rail.expired_on_chain(before).await.unwrap());
    chain.pass_s(VALID_FOR_S + 60).await;
    assert!(world.rail.expired_on_chain(before).await.unwrap());
    assert_eq!(judge(&world, &claim).await, Outcome::Failed(PaymentFailure::Expired));
    // What is sent all the same reverts; it stays unpaid.
    world.rail.send(&claim.attempt).await;
    mined(&world, &claim).await;
    assert!(matches!(judge(&world, &claim).await, Outcome::Failed(_)));
    assert_eq!(world.balance(&world.pay_to).await, 0);
}

pub(super) async fn a_signer_without_gas_prepares_nothing(chain: &dyn TestChain) {
    let world = World::new(chain).await;
    let transfer = world.authorize(B256::repeat_byte(2)).await;
    let poor = world.rail_with(|config| config.signer_key = super::world::fresh_key());
    let view = poor.view(&transfer).await.unwrap();
    let prepared = poor.preparer(&transfer, &view, u128::MAX).prepare(payment_id(), 0, SAVED_AT);
    assert_eq!(prepared, Err(PreparationError::OutOfGas));
    assert!(poor.ready().await.is_err());

    let stingy = world.rail_with(|config| config.max_fee_per_gas_wei = 1);
    let mut view = stingy.view(&transfer).await.unwrap();
    view.fees.max_fee_per_gas_wei += GWEI;
    let prepared = stingy.preparer(&transfer, &view, u128::MAX).prepare(payment_id(), 0, SAVED_AT);
    assert_eq!(prepared, Err(PreparationError::FeeAboveCap));
}

pub(super) async fn a_changed_attempt_is_not_sent(chain: &dyn TestChain) {
    let world = World::new(chain).await;
    let (one, other) = (world.claim().await, world.claim().await);
    let mut moved = one.attempt.clone();
    moved.sealed_tx = other.attempt.sealed_tx;
    let mut wiped = one.attempt.clone();
    wiped.sealed_tx.clear();
    for attempt in [moved, wiped] {
        assert_eq!(world.rail.send(&attempt).await, Sent::Unknown);
    }
    assert!(!world.rail.nonce_used(one.attempt.signer, one.attempt.eoa_nonce).await.unwrap());
    assert_eq!(judge(&world, &one).await, FRESH);
}

/// What the rail says of the claim.
pub(super) async fn judge(world: &World<'_>, claim: &Claim) -> Outcome {
    world.rail.outcome(&claim.terms, std::slice::from_ref(&claim.attempt)).await.unwrap()
}

/// The proof of a payment that was sent, once its transaction is mined.
pub(super) async fn settled(world: &World<'_>, claim: &Claim) -> SettlementProof {
    mined(world, claim).await;
    match judge(world, claim).await {
        Outcome::Settled(proof) => proof,
        other => panic!("{other:?}"),
    }
}

/// Waits until nothing of the signer's waits any more.
async fn mined(world: &World<'_>, claim: &Claim) {
    for _ in 0..100 {
        let pending = world.rail.view(&claim.transfer).await.unwrap().signer_next_nonce;
        if pending == 0 || world.rail.nonce_used(claim.attempt.signer, pending - 1).await.unwrap() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the signer's transactions are not mined");
}
