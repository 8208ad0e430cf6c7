//! Postings, overview and statements against the journal.

mod statements;

use std::collections::BTreeSet;

use payments::{
    agent::Payer,
    ports::{
        Books, JournalLine,
        desk::{DayTotals, DeskBooks, Overview, PaymentFilter, PostingRow},
    },
};
use testkit::{clock::START, rail::by_transfer, suite::Draft};

use super::{
    Store, block_on,
    cards::{agree, claimed, compensated, spent},
    fold_all, make, postings, scene,
};

/// For some accounts and families: each of their postings is shown, and nothing else.
async fn all_are_shown(books: &Store, of_payer: &str) {
    let journal = postings(books, None, 2).await;
    assert!(journal.is_sorted_by(|one, next| one.seq > next.seq));
    for account in ["asset:usdc_hot", "liab:unearned", "payer", "rev:launch", "exp:loss", of_payer]
    {
        let has = |name: &str| {
            name == account || name.strip_prefix(account).is_some_and(|rest| rest.starts_with(':'))
        };
        let expected: Vec<&PostingRow> = journal
            .iter()
            .filter(|posting| posting.lines.iter().any(|line| has(&line.account)))
            .collect();
        assert_eq!(
            postings(books, Some(account), 2).await.iter().collect::<Vec<_>>(),
            expected,
            "{account}"
        );
    }
}

#[test]
fn postings_of_a_family_or_an_account_are_all_of_them() {
    block_on(async {
        let (books, dir) = make().await;
        scene(&books).await;
        let of_payer = format!("liab:unearned:{}", Draft::numbered(1).of_wallet(4).payer());
        all_are_shown(&books, &of_payer).await;
        fold_all(&books, &dir).await;
        all_are_shown(&books, &of_payer).await;
        paid(&books, 90, 4).await;
        all_are_shown(&books, &of_payer).await;
    });
}

/// A payment of this wallet that is on its way to the upstream.
async fn paid(books: &Store, number: u64, wallet: u8) {
    let late = claimed(books, &Draft::numbered(number).of_wallet(wallet)).await;
    books
        .apply(late.funded(by_transfer(late.attempts[0].tx_hash, 1), late.created_at).unwrap())
        .await
        .unwrap();
}

async fn overview(books: &Store) -> Overview {
    books.overview(START.plus_s(86_400)).await.unwrap()
}

#[test]
fn an_overview_is_the_journals_before_and_after_each_fold() {
    block_on(async {
        let (books, dir) = make().await;
        scene(&books).await;
        let before = overview(&books).await;
        let trial = books.trial_balance().await.unwrap();
        let sum = |family: &str, currency: &str| {
            let of_family = trial
                .iter()
                .filter(|line| line.account.starts_with(family) && line.currency == currency);
            of_family.map(|line| line.amount).sum::<i64>()
        };
        assert_eq!(before.accounts.len(), 10);
        for posted in &before.accounts {
            assert_eq!(posted.amount_minor, sum(&posted.account, &posted.currency), "{posted:?}");
        }
        let earned = before.days.iter().fold((0, 0), |(usdc, usd), day| {
            (usdc + day.earned_usdc_units, usd + day.earned_usd_cents)
        });
        assert_eq!(earned, (-sum("rev:", "USDC"), -sum("rev:", "USD")));
        let sums = books.payment_sums(&PaymentFilter::default()).await.unwrap();
        let settled: u64 = before.days.iter().map(|day| day.settled_x402 + day.settled_mpp).sum();
        assert_eq!(settled, sums.settled.iter().map(|sum| sum.settled).sum::<u64>());
        assert_eq!((before.days.len(), before.unknown), (30, 4));
        books
            .note_challenges(
                START,
                &[(String::from("POST /launches"), 3), (String::from("GET /a"), 2)],
            )
            .await
            .unwrap();
        books.note_challenges(START, &[(String::from("POST /launches"), 1)]).await.unwrap();
        let noted = overview(&books).await;
        assert_eq!(noted.days[28].challenges, 6);
        let all = u64::try_from(postings(&books, None, 99).await.len()).unwrap();
        assert_eq!(fold_all(&books, &dir).await, all);
        assert_eq!(overview(&books).await, noted);
        assert_eq!(books.fold(START).await.unwrap(), 0, "nothing is folded twice");
        agree(&books).await;
        paid(&books, 90, 9).await;
        let hot = |overview: &Overview| {
            overview
                .accounts
                .iter()
                .find(|sum| sum.account == "asset:usdc_hot")
                .unwrap()
                .amount_minor
        };
        assert_eq!(hot(&overview(&books).await), hot(&noted) + 550_000);
        agree(&books).await;
    });
}

/// The days of all payers together, without challenges.
async fn days_of_everybody(books: &Store) -> Vec<DayTotals> {
    let payers: BTreeSet<Payer> = postings(books, None, 99)
        .await
        .iter()
        .flat_map(|posting| &posting.lines)
        .filter_map(payer_of)
        .collect();
    let free = (1..=5).map(|wallet| Draft::numbered(1).of_wallet(wallet).payer());
    let payers: Vec<Payer> =
        payers.into_iter().chain(free).collect::<BTreeSet<_>>().into_iter().collect();
    let all = books.days_of(&payers, START.plus_s(86_400)).await.unwrap();
    let mut summed = books.days_of(&[], START.plus_s(86_400)).await.unwrap();
    for payer in payers {
        for (sum, of) in
            summed.iter_mut().zip(books.days_of(&[payer], START.plus_s(86_400)).await.unwrap())
        {
            *sum = sum.plus(&of);
        }
    }
    assert_eq!(summed, all, "each for itself, or all together");
    all
}

fn payer_of(line: &JournalLine) -> Option<Payer> {
    ["liab:unearned:", "liab:refund_due:", "payer:"]
        .iter()
        .find_map(|family| line.account.strip_prefix(family))?
        .parse()
        .ok()
}

#[test]
fn a_free_launch_is_counted_once_whether_its_day_is_over_or_not() {
    block_on(async {
        let (books, _dir) = make().await;
        scene(&books).await;
        let now = START.plus_s(20 * 86_400);
        let counted = async || {
            books.overview(now).await.unwrap().days.iter().map(|day| day.funded).sum::<u64>()
        };
        let before = counted().await;
        assert!(before > 0);
        let week = 7 * 86_400_000;
        for _ in 0..2 {
            books.fold(now).await.unwrap();
            assert_eq!(counted().await, before, "days that are over are counted by now");
        }
        for (number, days_ms) in [(91, week), (92, 2 * week), (93, 2 * week + 5 * 86_400_000)] {
            claimed(&books, &Draft::numbered(number).of_wallet(9).later_ms(days_ms).free()).await;
        }
        assert_eq!(counted().await, before + 3, "those that came since");
        books.fold(now).await.unwrap();
        assert_eq!(counted().await, before + 3);
    });
}

#[test]
fn without_everybody_an_overview_has_nothing_but_challenges() {
    block_on(async {
        let (books, dir) = make().await;
        compensated(&books, 76, 7).await;
        spent(&books, 77, 7).await;
        scene(&books).await;
        for folded in [false, true] {
            if folded {
                fold_all(&books, &dir).await;
                paid(&books, 90, 2).await;
            }
            let all = overview(&books).await;
            let days = days_of_everybody(&books).await;
            assert_eq!(days, all.days, "folded: {folded}");
            let nothing = all.without(&days);
            assert!(nothing.days.iter().all(|day| (
                day.earned_usdc_units,
                day.earned_usd_cents,
                day.funded
            ) == (0, 0, 0)));
        }
    });
}
