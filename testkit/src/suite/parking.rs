//! What is set aside, and what ends without the upstream's word.

use super::{Draft, assert_stale, created, funded, new, reach};
use crate::upstream::answer;
use payments::{
    funding::{Funding, FundingRefusal},
    intent::{EndedBy, State},
    ports::{Books, ClaimRefusal, Claimed},
};

/// The recovery loop leaves it alone until then, and one taker may have it before.
pub async fn what_is_parked_is_taken_when_its_time_comes_or_by_name(books: &dyn Books) {
    let (parked, named) = (Draft::numbered(1), Draft::numbered(2));
    for draft in [&parked, &named] {
        let driven = new(books, draft).await;
        assert!(
            !books.park(draft.id(), driven.guard.fence + 1, draft.at).await.unwrap(),
            "the lease of somebody else"
        );
        assert!(books.park(draft.id(), driven.guard.fence, draft.at.plus_s(600)).await.unwrap());
    }
    let (now, until) = (parked.lease_until().plus_ms(1), parked.lease_until().plus_s(30));
    assert_eq!(books.take_stuck(now, until, 64).await.unwrap(), []);
    let taken = books.take(named.id(), now, until).await.unwrap().unwrap();
    assert_eq!((taken.id, taken.guard.fence), (named.id(), 2));
    assert_eq!(books.take(named.id(), now, until).await.unwrap(), None, "somebody drives it");
    let due = parked.at.plus_s(601);
    let ids: Vec<_> = books
        .take_stuck(due, due.plus_s(30), 64)
        .await
        .unwrap()
        .iter()
        .map(|intent| intent.id)
        .collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    let over = Draft::numbered(3);
    let done = reach(books, &over, State::Created).await;
    assert_eq!(
        books.take(done.id, due, due.plus_s(30)).await.unwrap(),
        None,
        "nothing is left to do for it"
    );
}

/// Whoever gives a parked intent up has it looked at at once.
pub async fn a_released_intent_is_not_parked_any_more(books: &dyn Books) {
    let draft = Draft::numbered(1);
    let driven = new(books, &draft).await;
    assert!(books.park(draft.id(), driven.guard.fence, draft.at.plus_s(600)).await.unwrap());
    books.release_lease(draft.id(), driven.guard.fence).await.unwrap();
    assert_eq!(
        books.take_stuck(draft.at.plus_ms(1), draft.lease_until(), 64).await.unwrap().len(),
        1
    );
}

/// That nothing was done is known until it is sent again, by its next driver too.
pub async fn what_was_not_done_is_noted_under_the_guard(books: &dyn Books) {
    let draft = Draft::numbered(1);
    let unknown = reach(books, &draft, State::CoreUnknown).await;
    assert!(!unknown.not_done);
    let noted = books.note_not_done(draft.id(), unknown.guard, true).await.unwrap();
    assert!(
        noted.not_done
            && noted.guard.version == unknown.guard.version + 1
            && noted.state == State::CoreUnknown
    );
    assert_eq!(books.intent(draft.id()).await.unwrap(), Some(noted.clone()));
    assert_stale(books.note_not_done(draft.id(), unknown.guard, false).await, draft.id());
    let (now, until) = (draft.lease_until().plus_ms(1), draft.lease_until().plus_s(30));
    let taken = books.take(draft.id(), now, until).await.unwrap().unwrap();
    assert!(taken.not_done, "its next driver knows it");
    let sent = books.note_not_done(draft.id(), taken.guard, false).await.unwrap();
    assert!(!sent.not_done);
    let done = created(books, &sent, now).await;
    assert!(!done.not_done && done.ended_by.is_none());
    let forwarding = reach(books, &Draft::numbered(2), State::Forwarding).await;
    assert_stale(books.note_not_done(forwarding.id, forwarding.guard, true).await, forwarding.id);
}

/// What ended without the upstream's word is kept with its end, and is not held against its payer.
pub async fn what_the_upstream_did_not_refuse_stops_no_payment(books: &dyn Books) {
    let over = Draft::numbered(1).at;
    for (number, by) in (1..).zip([EndedBy::NotDone, EndedBy::Operator, EndedBy::Policy]) {
        let draft = Draft::numbered(number);
        let intent = funded(books, &new(books, &draft).await, draft.at).await;
        let refused = intent.refused(answer(502, "never"), over, draft.at).unwrap();
        let ended = books.apply(refused.brought_by(by)).await.unwrap();
        assert_eq!((ended.state, ended.ended_by), (State::Rejected, Some(by)));
        assert_eq!(books.intent(draft.id()).await.unwrap(), Some(ended));
    }
    let fourth = Draft::numbered(4).later_ms(1);
    match books.claim(fourth.claim()).await.unwrap() {
        Claimed::New(intent) => assert_eq!(intent.funding, Funding::X402),
        Claimed::Refused(ClaimRefusal::Funding(FundingRefusal::TooManyRefused)) => {
            panic!("held against its payer")
        }
        other => panic!("{other:?}"),
    }
}
