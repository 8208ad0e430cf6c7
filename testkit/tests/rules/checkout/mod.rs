//! The story of a launch in a world that does what it is told.

mod card;
mod claim;
mod create;
mod ends;
mod identify;
mod pay;
mod queue;

use payments::{
    checkout::{DriveError, PricedRequest, Progress, Step, claim as claim_rules, drive, run},
    intent::{Intent, State},
    ports::{Books, Claimed},
};
use testkit::{rail::Say, run::block_on, wallet::TestWallet, world::TestWorld};

/// The claim of a request, which must make a new intent.
fn claimed(test: &TestWorld, asked: PricedRequest) -> Intent {
    match block_on(claim_rules(&test.world, asked)).unwrap() {
        Claimed::New(intent) => intent,
        other => panic!("{other:?}"),
    }
}

/// A paid launch of the first wallet, claimed.
fn paid(test: &TestWorld, number: u64) -> Intent {
    let intent = claimed(test, test.launch(&TestWallet::numbered(1), number, false));
    assert_eq!(intent.state, State::Signed);
    intent
}

/// Driven by the request that claimed it, to the end.
fn finished(test: &TestWorld, intent: Intent) -> Intent {
    block_on(run(&test.world, intent, Progress::live())).unwrap()
}

/// A paid launch that the upstream refused.
fn rejected(test: &TestWorld, number: u64) -> Intent {
    test.upstream.answer_next([testkit::upstream::refused()]);
    let rejected = finished(test, paid(test, number));
    test.upstream.answer_next([]);
    assert_eq!(rejected.state, State::Rejected);
    rejected
}

fn timeline(test: &TestWorld, intent: &Intent) -> Vec<String> {
    let evidence = block_on(test.books.evidence(intent.id)).unwrap().unwrap();
    evidence.timeline.into_iter().map(|(state, _)| state).collect()
}

fn pending(times: usize, then: Say) -> Vec<Say> {
    let mut said = vec![Say::Pending { may_send: true }; times];
    said.push(then);
    said
}

/// The sum of an account and of all accounts whose names begin with it.
fn balance(test: &TestWorld, account: &str) -> i64 {
    let lines = block_on(test.books.trial_balance()).unwrap();
    lines.iter().filter(|line| line.account.starts_with(account)).map(|line| line.amount).sum()
}
