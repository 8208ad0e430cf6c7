//! Holes: seen, said, filled, and over.
use payments::{
    checkout::{Progress, claim, run},
    intent::{Intent, State},
    ports::{Books, ChainNonces, Claimed},
    recovery::close_nonces,
    sequence::{SignerState, heal, states},
    settlement::{Attempt, AttemptKind, PaymentFailure},
};
use testkit::{
    rail::{ACCOUNT, Asked, FEE_WEI, SIGNER, Say, unreachable, usual_view},
    run::block_on,
    wallet::TestWallet,
    world::TestWorld,
};

/// A hole that lasts is said after this long.
const SAID_AFTER_MS: i64 = 4_000;
/// And filled after this long.
const FILLED_AFTER_MS: i64 = 12_000;
/// When what another program sent under the nonce is outbid.
const OUTBID_AFTER_MS: i64 = 120_000;
/// Between two raises of a transaction that fills a hole.
const RAISED_AFTER_MS: i64 = 15_000;

fn node(test: &TestWorld, confirmed: u64, mined: u64, pending: u64) {
    test.rail.nonces_are(Ok(ChainNonces { confirmed, mined, pending }));
}

fn paid(test: &TestWorld, number: u64, chain_next_nonce: u64) -> Intent {
    test.rail.view_is(Ok(payments::ports::ChainView {
        signer_next_nonce: chain_next_nonce,
        ..usual_view()
    }));
    match block_on(claim(&test.world, test.launch(&TestWallet::numbered(1), number, false)))
        .unwrap()
    {
        Claimed::New(intent) => intent,
        other => panic!("{other:?}"),
    }
}

fn round(test: &TestWorld, later_ms: i64) -> SignerState {
    test.clock.turn_ms(later_ms);
    block_on(heal(&test.world)).unwrap();
    test.world.signers.states().pop().unwrap()
}

fn fills(test: &TestWorld) -> Vec<Attempt> {
    block_on(test.books.sequence(ACCOUNT, 0)).unwrap().fills
}

#[test]
fn a_hole_is_said_when_it_lasts_and_filled_when_it_lasts_longer() {
    let test = TestWorld::new();
    let waits = paid(&test, 1, 1);
    node(&test, 0, 0, 0);
    assert_eq!(
        round(&test, 0).holes,
        Vec::<u64>::new(),
        "one look may be of a node that is behind"
    );
    let state = round(&test, SAID_AFTER_MS);
    assert_eq!((state.signer, state.chain_nonce, state.next_nonce, state.open), (SIGNER, 0, 2, 1));
    assert_eq!((state.holes, state.oldest_open_at), (vec![0], Some(waits.created_at)));
    assert_eq!(fills(&test), []);
    round(&test, FILLED_AFTER_MS - SAID_AFTER_MS);
    let [filler] = fills(&test).try_into().unwrap();
    assert_eq!((filler.kind, filler.eoa_nonce), (AttemptKind::Void, 0));
    assert_eq!(test.rail.sends(), [filler.tx_hash], "saved before it is sent");
    assert_eq!(round(&test, 2_000).holes, [0], "until it is mined");
    assert_eq!(test.rail.sends().len(), 1);
    round(&test, RAISED_AFTER_MS);
    assert_eq!(fills(&test).len(), 2, "at a higher fee");
    node(&test, 0, 2, 2);
    assert_eq!(
        (round(&test, 2_000).holes, fills(&test).len()),
        (Vec::new(), 2),
        "not confirmed yet"
    );
    node(&test, 2, 2, 2);
    round(&test, 2_000);
    assert_eq!(fills(&test), []);
    assert_eq!(block_on(test.books.gas_spent()).unwrap().void_wei, FEE_WEI);
}

#[test]
fn a_node_that_is_behind_for_a_moment_costs_nothing() {
    let test = TestWorld::new();
    paid(&test, 1, 1);
    node(&test, 0, 0, 0);
    round(&test, 0);
    round(&test, FILLED_AFTER_MS - 1);
    node(&test, 1, 1, 2);
    assert_eq!(round(&test, 1_000).holes, Vec::<u64>::new());
    node(&test, 0, 0, 0);
    round(&test, FILLED_AFTER_MS);
    test.rail.nonces_are(Err(unreachable()));
    assert_eq!(round(&test, FILLED_AFTER_MS).chain_nonce, 0, "what was seen last stays");
    assert_eq!(test.rail.sends(), []);
}

#[test]
fn what_somebody_else_sent_under_the_nonce_gets_its_time() {
    let test = TestWorld::new();
    paid(&test, 1, 1);
    node(&test, 0, 0, 2);
    round(&test, 0);
    assert_eq!((round(&test, OUTBID_AFTER_MS - 1).holes, test.rail.sends().len()), (Vec::new(), 0));
    assert_eq!(round(&test, 1).holes, [0]);
    assert_eq!(fills(&test).len(), 1);
}

#[test]
fn a_reverted_transaction_that_is_taken_back_opens_its_nonce_again() {
    let test = TestWorld::new();
    test.rail.say_next([Say::Failed(PaymentFailure::Reverted)]);
    let failed = block_on(run(&test.world, paid(&test, 1, 0), Progress::live())).unwrap();
    block_on(close_nonces(&test.world)).unwrap();
    assert_eq!(block_on(test.books.open_nonces(ACCOUNT, 9)).unwrap(), []);
    node(&test, 0, 0, 0);
    round(&test, 0);
    round(&test, FILLED_AFTER_MS);
    assert_eq!(
        block_on(test.books.gas_spent()).unwrap().lost_wei,
        0,
        "what is not mined cost nothing"
    );
    test.rail.nonce_used_next([Ok(false)]);
    test.clock.turn_ms(FILLED_AFTER_MS);
    let sent = test.rail.sends().len();
    assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
    let voided = block_on(test.books.intent(failed.id)).unwrap().unwrap();
    let void = voided.attempts.last().unwrap();
    assert_eq!((void.kind, void.eoa_nonce, voided.state), (AttemptKind::Void, 0, State::PayFailed));
    assert_eq!(
        test.rail.sends()[sent..],
        [void.tx_hash],
        "what was proven failed is not sent again"
    );
    assert!(!test.rail.asked().contains(&Asked::Fill(0)));
}

#[test]
fn what_was_never_given_out_is_no_hole() {
    let test = TestWorld::new();
    node(&test, 4, 4, 4);
    let state = round(&test, FILLED_AFTER_MS);
    assert_eq!((state.next_nonce, state.open, state.holes), (4, 0, Vec::new()));
    assert_eq!(
        block_on(states(&*test.world.books, &*test.world.rail)).unwrap().unwrap(),
        test.world.signers.states()
    );
}
