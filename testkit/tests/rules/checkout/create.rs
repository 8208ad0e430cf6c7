//! From funded to created, refused or looked up.

use super::{
    DriveError, Progress, balance, block_on, claimed, drive, finished, paid, rejected, run,
    timeline,
};
use payments::{
    funding::Funding,
    intent::{Intent, State},
    ports::{Books, BooksError, LookUp},
};
use testkit::{
    rail::{Asked, usual_view},
    upstream::{answer, created, refused, unknown},
    wallet::TestWallet,
    world::{SETTINGS, TestWorld, launches},
};

fn obligation(test: &TestWorld, intent: &Intent) -> String {
    block_on(test.books.evidence(intent.id)).unwrap().unwrap().obligation.unwrap().state
}

#[test]
fn an_unknown_creation_is_tried_again_under_the_same_key() {
    let test = TestWorld::new();
    test.upstream.answer_next([unknown(), unknown(), unknown(), created("launch-9")]);
    let done = finished(&test, paid(&test, 1));
    assert_eq!((done.state, done.launch_id.as_deref()), (State::Created, Some("launch-9")));
    assert_eq!(done.answer, Some(answer(201, "launch-9")));
    assert_eq!(timeline(&test, &done), ["signed", "forwarding", "core_unknown", "created"]);
    assert_eq!(test.upstream.creation_keys(), vec![done.id.to_string(); 4]);
    assert_eq!(test.upstream.looked_up(), Vec::<String>::new());
}

/// Killed between the commit and the answer, or answered with nothing: sent again it could be made
/// twice.
#[test]
fn an_upstream_without_keys_gets_each_creation_once() {
    let test = TestWorld::new();
    test.upstream.forget_keys();
    assert_eq!(
        finished(&test, paid(&test, 1)).state,
        State::Created,
        "the first time is no repeat"
    );
    test.upstream.answer_next([unknown()]);
    test.upstream.look_up_next([LookUp::Unreachable(String::new()), LookUp::Absent]);
    let lost = finished(&test, paid(&test, 2));
    assert_eq!((lost.state, test.upstream.creations().len()), (State::Rejected, 2));
    let left = claimed(&test, test.launch(&TestWallet::numbered(2), 3, true));
    test.upstream.look_up_next([LookUp::Found {
        answer: answer(201, "launch-3"),
        launch_id: String::from("launch-3"),
    }]);
    let found = block_on(run(&test.world, left, Progress::recovered())).unwrap();
    assert_eq!((found.state, found.launch_id.as_deref()), (State::Created, Some("launch-3")));
    assert_eq!(
        test.upstream.creations().len(),
        2,
        "a creation that may have left is not sent again"
    );
}

#[test]
fn a_paid_creation_that_is_refused_leaves_an_entitlement() {
    let test = TestWorld::new();
    let refused = rejected(&test, 1);
    let expected = test.world.clock.now().plus_ms(SETTINGS.entitlement_ms);
    assert_eq!(
        (refused.answer.clone(), refused.entitled_until),
        (Some(answer(422, "refused")), Some(expected))
    );
    assert_eq!(obligation(&test, &refused), "open");
    assert_eq!((balance(&test, "liab:unearned"), balance(&test, "liab:refund_due")), (0, -550_000));
    let next = paid_by_entitlement(&test, 2);
    assert_eq!(next.funding, Funding::Entitlement { source: refused.id });
    assert_eq!(finished(&test, next).state, State::Created);
    assert_eq!(obligation(&test, &refused), "used");
    assert_eq!(
        (balance(&test, "asset:usdc_hot"), balance(&test, "rev:launch"), balance(&test, "liab:")),
        (550_000, -550_000, 0)
    );
}

fn paid_by_entitlement(test: &TestWorld, number: u64) -> Intent {
    let sends = test.rail.sends().len();
    let intent = claimed(test, test.launch(&TestWallet::numbered(1), number, true));
    assert_eq!((intent.state, test.rail.sends().len()), (State::Forwarding, sends));
    intent
}

#[test]
fn a_free_creation_that_is_refused_gives_its_slot_back() {
    let test = TestWorld::new();
    test.upstream.answer_next([refused()]);
    let wallet = TestWallet::numbered(1);
    let released = finished(&test, claimed(&test, test.launch(&wallet, 1, true)));
    assert_eq!(
        (released.state, released.answer.map(|answer| answer.status)),
        (State::Released, Some(422))
    );
    let now = test.world.clock.now();
    let window = launches().at(now);
    assert_eq!(
        block_on(test.books.usage(&wallet.payer(), now.month(), Some(&window))).unwrap().free_used,
        0
    );
    assert_eq!(block_on(test.books.trial_balance()).unwrap(), []);
}

#[test]
fn an_entitled_creation_that_is_refused_opens_the_entitlement_again() {
    let test = TestWorld::new();
    let source = rejected(&test, 1);
    test.clock.turn_ms(3_600_000);
    test.upstream.answer_next([refused()]);
    let released = finished(&test, paid_by_entitlement(&test, 2));
    assert_eq!((released.state, released.entitled_until), (State::Released, None));
    assert_eq!(obligation(&test, &source), "open");
    assert_eq!((balance(&test, "liab:unearned"), balance(&test, "liab:refund_due")), (0, -550_000));
    test.clock.turn_ms(source.entitled_until.unwrap().ms() - test.world.clock.now().ms());
    assert_eq!(
        block_on(payments::recovery::expire_entitlements(&test.world)).unwrap(),
        1,
        "its first deadline holds"
    );
    assert_eq!(obligation(&test, &source), "refund_due");
}

/// A creation that stays unknown past its deadline, with what the upstream then says of its key.
fn past_deadline(test: &TestWorld, said: Vec<LookUp>) -> Intent {
    test.upstream.answer_next([unknown()]);
    test.upstream.look_up_next(said);
    let start = test.world.clock.now();
    let done = finished(test, paid(test, 1));
    assert!(test.world.clock.now() >= start.plus_ms(SETTINGS.core_deadline_ms));
    assert!(
        !test.upstream.looked_up().is_empty()
            && test.upstream.looked_up().iter().all(|key| *key == done.id.to_string())
    );
    done
}

#[test]
fn after_the_deadline_what_exists_under_the_key_is_created() {
    let test = TestWorld::new();
    let done = past_deadline(
        &test,
        vec![LookUp::Found { answer: answer(201, "late"), launch_id: String::from("late") }],
    );
    assert_eq!(
        (done.state, done.launch_id.as_deref(), test.upstream.looked_up().len()),
        (State::Created, Some("late"), 1)
    );
}

#[test]
fn after_the_deadline_what_does_not_exist_is_refused_and_owed() {
    let test = TestWorld::new();
    let done = past_deadline(&test, vec![LookUp::Absent]);
    let stored = done.answer.clone().unwrap();
    assert_eq!((done.state, stored.status), (State::Rejected, 502));
    let body: serde_json::Value = serde_json::from_slice(&stored.body).unwrap();
    assert_eq!(body["error"]["code"], "SERVER_001");
    assert_eq!(obligation(&test, &done), "open");
}

/// A copy that was sent at the last moment may be under way as long as its signature is good.
#[test]
fn what_does_not_exist_yet_is_not_refused_while_a_copy_may_arrive() {
    let test = TestWorld::new();
    let silence_ms = SETTINGS.core_deadline_ms + SETTINGS.core_late_copy_ms;
    let done = past_deadline(&test, vec![LookUp::Absent]);
    assert!(test.world.clock.now() >= done.forwarding_since.unwrap().plus_ms(silence_ms));
    let late = TestWorld::new();
    let found = LookUp::Found { answer: answer(201, "late"), launch_id: String::from("late") };
    assert_eq!(
        past_deadline(&late, vec![LookUp::Absent, LookUp::Absent, found]).state,
        State::Created
    );
}

/// Its process was away past the deadline: what is sent then counts from then.
#[test]
fn a_creation_that_is_sent_late_is_waited_for_from_then() {
    let test = TestWorld::new();
    let left = claimed(&test, test.launch(&TestWallet::numbered(1), 1, true));
    test.clock.turn_ms(10 * SETTINGS.core_deadline_ms);
    let taken_up = test.world.clock.now();
    test.upstream.answer_next([unknown()]);
    test.upstream.look_up_next([LookUp::Absent]);
    let done = block_on(run(&test.world, left, Progress::recovered())).unwrap();
    assert_eq!((done.state, test.upstream.creation_keys().len()), (State::Released, 1));
    assert!(done.updated_at >= taken_up.plus_ms(SETTINGS.core_late_copy_ms));
}

#[test]
fn after_the_deadline_silence_decides_nothing_and_nothing_is_sent() {
    let test = TestWorld::new();
    let silent = LookUp::Unreachable(String::from("timeout"));
    let found = LookUp::Found { answer: answer(201, "found"), launch_id: String::from("found") };
    let done = past_deadline(&test, vec![silent.clone(), silent, found]);
    assert_eq!((done.state, test.upstream.looked_up().len()), (State::Created, 3));
    let last_creation = test.world.clock.now().ms() - done.forwarding_since.unwrap().ms();
    assert!(last_creation >= SETTINGS.core_deadline_ms + 10_000, "asked every five seconds");
    assert!(
        test.upstream.creation_keys().len() < 610,
        "about one creation a second, until the deadline"
    );
}

#[test]
fn a_recovered_creation_is_sent_again_under_the_same_key() {
    let test = TestWorld::new();
    test.rail.view_is(Ok(usual_view()));
    let intent = claimed(&test, test.launch(&TestWallet::numbered(1), 1, true));
    let done = block_on(run(&test.world, intent.clone(), Progress::recovered())).unwrap();
    assert_eq!(
        (done.state, test.upstream.creation_keys()),
        (State::Created, vec![intent.core_key()])
    );
    assert!(!test.rail.asked().contains(&Asked::Outcome));
}

/// Stopped between the commit of FORWARDING and the send: whoever took it over sends, and nobody
/// else.
#[test]
fn a_driver_that_was_stopped_before_its_send_asks_whose_it_is() {
    let test = TestWorld::new();
    let intent = claimed(&test, test.launch(&TestWallet::numbered(1), 1, true));
    assert_eq!(intent.state, State::Forwarding);
    test.clock.turn_ms(test.world.settings.lease_ms + 1);
    let taken = block_on(payments::recovery::take_stuck(&test.world)).unwrap();
    assert_eq!(taken.len(), 1);
    let late = block_on(drive(&test.world, intent.clone(), &mut Progress::live()));
    assert!(
        matches!(late, Err(DriveError::Books(BooksError::Stale(id))) if id == intent.id),
        "{late:?}"
    );
    assert_eq!(test.upstream.creation_keys(), Vec::<String>::new());
    let done = block_on(run(&test.world, taken[0].clone(), Progress::recovered())).unwrap();
    assert_eq!((done.state, test.upstream.creation_keys().len()), (State::Created, 1));
}
