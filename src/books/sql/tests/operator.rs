//! What an operator does: refunds of what is owed to a card, and changes of balances.

use payments::{
    agent::Payer,
    charge::{Mischarge, Refund, RefundState},
    intent::Intent,
    money::Credits,
    ports::{
        ActionName, AdjustmentError, AdjustmentKind, Books, CardBooks, ChargeFacts,
        CreditAdjustment, RefundApproval, RefundNote, RefundRefusal,
    },
    time::UnixMs,
};
use testkit::{
    suite::{Draft, bought},
    upstream::answer,
};

use super::{
    Store, block_on,
    cards::{agree, balance, claimed, compensated, spent, stands, tell},
    make,
};

pub(super) fn approval(intent: &Intent) -> RefundApproval {
    RefundApproval {
        intent: intent.id,
        reason: String::from("asked for"),
        via: "cli",
        at: intent.created_at,
        dry_run: false,
    }
}

/// The refund whose look is due; it is due again a moment later.
pub(super) async fn due(books: &Store, at: UnixMs) -> Option<Refund> {
    books.take_refund(at, at.plus_ms(1)).await.unwrap()
}

/// A look that found the refund so.
pub(super) fn note(state: RefundState, at: UnixMs) -> RefundNote {
    let next_look_at = (state != RefundState::Failed).then_some(at);
    RefundNote { state, refund_id: None, looks: 1, next_look_at, is_stuck: false, at }
}

#[test]
fn a_dry_run_says_what_would_come_of_it_and_changes_nothing() {
    block_on(async {
        let (books, _dir) = make().await;
        let refused = compensated(&books, 1, 7).await;
        let would = books
            .approve_refund(RefundApproval { dry_run: true, ..approval(&refused) })
            .await
            .unwrap();
        assert_eq!(due(&books, refused.created_at).await, None);
        stands(&books, &refused.payer, 1, 0, 60).await;
        assert_eq!(books.approve_refund(approval(&refused)).await.unwrap(), would);
        assert_eq!(due(&books, refused.created_at).await, Some(would));
        let change = CreditAdjustment {
            id: Draft::numbered(9).id(),
            name: ActionName::of(Draft::numbered(9).id()),
            payer: refused.payer.clone(),
            kind: AdjustmentKind::Grant,
            credits: Credits::new(3),
            reason: String::from("late"),
            via: "cli",
            at: refused.created_at,
            dry_run: true,
        };
        assert_eq!(books.adjust_credits(change).await.unwrap().balance, Credits::new(3));
        stands(&books, &refused.payer, 0, 0, 0).await;
    });
}

#[test]
fn a_compensated_charge_is_refunded_for_its_credit_and_a_spent_credit_is_not() {
    block_on(async {
        let (books, _dir) = make().await;
        let refused = compensated(&books, 1, 7).await;
        stands(&books, &refused.payer, 1, 0, 60).await;
        assert_eq!(
            books.evidence(refused.id).await.unwrap().unwrap().obligation.unwrap().state,
            "used"
        );
        let refund = books.approve_refund(approval(&refused)).await.unwrap();
        assert_eq!((refund.amount_minor, refund.state), (60, RefundState::Sent));
        assert_eq!(
            (refund.stripe_key.clone(), refund.payment_intent.clone()),
            (format!("refund_{}_1", refused.id), format!("pi_{}", refused.id))
        );
        stands(&books, &refused.payer, 0, 0, 0).await;
        let again = books.approve_refund(approval(&refused)).await;
        assert!(
            matches!(&again, Err(RefundRefusal::Standing(word)) if word == "refund_sent"),
            "{again:?}"
        );
        let at = refused.created_at;
        assert!(books.note_refund(&refund, note(RefundState::Unknown, at)).await.unwrap());
        assert!(
            !books.note_refund(&refund, note(RefundState::Refunded, at)).await.unwrap(),
            "it has moved meanwhile"
        );
        let unknown = due(&books, at).await.unwrap();
        assert_eq!(unknown.state, RefundState::Unknown);
        assert!(books.note_refund(&unknown, note(RefundState::Failed, at)).await.unwrap());
        agree(&books).await;
        assert_eq!(due(&books, at).await, None);
        let again = books.approve_refund(approval(&refused)).await.unwrap();
        assert_eq!(
            (again.stripe_key.clone(), again.approvals),
            (format!("refund_{}_2", refused.id), 2),
            "a key of its own"
        );
        assert!(
            !books.note_refund(&unknown, note(RefundState::Refunded, at)).await.unwrap(),
            "an answer under the old key says nothing of it"
        );
        for first in [true, false] {
            assert_eq!(
                books.note_refund(&again, note(RefundState::Refunded, at)).await.unwrap(),
                first
            );
            stands(&books, &refused.payer, 0, 0, 0).await;
            assert_eq!(balance(&books, "asset:stripe_clearing", "USD").await, 0);
        }
        // The processor tells us of our own refund: nothing is new.
        let told = ChargeFacts { refunded_cents: 60, ours_cents: 60, ..ChargeFacts::default() };
        tell(&books, refused.id, &told, at).await;
        stands(&books, &refused.payer, 0, 0, 0).await;
        let other = compensated(&books, 2, 8).await;
        spent(&books, 3, 8).await;
        let gone = books.approve_refund(approval(&other)).await;
        assert!(matches!(gone, Err(RefundRefusal::CreditSpent)), "{gone:?}");
        agree(&books).await;
    });
}

#[test]
fn only_a_debt_by_card_is_refunded_here() {
    block_on(async {
        let (books, _dir) = make().await;
        let delivered = bought(&books, &Draft::numbered(1).pack(7)).await;
        assert!(matches!(
            books.approve_refund(approval(&delivered)).await,
            Err(RefundRefusal::NotOwed)
        ));
        let signed = claimed(&books, &Draft::numbered(2)).await;
        let proof = testkit::rail::by_transfer(signed.attempts[0].tx_hash, 1);
        let funded = books.apply(signed.funded(proof, signed.created_at).unwrap()).await.unwrap();
        let rejected = books
            .apply(funded.refused(answer(422, "no"), signed.created_at, signed.created_at).unwrap())
            .await
            .unwrap();
        books.expire_entitlements(rejected.created_at.plus_s(1)).await.unwrap();
        assert!(matches!(
            books.approve_refund(approval(&rejected)).await,
            Err(RefundRefusal::NotByCard)
        ));
        let listed = books.obligations(None, 9).await.unwrap();
        assert_eq!(
            listed
                .iter()
                .map(|owed| (owed.currency.as_str(), owed.state.as_str()))
                .collect::<Vec<_>>(),
            [("USDC", "refund_due")]
        );
        assert!(books.obligations(Some(rejected.id), 9).await.unwrap().is_empty());
        agree(&books).await;
    });
}

#[test]
fn other_money_than_was_asked_for_is_a_finding_and_its_refund_needs_nobody() {
    block_on(async {
        let (books, dir) = make().await;
        for (number, currency) in [(1, "usd"), (2, "eur")] {
            let signed = claimed(&books, &Draft::numbered(number).by_card(number)).await;
            let taken = Mischarge {
                payment_intent: format!("pi_{number}"),
                amount_minor: 50,
                currency: currency.to_owned(),
            };
            books.apply(signed.mischarged(taken, signed.created_at).unwrap()).await.unwrap();
            agree(&books).await;
            let open = due(&books, signed.created_at).await.unwrap();
            assert_eq!(
                (open.intent, open.amount_minor, open.payment_intent.clone()),
                (signed.id, 50, format!("pi_{number}"))
            );
            let done =
                RefundNote { next_look_at: None, ..note(RefundState::Refunded, signed.created_at) };
            assert!(books.note_refund(&open, done).await.unwrap());
            agree(&books).await;
        }
        assert_eq!(balance(&books, "asset:stripe_clearing", "USD").await, 0);
        let pool = super::beside(&dir).await;
        let found: Vec<String> =
            sqlx::query_scalar("SELECT kind FROM audit_findings").fetch_all(&pool).await.unwrap();
        assert_eq!(found, ["amount_mismatch", "amount_mismatch"]);
    });
}

#[test]
fn an_operator_gives_and_takes_credits_and_never_below_zero() {
    block_on(async {
        let (books, _dir) = make().await;
        let payer: Payer = "card:operated".parse().unwrap();
        let change = |number: u64, kind, credits| CreditAdjustment {
            id: Draft::numbered(number).id(),
            name: ActionName::of(Draft::numbered(number).id()),
            payer: payer.clone(),
            kind,
            credits: Credits::new(credits),
            reason: String::from("goodwill"),
            via: "cli",
            at: Draft::numbered(number).at,
            dry_run: false,
        };
        assert_eq!(
            books.adjust_credits(change(1, AdjustmentKind::Grant, 3)).await.unwrap().balance,
            Credits::new(3)
        );
        assert_eq!(
            books.adjust_credits(change(2, AdjustmentKind::Void, 2)).await.unwrap().balance,
            Credits::new(1)
        );
        let short = books.adjust_credits(change(3, AdjustmentKind::Void, 2)).await;
        assert!(
            matches!(short, Err(AdjustmentError::TooFew(left)) if left == Credits::new(1)),
            "{short:?}"
        );
        let entries = books.credit_entries(&payer, None, 9).await.unwrap();
        let seen: Vec<(i64, &str, Option<&str>)> = entries
            .iter()
            .map(|entry| (entry.delta, entry.kind.as_str(), entry.reference.as_deref()))
            .collect();
        assert_eq!(seen, [(-2, "void", Some("goodwill")), (3, "manual_grant", Some("goodwill"))]);
        assert_eq!(
            books.credit_entries(&payer, Some(entries[0].seq), 9).await.unwrap(),
            entries[1..]
        );
        stands(&books, &payer, 1, 0, 0).await;
    });
}

#[test]
fn the_first_mark_of_a_key_is_kept() {
    block_on(async {
        let (books, _dir) = make().await;
        for (mark, same) in [("first", true), ("first", true), ("second", false), ("first", true)] {
            assert_eq!(books.same_key("mpp.account_key", mark).await.unwrap(), same, "{mark}");
        }
        assert!(books.same_key("another", "second").await.unwrap());
    });
}
