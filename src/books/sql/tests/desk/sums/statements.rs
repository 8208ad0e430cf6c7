//! Statements of a payer against the journal.

use payments::{
    agent::Payer,
    ports::{
        Books,
        desk::{DeskBooks, Page, StatementLine},
    },
    time::UnixMs,
};
use testkit::{clock::START, suite::Draft};

use super::{
    super::{
        Store, block_on,
        cards::{agree, compensated, spent},
        fold_all, make, scene,
    },
    paid,
};

const FIRST: UnixMs = UnixMs::new(0);

fn last() -> UnixMs {
    START.plus_s(90 * 86_400)
}

/// The whole statement, in pages of so many lines.
async fn statement(books: &Store, payer: &Payer, limit: u32) -> Vec<StatementLine> {
    let mut lines: Vec<StatementLine> = Vec::new();
    loop {
        let after = lines.last().map(|line| line.seq);
        let page = books.statement(payer, FIRST, last(), &Page { after, limit }).await.unwrap();
        if page.is_empty() {
            return lines;
        }
        lines.extend(page);
    }
}

/// In each currency it ends with what the journal says, and it is the same in pages of any size and
/// from any moment on.
async fn ends_with_what_is_owed(books: &Store, payer: &Payer) -> Vec<StatementLine> {
    let lines = statement(books, payer, 1).await;
    assert!(!lines.is_empty());
    let trial = books.trial_balance().await.unwrap();
    for currency in ["USDC", "USD", "CREDIT"] {
        let of = |family: &str| -> i64 {
            let account = format!("{family}{payer}");
            trial
                .iter()
                .filter(|line| line.currency == currency && line.account == account)
                .map(|line| line.amount)
                .sum()
        };
        let owed = of("payer:") - of("liab:unearned:") - of("liab:refund_due:");
        let told = lines
            .iter()
            .rev()
            .find(|line| line.currency == currency)
            .map_or(0, |line| line.balance_minor);
        let moved: i64 = lines
            .iter()
            .filter(|line| line.currency == currency)
            .map(|line| line.amount_minor)
            .sum();
        assert_eq!((told, moved), (owed, owed), "{payer} {currency}");
    }
    for limit in [2, 3, 99] {
        assert_eq!(statement(books, payer, limit).await, lines, "{limit} lines a page");
    }
    for line in &lines {
        let (at, all) = (UnixMs::parse_rfc3339(&line.at).unwrap(), Page { after: None, limit: 99 });
        let before: Vec<_> = lines
            .iter()
            .filter(|line| UnixMs::parse_rfc3339(&line.at).unwrap() < at)
            .cloned()
            .collect();
        let rest: Vec<_> = lines
            .iter()
            .filter(|line| UnixMs::parse_rfc3339(&line.at).unwrap() >= at)
            .cloned()
            .collect();
        assert_eq!(books.statement(payer, FIRST, at, &all).await.unwrap(), before, "before {at:?}");
        assert_eq!(
            books.statement(payer, at, last(), &all).await.unwrap(),
            rest,
            "the balance goes on from what was before {at:?}"
        );
    }
    lines
}

#[test]
fn a_statement_ends_with_what_is_owed_before_and_after_each_fold() {
    block_on(async {
        let (books, dir) = make().await;
        let refused = compensated(&books, 1, 7).await;
        spent(&books, 2, 7).await;
        scene(&books).await;
        let payers = [
            refused.payer.clone(),
            Draft::numbered(1).of_wallet(2).payer(),
            Draft::numbered(8).by_card(8).payer(),
        ];
        let mut told = Vec::new();
        for payer in &payers {
            told.push(ends_with_what_is_owed(&books, payer).await);
        }
        fold_all(&books, &dir).await;
        agree(&books).await;
        for (payer, told) in payers.iter().zip(&told) {
            assert_eq!(&ends_with_what_is_owed(&books, payer).await, told, "folded");
        }
        paid(&books, 90, 2).await;
        let more = ends_with_what_is_owed(&books, &payers[1]).await;
        assert!(
            more.starts_with(&told[1]) && more.len() > told[1].len(),
            "what came since is there too"
        );
        fold_all(&books, &dir).await;
        agree(&books).await;
        assert_eq!(ends_with_what_is_owed(&books, &payers[1]).await, more);
    });
}
