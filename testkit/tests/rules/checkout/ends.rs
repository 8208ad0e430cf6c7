//! Creations whose outcome the upstream does not give: each has an end.

use super::{block_on, finished, paid};
use payments::{
    checkout::{Progress, ResolveRefusal, ResolveRules, Step, drive, may_end},
    intent::{EndedBy, Intent, State},
    ports::{LookUp, Parking},
};
use testkit::{
    upstream::{created, turned_away, unknown},
    world::{SETTINGS, TestWorld},
};

#[test]
fn what_was_never_done_is_sent_again_also_where_a_repeat_would_make_it_twice() {
    let test = TestWorld::new();
    test.upstream.forget_keys();
    test.upstream.answer_next([turned_away(), turned_away(), created("launch-3")]);
    let done = finished(&test, paid(&test, 1));
    assert_eq!(
        (done.state, test.upstream.creations().len(), done.ended_by),
        (State::Created, 3, None)
    );
}

#[test]
fn what_was_never_done_is_owed_at_the_deadline_without_a_question() {
    let test = TestWorld::new();
    test.upstream.answer_next([turned_away()]);
    let start = test.world.clock.now();
    let done = finished(&test, paid(&test, 1));
    assert_eq!((done.state, done.ended_by), (State::Rejected, Some(EndedBy::NotDone)));
    assert!(
        test.world.clock.now() < start.plus_ms(SETTINGS.core_deadline_ms + 6_000),
        "at its deadline"
    );
    assert!(test.upstream.looked_up().is_empty(), "nobody needs to be asked");
}

#[test]
fn what_may_have_been_done_once_is_unknown_whatever_is_answered_later() {
    let test = TestWorld::new();
    test.upstream.answer_next([turned_away(), unknown(), turned_away()]);
    test.upstream.look_up_next([LookUp::Absent]);
    let done = finished(&test, paid(&test, 1));
    assert_eq!((done.state, done.ended_by), (State::Rejected, None), "the look-up ended it");
    assert!(!test.upstream.looked_up().is_empty());
}

/// A paid creation that is unknown and past its deadline, whose upstream says nothing.
fn stuck(test: &TestWorld) -> Intent {
    test.upstream.answer_next([unknown()]);
    let mut intent = paid(test, 1);
    let mut progress = Progress::live();
    loop {
        match block_on(drive(&test.world, intent, &mut progress)).unwrap() {
            Step::Moved(moved) => intent = moved,
            Step::Wait(same, ms) => {
                test.clock.turn_ms(i64::try_from(ms).unwrap());
                intent = same;
            }
            Step::Park(same, ms) => {
                assert!(ms >= 5_000, "{ms}");
                let until = test.world.clock.now().plus_ms(i64::try_from(ms).unwrap());
                assert!(block_on(test.books.park(same.id, same.guard.fence, until)).unwrap());
                return same;
            }
            Step::Done(done) => panic!("{done:?}"),
        }
    }
}

#[test]
fn what_nobody_knows_waits_without_a_driver_and_is_owed_in_the_end() {
    let mut test = TestWorld::new();
    test.world.settings.unknown_after_ms = Some(3_600_000);
    let start = test.world.clock.now();
    let done = finished(&test, stuck(&test));
    assert_eq!((done.state, done.ended_by), (State::Rejected, Some(EndedBy::Policy)));
    let after_ms = test.world.clock.now().ms() - start.ms();
    assert!((3_600_000..3_700_000).contains(&after_ms), "{after_ms}");
    assert!(
        test.upstream.looked_up().len() < 40,
        "less and less often: {}",
        test.upstream.looked_up().len()
    );
}

#[test]
fn an_operator_may_not_end_what_may_be_under_way() {
    let test = TestWorld::new();
    let rules = ResolveRules::from(&test.world.settings);
    let intent = stuck(&test);
    let silent = intent.silent_since(rules.core_deadline_ms, rules.core_late_copy_ms);
    assert!(matches!(
        may_end(&intent, rules, silent.plus_ms(-1)),
        Err(ResolveRefusal::UnderWay { .. })
    ));
    may_end(&intent, rules, silent).unwrap();
    let never = Intent { not_done: true, ..intent.clone() };
    may_end(&never, rules, intent.created_at).unwrap();
    for state in State::ALL.into_iter().filter(|state| *state != State::CoreUnknown) {
        may_end(&Intent { state, ..never.clone() }, rules, silent).unwrap_err();
    }
}
