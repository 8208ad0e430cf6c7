//! The suite of the rules on a file, and what only this backend promises.
#![allow(clippy::unwrap_used)]

mod audit;
mod credits;
mod file;
mod journal;
mod migration;

#[path = "../sql/tests/card_money/mod.rs"]
mod card_money;
#[path = "../sql/tests/cards/mod.rs"]
mod cards;
#[path = "../sql/tests/desk/mod.rs"]
mod desk;
#[path = "../sql/tests/operator.rs"]
mod operator;
#[path = "../sql/tests/refunds/mod.rs"]
mod refunds;
#[path = "../sql/tests/standing.rs"]
mod standing;

use std::future::Future;

use payments::ports::{Books, desk::DeskBooks};
use sqlx::SqlitePool;
use tempfile::TempDir;
use testkit::suite::Draft;

use super::{SqliteBooks, Store};

testkit::books_suite!(block_on, make);
testkit::reconcile_suite!(block_on, make);

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Fresh books, and the folder that they live in.
async fn make() -> (SqliteBooks, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (SqliteBooks::open(&url(&dir)).await.unwrap(), dir)
}

/// Folds everything that is there; says how many postings.
async fn fold_all(books: &SqliteBooks, _: &TempDir) -> u64 {
    books.fold(testkit::clock::START).await.unwrap()
}

fn url(dir: &TempDir) -> String {
    format!("sqlite://{}", dir.path().join("books.db").display())
}

/// A connection of somebody else.
async fn beside(dir: &TempDir) -> SqlitePool {
    SqlitePool::connect(&url(dir)).await.unwrap()
}

/// A launch, settled and created.
async fn paid_launch(books: &SqliteBooks, number: u64) -> payments::intent::Intent {
    use testkit::{rail::by_transfer, upstream::answer};
    let draft = Draft::numbered(number);
    let payments::ports::Claimed::New(signed) = books.claim(draft.claim()).await.unwrap() else {
        panic!("not new")
    };
    let settlement = by_transfer(signed.attempts[0].tx_hash, 21_000);
    let forwarding =
        books.apply(signed.funded(settlement, draft.at.plus_ms(1)).unwrap()).await.unwrap();
    books
        .apply(
            forwarding
                .created(answer(201, "l"), format!("l{number}"), draft.at.plus_ms(2))
                .unwrap(),
        )
        .await
        .unwrap()
}
