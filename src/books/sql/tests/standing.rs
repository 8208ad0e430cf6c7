//! Credits and debts of a charge whose money is refunded, disputed, lost and won: whatever is told
//! in whatever order.

use payments::{
    charge::RefundState,
    ports::{
        BlockLift, Books, CardBooks, ChargeFacts, DisputeState, FactsBooked, FraudWarning,
        LiftRefusal, RefundApproval,
    },
};
use testkit::suite::{Draft, bought};

use super::{
    block_on,
    cards::{agree, balance, compensated, disputed, disputes, stands, tell},
    make,
    operator::note,
};

#[test]
fn r202_any_order_of_refunds_and_disputes_leaves_what_the_money_stands_for() {
    block_on(async {
        use DisputeState::{Lost, Open, Won};
        let (books, _dir) = make().await;
        let pack = bought(&books, &Draft::numbered(100).pack(7)).await;
        let told: [(ChargeFacts, u64, u64); 6] = [
            (disputes(0, &[("dp_1", 600, Open)]), 10, 600),
            (disputes(0, &[("dp_1", 600, Open), ("dp_2", 300, Open)]), 5, 300),
            // Given back by another means while the bank holds it: won or not, its credits stay
            // gone.
            (disputes(900, &[("dp_1", 600, Open), ("dp_2", 300, Open)]), 0, 0),
            (disputes(900, &[("dp_1", 600, Won), ("dp_2", 300, Open)]), 0, 0),
            (disputes(900, &[("dp_1", 600, Won), ("dp_2", 300, Won)]), 5, 300),
            (disputes(900, &[("dp_1", 600, Won), ("dp_2", 300, Lost)]), 0, 0),
        ];
        for (place, (facts, left, backing)) in (0_i64..).zip(told) {
            for _ in 0..2 {
                tell(&books, pack.id, &facts, pack.created_at.plus_s(place)).await;
                stands(&books, &pack.payer, left, 0, backing).await;
                assert!(balance(&books, "exp:loss", "USD").await >= 0, "no gain, after {place}");
            }
        }
        assert_eq!(balance(&books, "asset:stripe_clearing", "USD").await, 0);
        // Asked for before others were booked: not believed after.
        let overtaken =
            books.book_facts(pack.id, &disputes(300, &[]), 0, pack.created_at).await.unwrap();
        assert_eq!(overtaken, FactsBooked::Overtaken);
        stands(&books, &pack.payer, 0, 0, 0).await;
        // A refund that failed: its money is here again.
        tell(&books, pack.id, &disputes(0, &[("dp_2", 300, Won)]), pack.created_at.plus_s(60))
            .await;
        stands(&books, &pack.payer, 20, 0, 1_200).await;
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
fn r151_a_lost_dispute_pays_what_we_owed_for_the_payment_and_one_that_is_won_after_all_does_not() {
    block_on(async {
        let (books, _dir) = make().await;
        let refused = compensated(&books, 1, 7).await;
        let (id, at) = (refused.id, refused.created_at);
        let (reason, via) = (String::from("late"), "api");
        let refund = books
            .approve_refund(RefundApproval { intent: id, reason, via, at, dry_run: false })
            .await
            .unwrap();
        assert!(books.note_refund(&refund, note(RefundState::Failed, at)).await.unwrap());
        let owed = async || {
            let evidence = books.evidence(id).await.unwrap().unwrap();
            (
                evidence.obligation.unwrap().state,
                balance(&books, &format!("liab:refund_due:{}", refused.payer), "USD").await,
            )
        };
        assert_eq!(owed().await, (String::from("refund_due"), -60));
        for (state, due) in [
            (DisputeState::Open, -60),
            (DisputeState::Lost, 0),
            (DisputeState::Lost, 0),
            (DisputeState::Won, -60),
        ] {
            tell(&books, id, &disputes(0, &[("dp_1", 60, state)]), at).await;
            let word = if due == 0 { "refunded" } else { "refund_due" };
            assert_eq!(owed().await, (word.to_owned(), due), "{state:?}");
            agree(&books).await;
        }
        assert_eq!(
            (
                balance(&books, "exp:loss", "USD").await,
                balance(&books, "asset:stripe_clearing", "USD").await
            ),
            (0, 60)
        );
    });
}

#[test]
fn r141_an_account_is_blocked_by_a_lost_dispute_or_a_warning_until_it_is_lifted_or_won() {
    block_on(async {
        let (books, _dir) = make().await;
        let pack = bought(&books, &Draft::numbered(100).pack(7)).await;
        let at = pack.created_at;
        let blocks = async || {
            books
                .blocks_of(&pack.payer)
                .await
                .unwrap()
                .into_iter()
                .map(|block| block.cause)
                .collect::<Vec<_>>()
        };
        let lift = || BlockLift {
            payer: pack.payer.clone(),
            reason: String::from("paid"),
            via: "cli",
            at,
            dry_run: false,
        };
        assert!(matches!(books.lift_block(lift()).await, Err(LiftRefusal::NotBlocked)));
        tell(&books, pack.id, &disputed(DisputeState::Open), at).await;
        assert!(blocks().await.is_empty());
        tell(&books, pack.id, &disputed(DisputeState::Lost), at).await;
        assert_eq!(blocks().await, ["chargeback"]);
        tell(&books, pack.id, &disputed(DisputeState::Won), at).await;
        assert!(blocks().await.is_empty(), "its reason is gone");
        let warned = ChargeFacts {
            warnings: vec![FraudWarning {
                id: String::from("issfr_1"),
                kind: String::from("misc"),
            }],
            ..disputed(DisputeState::Won)
        };
        tell(&books, pack.id, &warned, at).await;
        assert_eq!(blocks().await, ["fraud_warning"]);
        books.lift_block(BlockLift { dry_run: true, ..lift() }).await.unwrap();
        assert_eq!(blocks().await.len(), 1, "a dry run changes nothing");
        assert_eq!(books.lift_block(lift()).await.unwrap(), 1);
        tell(&books, pack.id, &warned, at).await;
        assert!(blocks().await.is_empty(), "told again, it stays lifted");
    });
}

#[test]
fn r145_an_inquiry_and_a_word_that_is_not_known_are_kept_and_book_nothing() {
    block_on(async {
        let (books, _dir) = make().await;
        let pack = bought(&books, &Draft::numbered(100).pack(7)).await;
        let told = disputes(
            0,
            &[("dp_1", 1_200, DisputeState::Inquiry), ("dp_2", 1_200, DisputeState::Unrecognised)],
        );
        tell(&books, pack.id, &told, pack.created_at).await;
        stands(&books, &pack.payer, 20, 0, 1_200).await;
        let states = books
            .disputes(true, 10)
            .await
            .unwrap()
            .into_iter()
            .map(|note| note.state)
            .collect::<Vec<_>>();
        assert_eq!(states, ["inquiry", "unrecognised"]);
        // The inquiry becomes a dispute.
        tell(
            &books,
            pack.id,
            &disputes(0, &[("dp_1", 1_200, DisputeState::Open)]),
            pack.created_at,
        )
        .await;
        stands(&books, &pack.payer, 0, 0, 0).await;
    });
}
