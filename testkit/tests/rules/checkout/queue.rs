//! Payments that wait for a signer, from their claim to their end.

use payments::{
    checkout::{Progress, QueueRound, claim as claim_rules, may_pay_again, run, settle_queued},
    intent::{Intent, State},
    ports::{Books, ChainView, ClaimRefusal, Claimed, Clock, PreparationError, RailError},
    settlement::PaymentFailure,
};
use testkit::{
    rail::{Say, unreachable, usual_view},
    run::block_on,
    wallet::TestWallet,
    world::TestWorld,
};

use super::{claimed, paid, timeline};

/// A world whose signer is busy.
fn busy() -> TestWorld {
    let test = TestWorld::new();
    test.books.signer_is_busy(true);
    test
}

fn queued(test: &TestWorld, number: u64) -> Intent {
    let intent = claimed(test, test.launch(&TestWallet::numbered(1), number, false));
    assert_eq!((intent.state, intent.attempts.len()), (State::Queued, 0));
    intent
}

/// One round, which must go well.
fn round(test: &TestWorld) -> QueueRound {
    let round = block_on(settle_queued(&test.world));
    assert!(round.error.is_none(), "{:?}", round.error);
    round
}

/// The one payment that a round moved.
fn moved(test: &TestWorld) -> Intent {
    let mut round = round(test);
    assert_eq!((round.moved.len(), round.waiting), (1, 0));
    round.moved.remove(0)
}

#[test]
fn what_waited_is_signed_sent_and_created() {
    let test = busy();
    let queued = queued(&test, 1);
    assert_eq!(test.rail.sends(), [], "nothing left the process");
    let signed = moved(&test);
    assert_eq!((signed.id, signed.state), (queued.id, State::Signed));
    let done = block_on(run(&test.world, signed, Progress::live())).unwrap();
    assert_eq!(timeline(&test, &done), ["claimed", "signed", "forwarding", "created"]);
    assert_eq!(test.rail.sends().len(), 1);
    assert_eq!(round(&test).moved, []);
}

#[test]
fn a_round_signs_all_that_wait_and_the_next_claim_signs_itself() {
    let test = busy();
    for number in 1..=3 {
        queued(&test, number);
    }
    test.books.signer_is_busy(false);
    queued(&test, 4);
    let nonces: Vec<u64> =
        round(&test).moved.iter().map(|intent| intent.attempts[0].eoa_nonce).collect();
    assert_eq!(nonces, [0, 1, 2, 3]);
    assert_eq!(paid(&test, 5).attempts[0].eoa_nonce, 4);
}

#[test]
fn a_balance_that_is_gone_ends_unsent_and_may_be_paid_again() {
    for view in [
        ChainView { balance_units: 0, ..usual_view() },
        ChainView { would_revert: Some(String::from("blacklisted")), ..usual_view() },
    ] {
        let test = busy();
        queued(&test, 1);
        test.rail.view_is(Ok(view));
        let failed = moved(&test);
        let end = (State::PayFailed, Some(PaymentFailure::NeverSent));
        assert_eq!((failed.state, failed.failure.clone()), end);
        assert!(block_on(may_pay_again(&*test.world.rail, &failed)));
        assert_eq!(test.rail.sends(), []);
        assert_eq!(block_on(test.books.trial_balance()).unwrap(), []);
    }
}

#[test]
fn with_less_than_six_seconds_left_it_ends_unsent() {
    let test = busy();
    let queued = queued(&test, 1);
    let before_s = queued.transfer.unwrap().valid_before_unix_s;
    let left_s = i64::try_from(before_s - test.clock.now().protocol_s()).unwrap();
    test.clock.turn_ms((left_s - 6) * 1_000);
    test.rail.view_is(Err(unreachable()));
    assert_eq!(round(&test).waiting, 1, "six seconds are enough");
    test.clock.turn_ms(1_000);
    test.rail.say_next([Say::Pending { may_send: false }]);
    assert_eq!(round(&test).waiting, 1, "it may be on its way to us by somebody else");
    test.rail.say_next([Say::Pending { may_send: true }]);
    assert_eq!(moved(&test).failure, Some(PaymentFailure::NeverSent));
}

#[test]
fn a_strangers_settlement_pays_for_what_waits() {
    let test = busy();
    queued(&test, 1);
    test.rail.view_is(Ok(ChainView { authorization_used: true, ..usual_view() }));
    test.rail.say_next([Say::SettledByStranger]);
    let funded = moved(&test);
    assert_eq!((funded.state, funded.attempts.len()), (State::Forwarding, 0));
    let done = block_on(run(&test.world, funded, Progress::live())).unwrap();
    assert_eq!(timeline(&test, &done), ["claimed", "forwarding", "created"]);
}

#[test]
fn what_the_payer_cancelled_is_a_proven_failure() {
    let test = busy();
    queued(&test, 1);
    test.rail.view_is(Ok(ChainView { authorization_used: true, ..usual_view() }));
    test.rail.say_next([Say::Failed(PaymentFailure::Cancelled)]);
    assert_eq!(moved(&test).failure, Some(PaymentFailure::Cancelled));
}

#[test]
fn what_cannot_be_settled_now_goes_back_to_the_queue() {
    let test = busy();
    let queued = queued(&test, 1);
    let waits = |why: &str| {
        let round = round(&test);
        assert_eq!((round.moved.len(), round.waiting), (0, 1), "{why}");
        let intent = block_on(test.books.intent(queued.id)).unwrap().unwrap();
        assert_eq!(intent.state, State::Queued, "{why}");
    };
    test.rail.view_is(Err(RailError::WrongChain(String::from("1"))));
    waits("another chain answers");
    test.rail.view_is(Ok(ChainView { token_paused: true, ..usual_view() }));
    waits("the token is paused");
    test.rail.view_is(Ok(usual_view()));
    test.rail.preparation_fails(Some(PreparationError::OutOfGas));
    waits("the signer is out of gas");
    test.rail.preparation_fails(None);
    assert_eq!(moved(&test).attempts[0].eoa_nonce, 0, "no nonce was lost");
}

#[test]
fn a_full_queue_refuses_before_anything_is_claimed() {
    let mut test = busy();
    test.world.settings.queue_max = 1;
    queued(&test, 1);
    let asked = test.launch(&TestWallet::numbered(2), 2, false);
    let outcome = block_on(claim_rules(&test.world, asked)).unwrap();
    assert_eq!(outcome, Claimed::Refused(ClaimRefusal::QueueFull));
}
