//! Card accounts on a file: whatever is told in whatever order, the books agree with themselves.

use payments::{
    agent::Payer,
    charge::{Mischarge, RefundState},
    intent::Intent,
    money::Credits,
    ports::{
        AdjustmentError, AdjustmentKind, Books, CardBooks, ChargeFacts, Claimed, CreditAdjustment, Dispute, DisputeState, EventNote,
        RefundApproval, RefundRefusal,
    },
    testing::{
        suite::{Draft, bought, charged_by},
        upstream::answer,
    },
};

use super::{SqliteBooks, block_on, make};

async fn claimed(books: &SqliteBooks, draft: &Draft) -> Intent {
    match books.claim(draft.claim()).await.unwrap() {
        Claimed::New(intent) => intent,
        other => panic!("{other:?}"),
    }
}

/// A launch on a credit of this card, created.
async fn spent(books: &SqliteBooks, number: u64, card: u64) {
    let intent = claimed(books, &Draft::numbered(number).by_token(card)).await;
    books.apply(intent.created(answer(201, "l"), format!("l{number}"), intent.created_at).unwrap()).await.unwrap();
}

/// A charge for one launch that the upstream refused: it left a credit.
async fn compensated(books: &SqliteBooks, number: u64, card: u64) -> Intent {
    let signed = claimed(books, &Draft::numbered(number).by_card(card)).await;
    let at = signed.created_at;
    let funded = books.apply(signed.funded(charged_by(&signed), at).unwrap()).await.unwrap();
    books.apply(funded.refused(answer(422, "no"), at, at).unwrap()).await.unwrap()
}

async fn agree(books: &SqliteBooks) {
    for agreement in books.agreements().await.unwrap() {
        assert!(agreement.differences.is_empty(), "{agreement:?}");
    }
}

async fn balance(books: &SqliteBooks, account: &str, currency: &str) -> i64 {
    let lines = books.trial_balance().await.unwrap();
    lines.iter().filter(|line| line.account == account && line.currency == currency).map(|line| line.amount).sum()
}

async fn stands(books: &SqliteBooks, payer: &Payer, balance: u64, debt: u64, backing_cents: u64) {
    let account = books.credit_account(payer).await.unwrap();
    assert_eq!((account.balance.get(), account.debt.get(), account.backing_cents), (balance, debt, backing_cents));
    agree(books).await;
}

fn disputed(state: DisputeState) -> ChargeFacts {
    ChargeFacts { refunded_cents: 0, disputes: vec![Dispute { id: String::from("dp_1"), amount_cents: 1_200, state }] }
}

fn approval(intent: &Intent) -> RefundApproval {
    RefundApproval { intent: intent.id, reason: String::from("asked for"), at: intent.created_at }
}

#[test]
fn a_dispute_takes_what_is_left_and_freezes_the_account_until_it_is_won() {
    block_on(async {
        let (books, _dir) = make().await;
        let pack = bought(&books, &Draft::numbered(100).pack(7)).await;
        for number in 1..=15 {
            spent(&books, number, 7).await;
        }
        stands(&books, &pack.payer, 5, 0, 300).await;
        for _ in 0..2 {
            books.book_facts(pack.id, &disputed(DisputeState::Open), pack.created_at).await.unwrap();
            stands(&books, &pack.payer, 0, 15, 0).await;
            assert_eq!(balance(&books, "recv:dispute", "USD").await, 1_200);
        }
        for _ in 0..2 {
            books.book_facts(pack.id, &disputed(DisputeState::Won), pack.created_at).await.unwrap();
            stands(&books, &pack.payer, 5, 0, 300).await;
            assert_eq!((balance(&books, "recv:dispute", "USD").await, balance(&books, "exp:loss", "USD").await), (0, 0));
        }
        books.book_facts(pack.id, &disputed(DisputeState::Open), pack.created_at).await.unwrap();
        stands(&books, &pack.payer, 5, 0, 300).await;
    });
}

#[test]
fn a_lost_dispute_costs_what_no_credit_stood_for_and_its_debt_is_paid_by_the_next_pack() {
    block_on(async {
        let (books, _dir) = make().await;
        let pack = bought(&books, &Draft::numbered(100).pack(7)).await;
        for number in 1..=15 {
            spent(&books, number, 7).await;
        }
        // Told only once it is over.
        books.book_facts(pack.id, &disputed(DisputeState::Lost), pack.created_at).await.unwrap();
        books.book_facts(pack.id, &disputed(DisputeState::Lost), pack.created_at).await.unwrap();
        stands(&books, &pack.payer, 0, 15, 0).await;
        assert_eq!((balance(&books, "exp:loss", "USD").await, balance(&books, "asset:stripe_clearing", "USD").await), (900, 0));
        let next = bought(&books, &Draft::numbered(101).pack(7)).await;
        assert_eq!(next.granted_balance, Some(Credits::new(5)));
        stands(&books, &pack.payer, 5, 0, 1_200).await;
    });
}

#[test]
fn a_dispute_that_is_won_after_its_debt_was_paid_gives_the_credits_back() {
    block_on(async {
        let (books, _dir) = make().await;
        let pack = bought(&books, &Draft::numbered(100).pack(7)).await;
        for number in 1..=15 {
            spent(&books, number, 7).await;
        }
        books.book_facts(pack.id, &disputed(DisputeState::Open), pack.created_at).await.unwrap();
        bought(&books, &Draft::numbered(101).pack(7)).await;
        stands(&books, &pack.payer, 5, 0, 1_200).await;
        books.book_facts(pack.id, &disputed(DisputeState::Won), pack.created_at).await.unwrap();
        stands(&books, &pack.payer, 25, 0, 1_500).await;
    });
}

#[test]
fn a_refund_made_elsewhere_takes_its_share_of_the_credits_once() {
    block_on(async {
        let (books, _dir) = make().await;
        let pack = bought(&books, &Draft::numbered(100).pack(7)).await;
        let told = |cents| ChargeFacts { refunded_cents: cents, disputes: Vec::new() };
        for (cents, left, backing, loss) in
            [(0, 20, 1_200, 0), (301, 14, 840, -59), (301, 14, 840, -59), (600, 10, 600, 0), (1_200, 0, 0, 0)]
        {
            books.book_facts(pack.id, &told(cents), pack.created_at).await.unwrap();
            stands(&books, &pack.payer, left, 0, backing).await;
            assert_eq!(balance(&books, "exp:loss", "USD").await, loss, "after {cents}");
            assert_eq!(balance(&books, "asset:stripe_clearing", "USD").await, 1_200 - i64::try_from(cents).unwrap());
        }
    });
}

#[test]
fn a_compensated_charge_is_refunded_for_its_credit_and_a_spent_credit_is_not() {
    block_on(async {
        let (books, _dir) = make().await;
        let refused = compensated(&books, 1, 7).await;
        stands(&books, &refused.payer, 1, 0, 60).await;
        assert_eq!(books.evidence(refused.id).await.unwrap().unwrap().obligation.unwrap().state, "used");
        let refund = books.approve_refund(approval(&refused)).await.unwrap();
        assert_eq!((refund.amount_minor, refund.state), (60, RefundState::Sent));
        assert_eq!(
            (refund.stripe_key.clone(), refund.payment_intent.clone()),
            (format!("refund_{}", refused.id), format!("pi_{}", refused.id))
        );
        stands(&books, &refused.payer, 0, 0, 0).await;
        let again = books.approve_refund(approval(&refused)).await;
        assert!(matches!(&again, Err(RefundRefusal::Standing(word)) if word == "refund_sent"), "{again:?}");
        let at = refused.created_at;
        books.move_refund(refused.id, RefundState::Unknown, at).await.unwrap();
        assert_eq!(books.open_refunds(9).await.unwrap().iter().map(|refund| refund.state).collect::<Vec<_>>(), [RefundState::Unknown]);
        books.move_refund(refused.id, RefundState::Failed, at).await.unwrap();
        agree(&books).await;
        assert!(books.open_refunds(9).await.unwrap().is_empty());
        assert_eq!(books.approve_refund(approval(&refused)).await.unwrap(), refund, "asked for again under the same key");
        for _ in 0..2 {
            books.move_refund(refused.id, RefundState::Refunded, at).await.unwrap();
            stands(&books, &refused.payer, 0, 0, 0).await;
            assert_eq!(balance(&books, "asset:stripe_clearing", "USD").await, 0);
        }
        // The processor tells us of our own refund: nothing is new.
        books.book_facts(refused.id, &ChargeFacts { refunded_cents: 60, disputes: Vec::new() }, at).await.unwrap();
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
        assert!(matches!(books.approve_refund(approval(&delivered)).await, Err(RefundRefusal::NotOwed)));
        let signed = claimed(&books, &Draft::numbered(2)).await;
        let proof = payments::testing::rail::by_transfer(signed.attempts[0].tx_hash, 1);
        let funded = books.apply(signed.funded(proof, signed.created_at).unwrap()).await.unwrap();
        let rejected = books.apply(funded.refused(answer(422, "no"), signed.created_at, signed.created_at).unwrap()).await.unwrap();
        books.expire_entitlements(rejected.created_at.plus_s(1)).await.unwrap();
        assert!(matches!(books.approve_refund(approval(&rejected)).await, Err(RefundRefusal::NotByCard)));
        let listed = books.obligations(None, 9).await.unwrap();
        assert_eq!(listed.iter().map(|owed| (owed.currency.as_str(), owed.state.as_str())).collect::<Vec<_>>(), [("USDC", "refund_due")]);
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
            let taken = Mischarge { payment_intent: format!("pi_{number}"), amount_minor: 50, currency: currency.to_owned() };
            books.apply(signed.mischarged(taken, signed.created_at).unwrap()).await.unwrap();
            agree(&books).await;
            let open = books.open_refunds(9).await.unwrap();
            assert_eq!((open[0].intent, open[0].amount_minor, open[0].payment_intent.clone()), (signed.id, 50, format!("pi_{number}")));
            books.move_refund(signed.id, RefundState::Refunded, signed.created_at).await.unwrap();
            agree(&books).await;
        }
        assert_eq!(balance(&books, "asset:stripe_clearing", "USD").await, 0);
        let pool = super::beside(&dir).await;
        let found: Vec<String> = sqlx::query_scalar("SELECT kind FROM audit_findings").fetch_all(&pool).await.unwrap();
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
            payer: payer.clone(),
            kind,
            credits: Credits::new(credits),
            reason: String::from("goodwill"),
            at: Draft::numbered(number).at,
        };
        assert_eq!(books.adjust_credits(change(1, AdjustmentKind::Grant, 3)).await.unwrap().balance, Credits::new(3));
        assert_eq!(books.adjust_credits(change(2, AdjustmentKind::Void, 2)).await.unwrap().balance, Credits::new(1));
        let short = books.adjust_credits(change(3, AdjustmentKind::Void, 2)).await;
        assert!(matches!(short, Err(AdjustmentError::TooFew(left)) if left == Credits::new(1)), "{short:?}");
        let entries = books.credit_entries(&payer, None, 9).await.unwrap();
        let seen: Vec<(i64, &str, Option<&str>)> =
            entries.iter().map(|entry| (entry.delta, entry.kind.as_str(), entry.reference.as_deref())).collect();
        assert_eq!(seen, [(-2, "void", Some("goodwill")), (3, "manual_grant", Some("goodwill"))]);
        assert_eq!(books.credit_entries(&payer, Some(entries[0].seq), 9).await.unwrap(), entries[1..]);
        stands(&books, &payer, 1, 0, 0).await;
    });
}

#[test]
fn an_account_is_found_by_what_proves_it_and_by_nothing_else() {
    block_on(async {
        let (books, _dir) = make().await;
        let draft = Draft::numbered(1).pack(7);
        let signed = claimed(&books, &draft).await;
        let (key, token) = (draft.card.unwrap().key(), signed.charge.as_ref().unwrap().agent_token_sha256);
        assert_eq!((books.account_of_charge(&key).await.unwrap(), books.account_of_token(&token).await.unwrap()), (None, None));
        assert!(books.wake(signed.id).await.unwrap());
        let charged = books.apply(signed.charged(charged_by(&signed), signed.created_at).unwrap()).await.unwrap();
        books.apply(charged.granted(signed.created_at).unwrap()).await.unwrap();
        let payer = Some(signed.payer.clone());
        assert_eq!((books.account_of_charge(&key).await.unwrap(), books.account_of_token(&token).await.unwrap()), (payer.clone(), payer));
        assert_eq!(books.intent_of_charge(&format!("pi_{}", signed.id)).await.unwrap(), Some(signed.id));
        assert!(!books.wake(signed.id).await.unwrap());
        let credit = Draft::numbered(2).by_card(7);
        claimed(&books, &credit).await;
        let spender = credit.card.unwrap().key();
        assert_eq!(books.account_of_charge(&spender).await.unwrap(), None, "a credential that spent a credit paid nothing");
        let half = payments::proof::ChargeKey { token_sha256: spender.token_sha256, ..key };
        assert_eq!(books.account_of_charge(&half).await.unwrap(), None);
    });
}

#[test]
fn an_event_is_carried_out_once() {
    block_on(async {
        let (books, _dir) = make().await;
        let at = Draft::numbered(1).at;
        let event = EventNote { id: String::from("evt_1"), kind: String::from("charge.refunded"), at };
        assert!(books.event_arrived(&event).await.unwrap());
        assert!(books.event_arrived(&event).await.unwrap(), "nobody finished with it");
        books.event_done(&event.id, at).await.unwrap();
        assert!(!books.event_arrived(&event).await.unwrap());
    });
}
