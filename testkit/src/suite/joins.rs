//! An equal request with a new proof joins what is open, so that a client that tries again does not
//! pay twice.

use super::{Draft, created, funded, new};
use crate::world::SETTINGS;
use payments::{
    ids::PaymentId,
    intent::{Intent, State},
    ports::{Books, Claimed, Known},
    settlement::PaymentFailure,
};

async fn joined(books: &dyn Books, draft: &Draft) -> Intent {
    match books.claim(draft.claim()).await.unwrap() {
        Claimed::Joined(intent) => intent,
        other => panic!("{other:?} instead of joining"),
    }
}

async fn left_alone(books: &dyn Books, id: PaymentId) {
    books.unattended(id);
    books.flush().await.unwrap();
}

/// An unfinished intent without a client: it was told to come back, or it is gone longer than a
/// lease.
pub async fn an_equal_request_joins_what_nobody_waits_for(books: &dyn Books) {
    let first = Draft::numbered(1);
    new(books, &first).await;
    left_alone(books, first.id()).await;
    assert_eq!(joined(books, &Draft::numbered(2).like(&first).later_ms(1)).await.id, first.id());
    let third = Draft::numbered(3);
    new(books, &third).await;
    let after_lease =
        Draft { at: third.lease_until().plus_ms(1), ..Draft::numbered(4).like(&third) };
    assert_eq!(joined(books, &after_lease).await.id, third.id());
    let other_payer = Draft {
        wallet: payments::agent::Wallet::new([2; 20]),
        ..Draft::numbered(5).like(&first).later_ms(1)
    };
    assert_eq!(new(books, &other_payer).await.id, other_payer.id(), "another wallet joins nothing");
    assert_eq!(
        new(books, &Draft::numbered(6).later_ms(1)).await.id,
        PaymentId::clone(&Draft::numbered(6).id()),
        "another request joins nothing"
    );
}

/// Its client's connection died with the process: whoever drives the intent now keeps a lease, and
/// no client.
pub async fn an_equal_request_joins_what_a_crash_left_behind_while_it_is_driven_again(
    books: &dyn Books,
) {
    let first = Draft::numbered(1);
    new(books, &first).await;
    let over = first.lease_until().plus_ms(1);
    let taken = books.take_stuck(over, over.plus_s(30), 64).await.unwrap();
    assert_eq!(taken.len(), 1);
    assert!(books.renew_lease(first.id(), taken[0].guard.fence, over.plus_s(60)).await.unwrap());
    let again = Draft { at: over.plus_s(31), ..Draft::numbered(2).like(&first) };
    assert_eq!(joined(books, &again).await.id, first.id());
}

/// The joining proof is used up as identity: no transaction is signed for it, and it answers for
/// the intent that it joined.
pub async fn a_joined_proof_is_never_paid_and_answers_the_same(books: &dyn Books) {
    let first = Draft::numbered(1);
    let intent = new(books, &first).await;
    left_alone(books, first.id()).await;
    let second = Draft::numbered(2).like(&first).later_ms(1);
    let answered = joined(books, &second).await;
    assert_eq!(answered.attempts, intent.attempts);
    assert_eq!(books.intent(second.id()).await.unwrap(), None);
    let known = books.known(&second.key()).await.unwrap();
    assert_eq!(known, Some(Known::of(first.fingerprint(), Some(answered))));
    assert!(matches!(
        books.claim(second.claim()).await.unwrap(),
        Claimed::Known(Known { intent: Some(_), .. })
    ));
    assert_eq!(books.claim_identities(&[second.identity()]).await.unwrap(), [false]);
    let next = new(books, &Draft::numbered(3)).await;
    assert_eq!(
        next.attempts[0].eoa_nonce,
        intent.attempts[0].eoa_nonce + 1,
        "no nonce was spent on the joining proof"
    );
}

/// Two keys of the client's own are two pieces of work, however equal they look.
pub async fn requests_with_different_keys_are_never_joined(books: &dyn Books) {
    let first = Draft { idempotency: Some(String::from("key-1")), ..Draft::numbered(1) };
    new(books, &first).await;
    left_alone(books, first.id()).await;
    let second = Draft {
        idempotency: Some(String::from("key-2")),
        ..Draft::numbered(2).like(&first).later_ms(1)
    };
    assert_eq!(new(books, &second).await.id, second.id());
    let unnamed = Draft { idempotency: None, ..Draft::numbered(3).like(&first).later_ms(1) };
    assert_eq!(joined(books, &unnamed).await.id, first.id());
}

/// The answer exists and its client never got it.
pub async fn an_equal_request_joins_an_answer_that_was_never_delivered(books: &dyn Books) {
    let first = Draft::numbered(1);
    let done =
        created(books, &funded(books, &new(books, &first).await, first.at).await, first.at).await;
    left_alone(books, first.id()).await;
    let answered = joined(books, &Draft::numbered(2).like(&first).later_ms(1)).await;
    assert_eq!(
        (answered.id, answered.state, answered.answer),
        (done.id, State::Created, done.answer)
    );
}

/// Two equal requests on purpose are two launches.
pub async fn an_equal_request_is_new_while_somebody_waits(books: &dyn Books) {
    let first = Draft::numbered(1);
    new(books, &first).await;
    let second = Draft::numbered(2).like(&first).later_ms(1);
    assert_eq!(new(books, &second).await.id, second.id());
    let renewed = first.lease_until().plus_ms(SETTINGS.lease_ms);
    for (id, fence) in [(first.id(), 1), (second.id(), 1)] {
        assert!(books.renew_lease(id, fence, renewed).await.unwrap());
    }
    let third = Draft { at: first.lease_until().plus_ms(1), ..Draft::numbered(3).like(&first) };
    assert_eq!(
        new(books, &third).await.id,
        third.id(),
        "the renewed lease keeps the client attended"
    );
}

/// Whoever got his answer, and whoever asks long after, asks for something new.
pub async fn an_equal_request_is_new_after_delivery_failure_or_the_window(books: &dyn Books) {
    let delivered = Draft::numbered(1);
    created(books, &funded(books, &new(books, &delivered).await, delivered.at).await, delivered.at)
        .await;
    books.delivered(delivered.id());
    let second = Draft::numbered(2).like(&delivered).later_ms(1);
    assert_eq!(new(books, &second).await.id, second.id());
    let failed = Draft::numbered(3);
    let intent = new(books, &failed).await;
    books.apply(intent.pay_failed(PaymentFailure::Cancelled, failed.at).unwrap()).await.unwrap();
    left_alone(books, failed.id()).await;
    let fourth = Draft::numbered(4).like(&failed).later_ms(1);
    assert_eq!(new(books, &fourth).await.id, fourth.id());
    let old = Draft::numbered(5);
    new(books, &old).await;
    left_alone(books, old.id()).await;
    let in_time = Draft::numbered(6).like(&old).later_ms(SETTINGS.join_window_ms);
    assert_eq!(joined(books, &in_time).await.id, old.id());
    let too_late = Draft::numbered(7).like(&old).later_ms(SETTINGS.join_window_ms + 1);
    assert_eq!(new(books, &too_late).await.id, too_late.id());
}
