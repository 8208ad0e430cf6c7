//! The queue of refunds, and what goes back elsewhere and comes back.

use payments::{
    charge::{Refund, RefundState},
    intent::Intent,
    ports::{
        Books, CardBooks, CardError, ChargeFacts, Clock, RefundNote, RefundOutcome, RefundRefusal,
    },
    refunds::refund_round,
    time::UnixMs,
};
use testkit::{
    cards::FakeCards,
    clock::HandClock,
    memory::MemoryBooks,
    suite::{Draft, bought},
};

use super::{
    Store, block_on,
    cards::{agree, balance, compensated, spent, stands, tell},
    make,
    operator::{approval, due, note},
};

const HOUR_MS: i64 = 3_600_000;
const STUCK_AFTER_MS: i64 = 48 * HOUR_MS;

fn told(refunded_cents: u64, ours_cents: u64) -> ChargeFacts {
    ChargeFacts { refunded_cents, ours_cents, ..ChargeFacts::default() }
}

async fn state(books: &Store, intent: &Intent) -> (String, i64) {
    let owed = books.evidence(intent.id).await.unwrap().unwrap().obligation.unwrap();
    (owed.state, owed.amount_minor)
}

/// The findings about a payment, and whether each is open.
async fn findings(books: &Store, intent: &Intent) -> Vec<(String, bool)> {
    let evidence = books.evidence(intent.id).await.unwrap().unwrap();
    evidence
        .findings
        .into_iter()
        .map(|finding| (finding.kind, finding.closed_at.is_none()))
        .collect()
}

async fn given_back(books: &Store, intent: &Intent) -> Refund {
    let refund = books.approve_refund(approval(intent)).await.unwrap();
    assert!(
        books.note_refund(&refund, note(RefundState::Refunded, intent.created_at)).await.unwrap()
    );
    Refund { state: RefundState::Refunded, ..refund }
}

#[test]
fn r134_what_fails_after_it_succeeded_is_booked_back_once_and_due_again() {
    block_on(async {
        let (books, _dir) = make().await;
        let refused = compensated(&books, 1, 7).await;
        let at = refused.created_at;
        let refund = given_back(&books, &refused).await;
        for first in [true, false] {
            assert_eq!(
                books.note_refund(&refund, note(RefundState::Failed, at)).await.unwrap(),
                first
            );
            assert_eq!(state(&books, &refused).await, (String::from("refund_due"), 60));
            assert_eq!(balance(&books, "asset:stripe_clearing", "USD").await, 60);
            stands(&books, &refused.payer, 0, 0, 0).await;
            assert_eq!(findings(&books, &refused).await, [("refund_failed".to_owned(), true)]);
        }
        let again = given_back(&books, &refused).await;
        assert_eq!(findings(&books, &refused).await, [("refund_failed".to_owned(), false)]);
        assert_eq!(
            (again.approvals, balance(&books, "asset:stripe_clearing", "USD").await),
            (2, 0)
        );
        agree(&books).await;
    });
}

#[test]
fn r134_a_credit_in_its_place_ends_the_debt_and_can_be_refunded_later() {
    block_on(async {
        let (books, _dir) = make().await;
        let refused = compensated(&books, 1, 7).await;
        let at = refused.created_at;
        assert!(
            matches!(
                books.credit_instead(approval(&refused)).await,
                Err(RefundRefusal::Standing(_))
            ),
            "it has its credit"
        );
        let refund = given_back(&books, &refused).await;
        assert!(books.note_refund(&refund, note(RefundState::Failed, at)).await.unwrap());
        assert_eq!(books.credit_instead(approval(&refused)).await.unwrap().get(), 1);
        stands(&books, &refused.payer, 1, 0, 60).await;
        assert!(
            matches!(
                books.credit_instead(approval(&refused)).await,
                Err(RefundRefusal::Standing(_))
            ),
            "once"
        );
        given_back(&books, &refused).await;
        stands(&books, &refused.payer, 0, 0, 0).await;
        assert_eq!(balance(&books, "asset:stripe_clearing", "USD").await, 0);
    });
}

#[test]
fn r135_a_fall_is_booked_as_a_rise_is() {
    block_on(async {
        let (books, _dir) = make().await;
        let pack = bought(&books, &Draft::numbered(100).pack(7)).await;
        for (cents, left, backing) in [
            (600, 10, 600),
            (0, 20, 1_200),
            (0, 20, 1_200),
            (600, 10, 600),
            (1_200, 0, 0),
            (300, 15, 900),
            (600, 10, 600),
            (0, 20, 1_200),
        ] {
            tell(&books, pack.id, &told(cents, 0), pack.created_at).await;
            stands(&books, &pack.payer, left, 0, backing).await;
            assert_eq!(balance(&books, "exp:loss", "USD").await, 0, "after {cents}");
            assert_eq!(
                balance(&books, "asset:stripe_clearing", "USD").await,
                1_200 - i64::try_from(cents).unwrap()
            );
        }
    });
}

#[test]
fn r135_credits_that_became_a_debt_come_back_as_that() {
    block_on(async {
        let (books, _dir) = make().await;
        let pack = bought(&books, &Draft::numbered(100).pack(7)).await;
        for number in 1..=15 {
            spent(&books, number, 7).await;
        }
        tell(&books, pack.id, &told(1_200, 0), pack.created_at).await;
        stands(&books, &pack.payer, 0, 15, 0).await;
        tell(&books, pack.id, &told(600, 0), pack.created_at).await;
        stands(&books, &pack.payer, 0, 5, 0).await;
        tell(&books, pack.id, &told(0, 0), pack.created_at).await;
        stands(&books, &pack.payer, 5, 0, 300).await;
        assert_eq!(
            (
                balance(&books, "exp:loss", "USD").await,
                balance(&books, "asset:stripe_clearing", "USD").await
            ),
            (0, 1_200)
        );
    });
}

#[test]
fn r136_the_65th_refund_is_looked_at_and_each_waits_by_itself() {
    block_on(async {
        let (books, _dir) = make().await;
        let mut at = UnixMs::new(0);
        for number in 1..=65 {
            let refused = compensated(&books, number, number).await;
            books.approve_refund(approval(&refused)).await.unwrap();
            at = at.max(refused.created_at);
        }
        let (cards, clock) =
            (FakeCards::new(std::sync::Arc::new(MemoryBooks::default())), HandClock::at(at));
        cards.refund_next(
            std::iter::repeat_n(Ok(RefundOutcome::Pending), 64)
                .chain([Ok(RefundOutcome::Refunded)]),
        );
        let round = refund_round(&cards, &books, &clock, STUCK_AFTER_MS).await.unwrap();
        assert_eq!((round.looks, round.refunded.len()), (65, 1));
        let round = refund_round(&cards, &books, &clock, STUCK_AFTER_MS).await.unwrap();
        assert_eq!(round.looks, 0, "nothing is due again at once");
        agree(&books).await;
    });
}

#[test]
fn r136_one_that_cannot_be_asked_holds_up_no_other_and_is_found_after_its_time() {
    block_on(async {
        let (books, _dir) = make().await;
        let (bad, good) = (compensated(&books, 1, 7).await, compensated(&books, 2, 8).await);
        for refused in [&bad, &good] {
            books.approve_refund(approval(refused)).await.unwrap();
        }
        let clock = HandClock::at(bad.created_at.max(good.created_at));
        let cards = FakeCards::new(std::sync::Arc::new(MemoryBooks::default()));
        cards.refund_next([
            Err(CardError::Misconfigured(String::from("HTTP status 404"))),
            Ok(RefundOutcome::Refunded),
        ]);
        let round = refund_round(&cards, &books, &clock, STUCK_AFTER_MS).await.unwrap();
        assert_eq!((round.looks, round.refunded), (2, vec![good.id]));
        cards.refund_next([Err(CardError::Unreachable(String::from("HTTP status 500")))]);
        let mut looks = 0;
        for _ in 0..49 {
            clock.turn_ms(HOUR_MS);
            looks += refund_round(&cards, &books, &clock, STUCK_AFTER_MS).await.unwrap().looks;
        }
        // The one that succeeded is looked at again too, after a day.
        assert!((49..=100).contains(&looks), "{looks}");
        assert_eq!(findings(&books, &bad).await, [("stuck".to_owned(), true)]);
        books.wake_refund(&format!("pi_{}", bad.id), clock.now()).await.unwrap();
        assert_eq!(
            refund_round(&cards, &books, &clock, STUCK_AFTER_MS).await.unwrap().stuck,
            [bad.id]
        );
        cards.refund_next([Ok(RefundOutcome::Refunded)]);
        books.wake_refund(&format!("pi_{}", bad.id), clock.now()).await.unwrap();
        assert_eq!(
            refund_round(&cards, &books, &clock, STUCK_AFTER_MS).await.unwrap().refunded,
            [bad.id]
        );
        assert_eq!(findings(&books, &bad).await, [("stuck".to_owned(), false)], "it is through");
        agree(&books).await;
    });
}

#[test]
fn r201_a_part_that_went_back_elsewhere_is_booked_and_the_rest_has_a_key_of_its_own() {
    block_on(async {
        let (books, _dir) = make().await;
        let refused = compensated(&books, 1, 7).await;
        let at = refused.created_at;
        let whole = books.approve_refund(approval(&refused)).await.unwrap();
        for _ in 0..2 {
            tell(&books, refused.id, &told(30, 0), at).await;
            assert_eq!(state(&books, &refused).await, (String::from("refund_sent"), 30));
            agree(&books).await;
        }
        assert!(
            !books.note_refund(&whole, note(RefundState::Refunded, at)).await.unwrap(),
            "sixty are not asked for any more"
        );
        let rest = due(&books, at).await.unwrap();
        assert_eq!(
            (rest.amount_minor, rest.stripe_key.clone()),
            (30, format!("refund_{}_2", refused.id))
        );
        // The rest is on its way, and told.
        tell(&books, refused.id, &told(60, 30), at).await;
        assert_eq!(state(&books, &refused).await, (String::from("refund_sent"), 30));
        assert!(books.note_refund(&rest, note(RefundState::Refunded, at)).await.unwrap());
        assert_eq!(
            (
                state(&books, &refused).await.0.as_str(),
                balance(&books, "asset:stripe_clearing", "USD").await
            ),
            ("refunded", 0)
        );
        stands(&books, &refused.payer, 0, 0, 0).await;
        // What went back elsewhere fails.
        tell(&books, refused.id, &told(30, 30), at).await;
        assert_eq!(state(&books, &refused).await, (String::from("refund_due"), 30));
        agree(&books).await;
        let last = books.approve_refund(approval(&refused)).await.unwrap();
        assert_eq!((last.amount_minor, last.approvals), (30, 3));
        tell(&books, refused.id, &told(60, 60), at).await;
        assert!(
            books
                .note_refund(
                    &last,
                    RefundNote { next_look_at: None, ..note(RefundState::Refunded, at) }
                )
                .await
                .unwrap()
        );
        assert_eq!(balance(&books, "asset:stripe_clearing", "USD").await, 0);
        agree(&books).await;
    });
}

#[test]
fn r201_what_is_due_and_not_approved_is_paid_in_part_too() {
    block_on(async {
        let (books, _dir) = make().await;
        let refused = compensated(&books, 1, 7).await;
        let at = refused.created_at;
        let refund = given_back(&books, &refused).await;
        assert!(books.note_refund(&refund, note(RefundState::Failed, at)).await.unwrap());
        tell(&books, refused.id, &told(20, 0), at).await;
        assert_eq!(state(&books, &refused).await, (String::from("refund_due"), 40));
        agree(&books).await;
        tell(&books, refused.id, &told(60, 0), at).await;
        assert_eq!(state(&books, &refused).await.0, "refunded");
        assert_eq!(
            (
                balance(&books, "exp:loss", "USD").await,
                balance(&books, "asset:stripe_clearing", "USD").await
            ),
            (0, 0)
        );
        agree(&books).await;
        tell(&books, refused.id, &told(40, 0), at).await;
        assert_eq!(state(&books, &refused).await, (String::from("refund_due"), 20));
        agree(&books).await;
    });
}
