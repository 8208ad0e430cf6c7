//! Refunds that were made at the processor.

use payments::{
    charge::RefundState,
    ports::{CardBooks, RefundNote},
};
use testkit::suite::{Draft, bought};

use super::{
    super::{
        block_on,
        cards::{agree, balance, compensated, spent, stands, tell},
        make,
        operator::{approval, due, note},
    },
    given_back, state, told,
};

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
