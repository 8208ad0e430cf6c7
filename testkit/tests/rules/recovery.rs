//! What a crash leaves behind, and nonces that are open.
use payments::{
    checkout::{Progress, claim, run},
    intent::{Intent, State},
    ports::{Books, Claimed},
    recovery::{close_nonces, expire_entitlements, take_stuck},
    settlement::{Attempt, AttemptKind, PaymentFailure},
};
use testkit::{
    rail::{ACCOUNT, Asked, FEE_WEI, Say, unreachable},
    run::block_on,
    wallet::TestWallet,
    world::TestWorld,
};

/// An unused nonce is filled this long after its last transaction was saved.
const VOID_AFTER_MS: i64 = 15_000;
/// How long the receipt of a transaction under a used nonce is waited for.
const RECEIPT_WAIT_MS: i64 = 600_000;

fn paid(test: &TestWorld, number: u64) -> Intent {
    match block_on(claim(&test.world, test.launch(&TestWallet::numbered(1), number, false)))
        .unwrap()
    {
        Claimed::New(intent) => intent,
        other => panic!("{other:?}"),
    }
}

fn expired(test: &TestWorld) -> Intent {
    test.rail.say_next([Say::Failed(PaymentFailure::Expired)]);
    block_on(run(&test.world, paid(test, 1), Progress::live())).unwrap()
}

#[test]
fn what_a_crash_left_behind_is_finished_without_its_client() {
    let test = TestWorld::new();
    let left = paid(&test, 1);
    assert_eq!(block_on(take_stuck(&test.world)).unwrap(), [], "its driver may still live");
    test.clock.turn_ms(test.world.settings.lease_ms + 1);
    let taken = block_on(take_stuck(&test.world)).unwrap();
    assert_eq!(taken.iter().map(|intent| intent.id).collect::<Vec<_>>(), [left.id]);
    assert_eq!(block_on(take_stuck(&test.world)).unwrap(), []);
    let done = block_on(run(&test.world, taken[0].clone(), Progress::recovered())).unwrap();
    assert_eq!(
        (done.state, test.upstream.creation_keys()),
        (State::Created, vec![left.core_key()])
    );
}

#[test]
fn an_unused_nonce_is_filled_after_15_s_and_saved_before_it_is_sent() {
    let test = TestWorld::new();
    let failed = expired(&test);
    let before = test.rail.sends().len();
    test.rail.nonce_used_next([Ok(false)]);
    test.clock.turn_ms(VOID_AFTER_MS - 1);
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
    assert_eq!(test.rail.sends().len(), before, "its own transfer may still be mined");
    test.clock.turn_ms(1);
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
    let voided = block_on(test.books.intent(failed.id)).unwrap().unwrap();
    let void = voided.attempts.last().unwrap();
    assert_eq!((void.kind, void.eoa_nonce), (AttemptKind::Void, failed.attempts[0].eoa_nonce));
    assert_eq!(test.rail.sends()[before..], [void.tx_hash]);
    test.clock.turn_ms(VOID_AFTER_MS);
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
    assert_eq!(test.rail.sends()[before..], [void.tx_hash; 2], "the same bytes again");
    test.rail.nonce_used_next([Ok(true)]);
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 0);
    assert_eq!(block_on(test.books.open_nonces(ACCOUNT, 9)).unwrap(), []);
    assert_eq!(block_on(test.books.intent(failed.id)).unwrap().unwrap().state, State::PayFailed);
}

#[test]
fn a_void_that_is_not_mined_pays_a_higher_fee() {
    let test = TestWorld::new();
    let failed = expired(&test);
    test.rail.nonce_used_next([Ok(false)]);
    test.clock.turn_ms(VOID_AFTER_MS);
    block_on(close_nonces(&test.world)).unwrap();
    test.rail.bump_next([true, false]);
    test.clock.turn_ms(VOID_AFTER_MS);
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
    let attempts = block_on(test.books.intent(failed.id)).unwrap().unwrap().attempts;
    let [_, void, raised] = attempts.as_slice() else { panic!("{attempts:?}") };
    assert_eq!((raised.kind, raised.eoa_nonce), (AttemptKind::Void, void.eoa_nonce));
    assert!(raised.max_fee_per_gas_wei > void.max_fee_per_gas_wei);
    assert_eq!(test.rail.sends().last(), Some(&raised.tx_hash));
}

#[test]
fn a_mined_transaction_closes_its_nonce_at_once() {
    let test = TestWorld::new();
    let failed = expired(&test);
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 0);
    assert!(!test.rail.asked().contains(&Asked::Void));
    assert_eq!(
        block_on(test.books.intent(failed.id)).unwrap(),
        Some(Intent {
            attempts: vec![Attempt { fee_wei: Some(FEE_WEI), ..failed.attempts[0].clone() }],
            ..failed
        })
    );
}

#[test]
fn a_silent_node_leaves_the_nonce_open() {
    let test = TestWorld::new();
    let failed = expired(&test);
    test.rail.nonce_used_next([Err(unreachable())]);
    test.clock.turn_ms(VOID_AFTER_MS);
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
    assert_eq!(block_on(test.books.intent(failed.id)).unwrap(), Some(failed));
}

#[test]
fn a_silent_node_is_asked_once_a_round() {
    let test = TestWorld::new();
    test.rail.say_next([Say::Failed(PaymentFailure::Expired)]);
    for number in 1..=3 {
        block_on(run(&test.world, paid(&test, number), Progress::live())).unwrap();
    }
    test.rail.nonce_used_next([Err(unreachable())]);
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
    assert_eq!(
        test.rail.asked().iter().filter(|asked| matches!(asked, Asked::NonceUsed(_))).count(),
        1
    );
}

#[test]
fn the_gas_of_what_moved_nothing_is_kept_before_its_nonce_is_closed() {
    let test = TestWorld::new();
    let failed = expired(&test);
    test.rail.fees_next([Err(unreachable()), Ok(None), Ok(Some(77_000))]);
    for _ in 0..2 {
        assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1, "not known yet");
    }
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 0);
    let kept = block_on(test.books.intent(failed.id)).unwrap().unwrap();
    assert_eq!(kept.attempts[0].fee_wei, Some(77_000));
    assert_eq!(block_on(test.books.gas_spent()).unwrap().lost_wei, 77_000);
}

/// It waited to be mined for longer than a receipt is waited for, and the node that is asked next
/// is behind.
#[test]
fn the_gas_of_what_was_mined_late_is_kept_before_its_nonce_is_closed() {
    let test = TestWorld::new();
    let failed = expired(&test);
    test.rail.nonce_used_next([Ok(false), Ok(true)]);
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
    test.clock.turn_ms(RECEIPT_WAIT_MS + 1);
    test.rail.fees_next([Ok(None), Ok(Some(77_000))]);
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1, "not known yet");
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 0);
    assert_eq!(
        block_on(test.books.intent(failed.id)).unwrap().unwrap().attempts[0].fee_wei,
        Some(77_000)
    );
}

#[test]
fn a_nonce_whose_receipt_never_shows_is_closed_in_the_end() {
    let test = TestWorld::new();
    expired(&test);
    test.rail.fees_next([Ok(None)]);
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
    test.clock.turn_ms(RECEIPT_WAIT_MS);
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 0);
    assert_eq!(
        block_on(test.books.gas_spent()).unwrap(),
        payments::settlement::GasSpent::default(),
        "unknown is not a number"
    );
}

/// A stranger settled it, and its launch is being created while our own transaction is not mined:
/// the driver must not lose its guard.
#[test]
fn filling_a_nonce_takes_nothing_from_a_driver() {
    let test = TestWorld::new();
    test.rail.say_next([Say::SettledByStranger]);
    let signed = paid(&test, 1);
    let mut progress = Progress::live();
    let moved =
        block_on(payments::checkout::drive(&test.world, signed.clone(), &mut progress)).unwrap();
    let payments::checkout::Step::Moved(forwarding) = moved else { panic!("{moved:?}") };
    test.rail.nonce_used_next([Ok(false)]);
    test.clock.turn_ms(VOID_AFTER_MS);
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
    let sent = signed.attempts[0].tx_hash;
    assert_eq!(test.rail.sends(), [sent, sent], "its own transfer uses the nonce, and reverts");
    let done = block_on(run(&test.world, forwarding, progress)).unwrap();
    assert_eq!(done.state, State::Created);
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
    let void = block_on(test.books.intent(done.id)).unwrap().unwrap().attempts.pop().unwrap();
    assert_eq!((void.kind, test.rail.sends().last()), (AttemptKind::Void, Some(&void.tx_hash)));
}

#[test]
fn entitlements_past_their_deadline_are_due() {
    let test = TestWorld::new();
    test.upstream.answer_next([testkit::upstream::refused()]);
    let rejected = block_on(run(&test.world, paid(&test, 1), Progress::live())).unwrap();
    assert_eq!(rejected.state, State::Rejected);
    assert_eq!(block_on(expire_entitlements(&test.world)).unwrap(), 0);
    test.clock.turn_ms(test.world.settings.entitlement_ms);
    assert_eq!(block_on(expire_entitlements(&test.world)).unwrap(), 1);
}
