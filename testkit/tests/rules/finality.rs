//! Settlements that a reorganisation moves or takes, until they are final.
use payments::{
    checkout::{Progress, claim, run},
    finality::{Round, look_at_settlements},
    intent::Intent,
    ports::{Books, Claimed, Finding, Standing},
    recovery::close_nonces,
    settlement::AttemptKind,
};
use testkit::{
    rail::{Say, unreachable},
    run::block_on,
    wallet::TestWallet,
    world::TestWorld,
};

/// The longest time between two looks.
const LOOK_AGAIN_MAX_MS: i64 = 300_000;

const SENDING_AGAIN: &str = "not on the chain; the saved transaction is sent again";
const WORTHLESS: &str =
    "not on the chain, and its authorization can pay no more: collect or write off by hand";

fn delivered(test: &TestWorld) -> Intent {
    let asked = test.launch(&TestWallet::numbered(1), 1, false);
    let Claimed::New(intent) = block_on(claim(&test.world, asked)).unwrap() else {
        panic!("not new")
    };
    block_on(run(&test.world, intent, Progress::live())).unwrap()
}

fn look(test: &TestWorld) -> Round {
    test.clock.turn_ms(LOOK_AGAIN_MAX_MS);
    block_on(look_at_settlements(&test.world)).unwrap()
}

fn findings(test: &TestWorld, intent: &Intent) -> Vec<Finding> {
    block_on(test.books.evidence(intent.id)).unwrap().unwrap().findings
}

#[test]
fn a_lost_settlement_is_sent_again_and_closed_when_it_is_back() {
    let test = TestWorld::new();
    let paid = delivered(&test);
    test.rail.standing_next([Ok(Standing::Displaced)]);
    test.rail.say_next([Say::Pending { may_send: true }]);
    assert_eq!(look(&test).lost, [paid.id]);
    assert_eq!(test.rail.sends(), [paid.attempts[0].tx_hash; 2], "the saved bytes, once more");
    assert_eq!(findings(&test, &paid)[0].detail, SENDING_AGAIN);
    test.rail.say_next([Say::Settled]);
    assert_eq!(look(&test).moved, [paid.id]);
    assert!(findings(&test, &paid)[0].closed_at.is_some());
    assert_eq!(test.upstream.creation_keys(), [paid.core_key()]);
}

#[test]
fn the_nonce_of_a_lost_settlement_is_filled_by_its_transfer_and_after_its_end_by_nothing() {
    let test = TestWorld::new();
    let paid = delivered(&test);
    test.rail.standing_next([Ok(Standing::Displaced)]);
    test.rail.say_next([Say::Pending { may_send: true }]);
    test.rail.nonce_used_next([Ok(false)]);
    test.clock.turn_ms(20_000);
    assert_eq!(block_on(look_at_settlements(&test.world)).unwrap().lost, [paid.id]);
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
    assert_eq!(test.rail.sends(), [paid.attempts[0].tx_hash; 3]);
    let valid_for_s =
        paid.transfer.as_ref().unwrap().valid_before_unix_s - test.world.clock.now().protocol_s();
    test.clock.turn_ms(i64::try_from(valid_for_s).unwrap() * 1_000);
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
    let after = block_on(test.books.intent(paid.id)).unwrap().unwrap();
    assert_eq!(after.attempts.last().unwrap().kind, AttemptKind::Void);
}

#[test]
fn what_is_lost_for_good_stays_open_and_says_so() {
    let test = TestWorld::new();
    let paid = delivered(&test);
    test.rail.standing_next([Ok(Standing::Displaced)]);
    test.rail.say_next([Say::Failed(payments::settlement::PaymentFailure::Expired)]);
    assert_eq!(look(&test).lost, [paid.id]);
    assert_eq!(look(&test).lost, [paid.id]);
    let [found] = findings(&test, &paid).try_into().unwrap();
    assert_eq!((found.detail.as_str(), found.closed_at), (WORTHLESS, None));
    assert_eq!(test.rail.sends(), [paid.attempts[0].tx_hash], "the first time only");
}

#[test]
fn a_node_that_does_not_answer_proves_no_loss() {
    let test = TestWorld::new();
    let paid = delivered(&test);
    test.rail.standing_next([Err(unreachable()), Ok(Standing::NotKnown), Ok(Standing::Displaced)]);
    assert_eq!(look(&test), Round::default());
    test.rail.say_next([Say::Unreachable, Say::Pending { may_send: false }]);
    for _ in 0..3 {
        assert_eq!(look(&test).lost, []);
    }
    assert_eq!(findings(&test, &paid), []);
}

#[test]
fn a_final_settlement_is_asked_for_no_more() {
    let test = TestWorld::new();
    let paid = delivered(&test);
    assert!(!paid.attempts[0].sealed_tx.is_empty());
    test.rail.standing_next([Ok(Standing::Final)]);
    assert_eq!(look(&test).looked, 1);
    assert_eq!(look(&test).looked, 0);
    assert!(
        block_on(test.books.intent(paid.id)).unwrap().unwrap().attempts[0].sealed_tx.is_empty()
    );
}
