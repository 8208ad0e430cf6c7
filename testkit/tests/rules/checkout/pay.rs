//! From signed to settled, or to the proof that it never will be.

use super::{
    DriveError, Progress, Step, balance, block_on, claimed, drive, finished, paid, pending, run,
    timeline,
};
use payments::{
    intent::{Intent, State},
    ports::{Books, BooksError, Sent},
    settlement::{ChainHash, PaymentFailure},
};
use testkit::{
    rail::{Asked, Say},
    upstream::unknown,
    wallet::TestWallet,
    world::TestWorld,
};

fn hash(intent: &Intent) -> ChainHash {
    intent.attempts[0].tx_hash
}

#[test]
fn a_paid_launch_takes_three_commits_and_one_question_to_the_chain() {
    let test = TestWorld::new();
    let signed = paid(&test, 1);
    let done = finished(&test, signed.clone());
    assert_eq!((done.state, done.guard.version), (State::Created, 3));
    assert_eq!(timeline(&test, &done), ["signed", "forwarding", "created"]);
    assert_eq!(test.rail.asked(), [Asked::Send(hash(&signed)), Asked::Outcome]);
    assert_eq!(test.upstream.creation_keys(), [done.id.to_string()]);
    let sent = &test.upstream.creations()[0];
    assert_eq!((&sent.request().body, sent.agent()), (&signed.request.body, Some(&signed.payer)));
    assert_eq!(
        (balance(&test, "asset:usdc_hot"), balance(&test, "rev:launch"), balance(&test, "liab:")),
        (550_000, -550_000, 0)
    );
}

#[test]
fn a_free_launch_asks_the_chain_for_nothing_and_books_nothing() {
    let test = TestWorld::new();
    let intent = claimed(&test, test.launch(&TestWallet::numbered(1), 1, true));
    assert_eq!(intent.state, State::Forwarding);
    let done = finished(&test, intent);
    assert_eq!((done.state, done.guard.version), (State::Created, 2));
    assert_eq!(test.rail.asked(), []);
    assert_eq!(block_on(test.books.trial_balance()).unwrap(), []);
}

#[test]
fn a_send_without_an_answer_is_unknown_until_the_chain_speaks() {
    let test = TestWorld::new();
    let signed = paid(&test, 1);
    test.rail.sent_next([Sent::Unknown]);
    test.rail.say_next(pending(8, Say::Settled));
    let done = finished(&test, signed.clone());
    assert_eq!(timeline(&test, &done), ["signed", "submit_unknown", "forwarding", "created"]);
    assert!(
        test.rail.sends().iter().all(|sent| *sent == hash(&signed)),
        "the same bytes each time"
    );
}

#[test]
fn a_send_that_the_node_took_is_submitted_until_it_settles() {
    let test = TestWorld::new();
    let signed = paid(&test, 1);
    test.rail.say_next(pending(12, Say::Settled));
    let done = finished(&test, signed.clone());
    assert_eq!(timeline(&test, &done), ["signed", "submitted", "forwarding", "created"]);
    assert_eq!(
        test.rail.sends(),
        [hash(&signed); 3],
        "sent first, then at every fifth question without an answer"
    );
}

#[test]
fn each_proven_failure_ends_the_intent_and_creates_nothing() {
    for failure in [
        PaymentFailure::Reverted,
        PaymentFailure::Cancelled,
        PaymentFailure::Expired,
        PaymentFailure::SpentElsewhere,
    ] {
        let test = TestWorld::new();
        test.rail.say_next(pending(2, Say::Failed(failure.clone())));
        let failed = finished(&test, paid(&test, 1));
        assert_eq!((failed.state, failed.failure), (State::PayFailed, Some(failure)));
        assert_eq!(test.upstream.creation_keys(), Vec::<String>::new());
        assert_eq!(block_on(test.books.trial_balance()).unwrap(), []);
        assert!(failed.attempts[0].sealed_tx.is_empty());
    }
}

#[test]
fn a_settlement_by_a_stranger_pays_for_the_launch() {
    let test = TestWorld::new();
    test.rail.say_next([Say::SettledByStranger]);
    let done = finished(&test, paid(&test, 1));
    assert_eq!(done.state, State::Created);
    let settlement = done.transfer_proof().unwrap();
    assert!(settlement.tx_hash != hash(&done) && settlement.fee_wei == 0);
    assert_eq!(balance(&test, "asset:usdc_hot"), 550_000);
    let open = block_on(test.books.open_nonces(testkit::rail::ACCOUNT, 9)).unwrap();
    assert_eq!(open.len(), 1, "our own transaction did not use its nonce yet");
}

#[test]
fn a_higher_fee_is_saved_before_it_is_sent_under_the_same_nonce() {
    let test = TestWorld::new();
    let signed = paid(&test, 1);
    test.rail.say_next(pending(6, Say::Settled));
    test.rail.bump_next([true, false]);
    let done = finished(&test, signed.clone());
    let [first, raised] = done.attempts.as_slice() else { panic!("{:?}", done.attempts) };
    assert_eq!((first.eoa_nonce, raised.eoa_nonce), (0, 0));
    assert!(raised.max_fee_per_gas_wei > first.max_fee_per_gas_wei);
    assert_eq!(test.rail.sends(), [first.tx_hash, raised.tx_hash]);
    assert_eq!(done.transfer_proof().unwrap().tx_hash, raised.tx_hash);
}

#[test]
fn a_silent_node_is_asked_again_and_nothing_is_guessed() {
    let test = TestWorld::new();
    let signed = paid(&test, 1);
    test.rail.say_next(vec![Say::Unreachable; 20].into_iter().chain([Say::Settled]));
    let done = finished(&test, signed.clone());
    assert_eq!(timeline(&test, &done), ["signed", "submit_unknown", "forwarding", "created"]);
    assert_eq!(
        test.rail.sends(),
        [hash(&signed)],
        "nothing is sent while nobody knows whether it may be"
    );
}

#[test]
fn what_may_no_longer_be_sent_is_not_sent_again() {
    let test = TestWorld::new();
    let signed = paid(&test, 1);
    test.rail.say_next(
        vec![Say::Pending { may_send: false }; 20]
            .into_iter()
            .chain([Say::Failed(PaymentFailure::SpentElsewhere)]),
    );
    assert_eq!(finished(&test, signed.clone()).state, State::PayFailed);
    assert_eq!(test.rail.sends(), [hash(&signed)]);
}

#[test]
fn a_recovered_intent_asks_before_it_sends() {
    let test = TestWorld::new();
    let settled = paid(&test, 1);
    let done = block_on(run(&test.world, settled, Progress::recovered())).unwrap();
    assert_eq!((done.state, test.rail.asked()), (State::Created, vec![Asked::Outcome]));

    let test = TestWorld::new();
    let unsent = paid(&test, 1);
    test.rail.say_next(pending(1, Say::Settled));
    let done = block_on(run(&test.world, unsent.clone(), Progress::recovered())).unwrap();
    assert_eq!(done.state, State::Created);
    assert_eq!(
        test.rail.asked(),
        [Asked::Outcome, Asked::Bump, Asked::Send(hash(&unsent)), Asked::Outcome]
    );
}

#[test]
fn a_driver_that_was_replaced_stops() {
    let test = TestWorld::new();
    let signed = paid(&test, 1);
    test.clock.turn_ms(30_001);
    let taken = block_on(payments::recovery::take_stuck(&test.world)).unwrap();
    let stopped = block_on(run(&test.world, signed.clone(), Progress::live()));
    assert!(
        matches!(stopped, Err(DriveError::Books(BooksError::Stale(id))) if id == signed.id),
        "{stopped:?}"
    );
    assert_eq!(test.upstream.creation_keys(), Vec::<String>::new());
    let done = block_on(run(&test.world, taken[0].clone(), Progress::recovered())).unwrap();
    assert_eq!((done.state, test.upstream.creation_keys().len()), (State::Created, 1));
}

#[test]
fn waits_grow_to_a_second_and_start_afresh_with_a_new_state() {
    let test = TestWorld::new();
    test.rail.say_next(pending(8, Say::Settled));
    let mut intent = paid(&test, 1);
    let mut progress = Progress::live();
    let mut waits = Vec::new();
    let forwarding = loop {
        match block_on(drive(&test.world, intent, &mut progress)).unwrap() {
            Step::Wait(same, ms) => {
                waits.push(ms);
                intent = same;
            }
            Step::Moved(moved) => break moved,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(waits, [20, 50, 100, 200, 400, 1_000, 1_000, 1_000]);
    test.upstream.answer_next([unknown()]);
    let step = block_on(drive(&test.world, forwarding, &mut progress)).unwrap();
    assert!(matches!(step, Step::Wait(_, 20)), "{step:?}");
}

#[test]
fn a_row_that_lacks_what_its_state_requires_is_an_error_and_not_a_guess() {
    let test = TestWorld::new();
    let signed = paid(&test, 1);
    for broken in [
        Intent { transfer: None, ..signed.clone() },
        Intent { attempts: Vec::new(), ..signed.clone() },
    ] {
        let step = block_on(drive(&test.world, broken, &mut Progress::live()));
        assert!(matches!(step, Err(DriveError::Incomplete(id)) if id == signed.id), "{step:?}");
    }
    assert_eq!(test.rail.asked(), []);
}

#[test]
fn a_terminal_intent_is_done_and_asks_nobody() {
    let test = TestWorld::new();
    let signed = paid(&test, 1);
    for state in State::ALL.into_iter().filter(|state| state.is_terminal()) {
        let intent = Intent { state, ..signed.clone() };
        assert_eq!(
            block_on(drive(&test.world, intent.clone(), &mut Progress::live())).unwrap(),
            Step::Done(intent)
        );
    }
    assert_eq!((test.rail.asked(), test.upstream.creation_keys()), (vec![], vec![]));
}

#[test]
fn a_payment_whose_nonce_somebody_else_used_goes_out_under_a_new_one() {
    let test = TestWorld::new();
    let signed = paid(&test, 1);
    test.rail.say_next(pending(6, Say::Settled));
    test.rail.outrun_next([true, false]);
    let done = finished(&test, signed.clone());
    let [first, renewed] = done.attempts.as_slice() else { panic!("{:?}", done.attempts) };
    assert_eq!((first.eoa_nonce, renewed.eoa_nonce, done.state), (0, 1, State::Created));
    assert_eq!(
        test.rail.sends(),
        [first.tx_hash, renewed.tx_hash],
        "saved before it is sent, and the lost one no more"
    );
    let findings = block_on(test.books.evidence(done.id)).unwrap().unwrap().findings;
    assert_eq!(
        findings.iter().map(|found| found.kind.as_str()).collect::<Vec<_>>(),
        ["foreign_transaction"]
    );
    // What lost its nonce has no receipt to wait for.
    test.rail.fees_next([Ok(None)]);
    assert_eq!(block_on(payments::recovery::close_nonces(&test.world)).unwrap(), 0);
}

#[test]
fn a_payment_at_its_gas_bound_waits_and_says_so() {
    let test = TestWorld::new();
    test.rail.at_bound(true);
    let mut intent = paid(&test, 1);
    test.rail.say_next(pending(12, Say::Settled));
    let mut progress = Progress::live();
    let mut said = false;
    while let Step::Wait(same, _) =
        block_on(drive(&test.world, intent.clone(), &mut progress)).unwrap()
    {
        said |= progress.at_gas_bound();
        intent = same;
    }
    assert!(said);
    assert_eq!(
        block_on(test.books.intent(intent.id)).unwrap().unwrap().attempts.len(),
        1,
        "the same bytes, no dearer ones"
    );
}
