//! What must hold before anything is claimed.

use super::{block_on, claim_rules, claimed, finished, paid, rejected};
use payments::{
    checkout::{ClaimError, PricedRequest},
    error::Reason,
    funding::{Funding, FundingRefusal},
    intent::State,
    money::UsdcUnits,
    ports::{
        Books, ChainView, ClaimKey, ClaimRefusal, Claimed, IdentityClaim, Known, PreparationError,
        ProofMemory, RailError, WrittenBy,
    },
    proof::ProofKey,
};
use testkit::{
    rail::{unreachable, usual_view},
    wallet::{TestWallet, offer},
    world::TestWorld,
};

fn reason(outcome: Result<Claimed, ClaimError>) -> Reason {
    match outcome {
        Err(ClaimError::Proof(error)) => error.reason,
        other => panic!("{other:?}"),
    }
}

fn key(asked: &PricedRequest) -> ClaimKey {
    ClaimKey { proof: Some(ProofKey::Authorization(asked.transfer.key())), idempotency: None }
}

fn holding(units: u128) -> ChainView {
    ChainView { balance_units: units, ..usual_view() }
}

fn wallet() -> TestWallet {
    TestWallet::numbered(1)
}

#[test]
fn a_used_authorization_claims_nothing() {
    let test = TestWorld::new();
    test.rail.view_is(Ok(ChainView { authorization_used: true, ..usual_view() }));
    let asked = test.launch(&wallet(), 1, true);
    let key = key(&asked);
    assert_eq!(reason(block_on(claim_rules(&test.world, asked))), Reason::NonceAlreadyUsed);
    assert_eq!(block_on(test.books.known(&key)).unwrap(), None);
}

#[test]
fn a_wallet_below_the_price_claims_nothing_not_even_a_free_launch() {
    let test = TestWorld::new();
    test.rail.view_is(Ok(holding(549_999)));
    for free_tier in [false, true] {
        let asked = test.launch(&wallet(), 1, free_tier);
        let key = key(&asked);
        assert_eq!(reason(block_on(claim_rules(&test.world, asked))), Reason::InsufficientFunds);
        assert_eq!(block_on(test.books.known(&key)).unwrap(), None);
    }
    test.rail.view_is(Ok(holding(550_000)));
    assert_eq!(claimed(&test, test.launch(&wallet(), 1, false)).state, State::Signed);
}

#[test]
fn where_no_balance_is_asked_for_an_empty_wallet_has_its_free_launches_and_no_more() {
    let mut test = TestWorld::new();
    test.world.settings.require_balance_for_free = false;
    test.rail.view_is(Ok(holding(0)));
    for number in 1..=5 {
        let intent = claimed(&test, test.launch(&wallet(), number, true));
        assert!(matches!(intent.funding, Funding::Free), "{:?}", intent.funding);
    }
    for free_tier in [true, false] {
        assert_eq!(
            reason(block_on(claim_rules(&test.world, test.launch(&wallet(), 6, free_tier)))),
            Reason::InsufficientFunds
        );
    }
}

#[test]
fn an_entitled_wallet_that_spent_its_last_coin_gets_what_it_paid_for() {
    let test = TestWorld::new();
    let source = rejected(&test, 1);
    test.rail.view_is(Ok(holding(0)));
    let next = claimed(&test, test.launch(&wallet(), 2, true));
    assert_eq!(next.funding, Funding::Entitlement { source: source.id });
    assert_eq!(finished(&test, next).state, State::Created);
    let third = block_on(claim_rules(&test.world, test.launch(&wallet(), 3, true)));
    assert_eq!(
        reason(third),
        Reason::InsufficientFunds,
        "no slot without a balance, once the entitlement is used"
    );
    let other = block_on(claim_rules(&test.world, test.launch(&TestWallet::numbered(2), 4, true)));
    assert_eq!(reason(other), Reason::InsufficientFunds);
}

#[test]
fn a_transfer_that_the_token_would_refuse_is_not_taken_and_a_free_launch_needs_none() {
    let test = TestWorld::new();
    let source = rejected(&test, 1);
    test.rail.view_is(Ok(ChainView {
        would_revert: Some(String::from("Pausable: paused")),
        ..usual_view()
    }));
    let entitled = claimed(&test, test.launch(&wallet(), 2, false));
    assert_eq!(entitled.funding, Funding::Entitlement { source: source.id });
    let free = claimed(&test, test.launch(&wallet(), 3, true));
    assert!(matches!(free.funding, Funding::Free), "{:?}", free.funding);
    let asked = test.launch(&wallet(), 4, false);
    let key = key(&asked);
    match block_on(claim_rules(&test.world, asked)) {
        Err(ClaimError::Proof(error)) => assert_eq!(
            (error.reason, error.got.as_str()),
            (Reason::SimulationFailed, "Pausable: paused")
        ),
        other => panic!("{other:?}"),
    }
    assert_eq!(block_on(test.books.known(&key)).unwrap(), None);
}

#[test]
fn a_paused_token_claims_no_payment_and_a_free_launch_needs_none() {
    let test = TestWorld::new();
    let source = rejected(&test, 1);
    let paused = ChainView {
        would_revert: Some(String::from("Pausable: paused")),
        token_paused: true,
        ..usual_view()
    };
    test.rail.view_is(Ok(paused.clone()));
    let entitled = claimed(&test, test.launch(&wallet(), 2, false));
    assert_eq!(entitled.funding, Funding::Entitlement { source: source.id });
    for view in [
        paused.clone(),
        ChainView { would_revert: None, ..paused.clone() },
        ChainView { balance_units: 0, ..paused.clone() },
    ] {
        test.rail.view_is(Ok(view));
        let asked = test.launch(&wallet(), 4, false);
        let key = key(&asked);
        let outcome = block_on(claim_rules(&test.world, asked));
        assert!(matches!(outcome, Err(ClaimError::Rail(RailError::TokenPaused))), "{outcome:?}");
        assert_eq!(block_on(test.books.known(&key)).unwrap(), None);
    }
    test.rail.view_is(Ok(paused));
    let free = claimed(&test, test.launch(&wallet(), 3, true));
    assert!(matches!(free.funding, Funding::Free), "{:?}", free.funding);
    test.rail.view_is(Ok(usual_view()));
    assert_eq!(
        claimed(&test, test.launch(&wallet(), 4, false)).funding,
        Funding::X402,
        "the same proof pays later"
    );
}

#[test]
fn a_silent_node_claims_nothing() {
    let test = TestWorld::new();
    test.rail.view_is(Err(unreachable()));
    let asked = test.launch(&wallet(), 1, true);
    let key = key(&asked);
    let outcome = block_on(claim_rules(&test.world, asked));
    assert!(matches!(outcome, Err(ClaimError::Rail(RailError::Unreachable(_)))), "{outcome:?}");
    assert_eq!(block_on(test.books.known(&key)).unwrap(), None);
}

#[test]
fn a_signer_without_gas_claims_nothing_and_a_free_launch_needs_none() {
    let test = TestWorld::new();
    test.rail.preparation_fails(Some(PreparationError::OutOfGas));
    let asked = test.launch(&wallet(), 1, false);
    let key = key(&asked);
    let refused = Claimed::Refused(ClaimRefusal::Preparation(PreparationError::OutOfGas));
    assert_eq!(block_on(claim_rules(&test.world, asked)).unwrap(), refused);
    assert_eq!(block_on(test.books.known(&key)).unwrap(), None);
    assert_eq!(claimed(&test, test.launch(&wallet(), 2, true)).state, State::Forwarding);
    test.rail.preparation_fails(None);
    assert_eq!(paid(&test, 1).attempts[0].eoa_nonce, 0);
}

#[test]
fn a_proof_that_identified_somebody_pays_for_nothing_also_when_the_memory_is_lost() {
    let test = TestWorld::new();
    let asked = || test.launch(&wallet(), 1, true);
    let identity = IdentityClaim {
        key: asked().transfer.key(),
        fingerprint: asked().fingerprint,
        at: test.world.clock.now(),
    };
    block_on(test.proofs.take_identity(identity.clone(), WrittenBy::Queue));
    let outcome = block_on(claim_rules(&test.world, asked()));
    assert!(matches!(outcome, Err(ClaimError::UsedForIdentity)), "{outcome:?}");
    block_on(test.books.claim_identities(&[identity])).unwrap();
    test.proofs.forget();
    let known = Known::of(asked().fingerprint, None);
    assert_eq!(block_on(claim_rules(&test.world, asked())).unwrap(), Claimed::Known(known));
}

#[test]
fn a_proof_of_another_amount_than_the_price_is_never_settled() {
    let test = TestWorld::new();
    let of_nothing = |number, free_tier| {
        let transfer = wallet().live(&offer(UsdcUnits::ZERO), number, test.world.clock.now());
        PricedRequest { transfer, ..test.launch(&wallet(), number, free_tier) }
    };
    let refused = Claimed::Refused(ClaimRefusal::Funding(FundingRefusal::ProofBelowPrice));
    assert_eq!(block_on(claim_rules(&test.world, of_nothing(1, false))).unwrap(), refused);
    assert!(matches!(claimed(&test, of_nothing(2, true)).funding, Funding::Free));
}

#[test]
fn the_same_proof_finds_its_intent_and_an_equal_request_joins_what_is_left_alone() {
    let test = TestWorld::new();
    let body = "{\"title\":\"same\"}";
    let first = claimed(&test, test.launch_of(&wallet(), 1, false, body));
    let again =
        block_on(claim_rules(&test.world, test.launch_of(&wallet(), 1, false, body))).unwrap();
    assert_eq!(again, Claimed::Known(Known::of(first.fingerprint, Some(first.clone()))));
    test.books.unattended(first.id);
    block_on(test.books.flush()).unwrap();
    test.clock.turn_ms(1);
    let retry =
        block_on(claim_rules(&test.world, test.launch_of(&wallet(), 2, false, body))).unwrap();
    assert_eq!(retry, Claimed::Joined(first));
    assert_eq!(test.rail.sends(), []);
}

#[test]
fn a_wallet_whose_last_coin_was_taken_still_joins_the_answer_that_it_never_got() {
    let test = TestWorld::new();
    let body = "{\"title\":\"same\"}";
    let done = finished(&test, claimed(&test, test.launch_of(&wallet(), 1, false, body)));
    test.books.unattended(done.id);
    test.rail.view_is(Ok(holding(0)));
    test.clock.turn_ms(1);
    let other_body = block_on(claim_rules(&test.world, test.launch_of(&wallet(), 2, false, "{}")));
    assert_eq!(reason(other_body), Reason::InsufficientFunds);
    let retry =
        block_on(claim_rules(&test.world, test.launch_of(&wallet(), 3, false, body))).unwrap();
    assert!(
        matches!(&retry, Claimed::Joined(joined) if joined.id == done.id && joined.answer == done.answer),
        "{retry:?}"
    );
}
