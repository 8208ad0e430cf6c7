//! Card accounts: whatever is told in whatever order, the books agree with themselves.

mod found;

use payments::{
    agent::Payer,
    ids::PaymentId,
    intent::Intent,
    money::Credits,
    ports::{Books, CardBooks, ChargeFacts, Claimed, Dispute, DisputeState, FactsBooked},
    time::UnixMs,
};
use testkit::{
    suite::{Draft, bought, charged_by},
    upstream::answer,
};

use super::{Store, block_on, make};
use crate::books::Inspect;

pub(super) async fn claimed(books: &Store, draft: &Draft) -> Intent {
    match books.claim(draft.claim()).await.unwrap() {
        Claimed::New(intent) => intent,
        other => panic!("{other:?}"),
    }
}

/// A launch on a credit of this card, created.
pub(super) async fn spent(books: &Store, number: u64, card: u64) {
    let intent = claimed(books, &Draft::numbered(number).by_token(card)).await;
    books
        .apply(intent.created(answer(201, "l"), format!("l{number}"), intent.created_at).unwrap())
        .await
        .unwrap();
}

/// A charge for one launch that the upstream refused: it left a credit.
pub(super) async fn compensated(books: &Store, number: u64, card: u64) -> Intent {
    let signed = claimed(books, &Draft::numbered(number).by_card(card)).await;
    let at = signed.created_at;
    let funded = books.apply(signed.funded(charged_by(&signed), at).unwrap()).await.unwrap();
    books.apply(funded.refused(answer(422, "no"), at, at).unwrap()).await.unwrap()
}

/// A charge for one launch that was delivered.
async fn delivered(books: &Store, number: u64, card: u64) -> Intent {
    let signed = claimed(books, &Draft::numbered(number).by_card(card)).await;
    let at = signed.created_at;
    let funded = books.apply(signed.funded(charged_by(&signed), at).unwrap()).await.unwrap();
    books.apply(funded.created(answer(201, "l"), format!("l{number}"), at).unwrap()).await.unwrap()
}

/// A look that nothing overtakes.
pub(super) async fn tell(books: &Store, id: PaymentId, facts: &ChargeFacts, at: UnixMs) {
    let looks_before = books.looks_at(id).await.unwrap();
    assert_eq!(books.book_facts(id, facts, looks_before, at).await.unwrap(), FactsBooked::Booked);
}

pub(super) async fn agree(books: &Store) {
    for agreement in books.agreements().await.unwrap() {
        assert!(agreement.differences.is_empty(), "{agreement:?}");
    }
}

pub(super) async fn balance(books: &Store, account: &str, currency: &str) -> i64 {
    let lines = books.trial_balance().await.unwrap();
    lines
        .iter()
        .filter(|line| line.account == account && line.currency == currency)
        .map(|line| line.amount)
        .sum()
}

pub(super) async fn stands(
    books: &Store,
    payer: &Payer,
    balance: u64,
    debt: u64,
    backing_cents: u64,
) {
    let account = books.credit_account(payer).await.unwrap();
    assert_eq!(
        (account.balance.get(), account.debt.get(), account.backing_cents),
        (balance, debt, backing_cents)
    );
    agree(books).await;
}

pub(super) fn disputed(state: DisputeState) -> ChargeFacts {
    disputes(0, &[("dp_1", 1_200, state)])
}

pub(super) fn disputes(refunded_cents: u64, told: &[(&str, u64, DisputeState)]) -> ChargeFacts {
    let dispute = |&(id, amount_cents, state): &(&str, u64, DisputeState)| Dispute {
        id: id.to_owned(),
        amount_cents,
        state,
        status: String::from("as_told"),
        reason: String::from("fraudulent"),
        due_by: None,
    };
    ChargeFacts {
        refunded_cents,
        disputes: told.iter().map(dispute).collect(),
        ..ChargeFacts::default()
    }
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
            tell(&books, pack.id, &disputed(DisputeState::Open), pack.created_at).await;
            stands(&books, &pack.payer, 0, 15, 0).await;
            assert_eq!(balance(&books, "recv:dispute", "USD").await, 1_200);
        }
        for _ in 0..2 {
            tell(&books, pack.id, &disputed(DisputeState::Won), pack.created_at).await;
            stands(&books, &pack.payer, 5, 0, 300).await;
            assert_eq!(
                (
                    balance(&books, "recv:dispute", "USD").await,
                    balance(&books, "exp:loss", "USD").await
                ),
                (0, 0)
            );
        }
        tell(&books, pack.id, &disputed(DisputeState::Open), pack.created_at).await;
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
        tell(&books, pack.id, &disputed(DisputeState::Lost), pack.created_at).await;
        tell(&books, pack.id, &disputed(DisputeState::Lost), pack.created_at).await;
        stands(&books, &pack.payer, 0, 15, 0).await;
        assert_eq!(
            (
                balance(&books, "exp:loss", "USD").await,
                balance(&books, "asset:stripe_clearing", "USD").await
            ),
            (900, 0)
        );
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
        tell(&books, pack.id, &disputed(DisputeState::Open), pack.created_at).await;
        bought(&books, &Draft::numbered(101).pack(7)).await;
        stands(&books, &pack.payer, 5, 0, 1_200).await;
        tell(&books, pack.id, &disputed(DisputeState::Won), pack.created_at).await;
        stands(&books, &pack.payer, 25, 0, 1_500).await;
    });
}

#[test]
fn a_refund_made_elsewhere_takes_its_share_of_the_credits_once() {
    block_on(async {
        let (books, _dir) = make().await;
        let pack = bought(&books, &Draft::numbered(100).pack(7)).await;
        let told = |cents| disputes(cents, &[]);
        for (cents, left, backing, loss) in [
            (0, 20, 1_200, 0),
            (1, 20, 1_200, 1),
            (301, 15, 900, 1),
            (301, 15, 900, 1),
            (600, 10, 600, 0),
            (1_200, 0, 0, 0),
        ] {
            tell(&books, pack.id, &told(cents), pack.created_at).await;
            stands(&books, &pack.payer, left, 0, backing).await;
            assert_eq!(balance(&books, "exp:loss", "USD").await, loss, "after {cents}");
            assert_eq!(
                balance(&books, "asset:stripe_clearing", "USD").await,
                1_200 - i64::try_from(cents).unwrap()
            );
        }
    });
}

#[test]
fn a_delivered_launch_that_is_refunded_elsewhere_is_goodwill_and_a_disputed_one_is_a_debt() {
    block_on(async {
        let (books, _dir) = make().await;
        bought(&books, &Draft::numbered(100).pack(7)).await;
        for number in 1..=20 {
            spent(&books, number, 7).await;
        }
        let launch = delivered(&books, 30, 7).await;
        for _ in 0..2 {
            tell(&books, launch.id, &disputes(60, &[]), launch.created_at).await;
            stands(&books, &launch.payer, 0, 0, 0).await;
            assert_eq!(
                (
                    balance(&books, "exp:loss", "USD").await,
                    balance(&books, "asset:stripe_clearing", "USD").await
                ),
                (60, 1_200)
            );
        }
        let other = delivered(&books, 31, 7).await;
        let told = |state| disputes(0, &[("dp_2", 60, state)]);
        for _ in 0..2 {
            tell(&books, other.id, &told(DisputeState::Open), other.created_at).await;
            stands(&books, &other.payer, 0, 1, 0).await;
        }
        tell(&books, other.id, &told(DisputeState::Won), other.created_at).await;
        stands(&books, &other.payer, 0, 0, 0).await;
    });
}
