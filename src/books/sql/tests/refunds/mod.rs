//! The queue of refunds, and what goes back elsewhere and comes back.

mod elsewhere;

use payments::{
    charge::{Refund, RefundState},
    intent::Intent,
    ports::{Books, CardBooks, CardError, ChargeFacts, Clock, RefundOutcome, RefundRefusal},
    refunds::refund_round,
    time::UnixMs,
};
use testkit::{cards::FakeCards, clock::HandClock, memory::MemoryBooks};

use super::{
    Store, block_on,
    cards::{agree, balance, compensated, stands},
    make,
    operator::{approval, note},
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
