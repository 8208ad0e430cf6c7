//! A server that ends connections, is silent, or is not there.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use payments::{
    intent::{Intent, State},
    ports::{Books, BooksError, Claimed, QueuedPayment, SettlementQueue, SigningRound, ToSign},
};
use testkit::{
    rail::{ACCOUNT, by_transfer},
    run::together,
    suite::Draft,
    upstream::answer,
};
use tokio::time::timeout;

use super::{PostgresBooks, Scratch, beside, block_on, cards::agree, make, new, wire::Wire};

/// Longer than any call may take.
const AT_MOST: Duration = Duration::from_secs(7);

/// Longer than a change whose answer was lost is looked for.
const IN_DOUBT: Duration = Duration::from_secs(20);

/// A caller went away in the middle of a beginning: its open transaction is not the next caller's.
#[test]
fn what_is_written_after_a_beginning_that_was_given_up_is_saved() {
    block_on(async {
        let scratch = Scratch::make().await;
        let books = PostgresBooks::open(&scratch.url(), 1).await.unwrap();
        for number in 1..=3 {
            let mut connection = books.writer.acquire().await.unwrap();
            sqlx::raw_sql("BEGIN").execute(&mut *connection).await.unwrap();
            drop(connection);
            let intent = new(&books, &Draft::numbered(number)).await;
            let seen = PostgresBooks::open_beside(&scratch.url())
                .await
                .unwrap()
                .intent(intent.id)
                .await
                .unwrap();
            assert_eq!(seen, Some(intent));
        }
    });
}

#[test]
fn what_was_acknowledged_outlives_every_connection() {
    block_on(async {
        let (books, scratch) = make().await;
        let pool = beside(&scratch).await;
        let killer = tokio::spawn(async move {
            let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'turnpike serve'";
            loop {
                sqlx::query(kill).execute(&pool).await.unwrap();
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        });
        let mut acknowledged = Vec::new();
        for round in 0..5_u64 {
            let drafts: Vec<Draft> =
                (1..=12).map(|number| Draft::numbered(round * 100 + number)).collect();
            let done = together(drafts.iter().map(|draft| launch(&books, draft))).await;
            acknowledged.extend(done.into_iter().flatten());
        }
        killer.abort();
        assert!(!acknowledged.is_empty());
        let order = [State::Queued, State::Signed, State::Forwarding, State::Created];
        for (id, state) in acknowledged {
            let found = books_again(&books, id).await;
            let place = |state| order.iter().position(|other| *other == state);
            assert!(
                place(found) >= place(state),
                "{id} was {} and is {}",
                state.word(),
                found.word()
            );
        }
        agree(&books).await;
        let pool = beside(&scratch).await;
        let (fewest, most, nonces, all): (Option<i64>, Option<i64>, i64, i64) =
            sqlx::query_as("SELECT min(eoa_nonce), max(eoa_nonce), count(DISTINCT eoa_nonce), count(*) FROM attempts")
                .fetch_one(&pool)
                .await
                .unwrap();
        assert_eq!(
            (fewest, most, nonces),
            (Some(0), Some(all - 1), all),
            "no nonce twice, and none left out"
        );
    });
}

/// How far a launch came, as far as its driver heard.
async fn launch(books: &PostgresBooks, draft: &Draft) -> Option<(payments::ids::PaymentId, State)> {
    let Ok(Claimed::New(claimed)) = books.claim(draft.claim()).await else { return None };
    let id = claimed.id;
    let Some(signed) = signed(books, claimed).await else { return Some((id, State::Queued)) };
    let settlement = by_transfer(signed.attempts[0].tx_hash, 1);
    let Ok(funded) = books.apply(signed.funded(settlement, draft.at).unwrap()).await else {
        return Some((signed.id, State::Signed));
    };
    let created = funded.created(answer(201, "l"), format!("l{}", draft.number), draft.at).unwrap();
    Some((signed.id, books.apply(created).await.map_or(State::Forwarding, |intent| intent.state)))
}

/// The payment once it is signed, by its claim or by a settler's round; none where it was not in a
/// while.
async fn signed(books: &PostgresBooks, claimed: Intent) -> Option<Intent> {
    if claimed.state != State::Queued {
        return Some(claimed);
    }
    for _ in 0..100 {
        settle(books).await;
        if let Ok(Some(intent)) = books.intent(claimed.id).await
            && intent.state != State::Queued
        {
            return Some(intent);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    None
}

/// Rounds so far: each is later than the lease of the one before.
static ROUNDS: AtomicI64 = AtomicI64::new(1);

/// One round of a settler. What it could not do, a later one does.
async fn settle(books: &PostgresBooks) {
    let now = Draft::numbered(1).at.plus_s(ROUNDS.fetch_add(1, Ordering::Relaxed));
    let Ok(taken) = books.take_queued(now, now, 64).await else { return };
    let number = |queued: &QueuedPayment| {
        let text = String::from_utf8(queued.sealed_authorization.clone()).unwrap();
        text.split(' ').next_back().unwrap().parse().unwrap()
    };
    let drafts: Vec<Draft> = taken.iter().map(|queued| Draft::numbered(number(queued))).collect();
    let payments = taken.iter().zip(&drafts).map(|(queued, draft)| ToSign {
        id: queued.intent.id,
        guard: queued.intent.guard,
        preparer: draft,
    });
    let round = SigningRound {
        account: ACCOUNT,
        chain_next_nonce: 0,
        payments: payments.collect(),
        at: now,
    };
    drop(books.sign_queued(round).await);
}

/// Connections that were ended in the pool fail once.
async fn books_again(books: &PostgresBooks, id: payments::ids::PaymentId) -> State {
    loop {
        if let Ok(found) = books.intent(id).await {
            return found.unwrap().state;
        }
    }
}

#[test]
fn a_silent_server_is_unavailable_within_seconds() {
    block_on(async {
        let scratch = Scratch::make().await;
        let wire = Wire::listen().await;
        let books = PostgresBooks::open(&wire.url(&scratch), 4).await.unwrap();
        let draft = Draft::numbered(1);
        let Claimed::New(signed) = books.claim(draft.claim()).await.unwrap() else {
            panic!("not new")
        };
        wire.heard.silence();
        let (other, key) = (Draft::numbered(2), draft.key());
        let (ready, known, claimed, moved) = tokio::join!(
            timeout(AT_MOST, books.ready()),
            timeout(AT_MOST, books.known(&key)),
            timeout(AT_MOST, books.claim(other.claim())),
            timeout(IN_DOUBT, books.apply(signed.submitted(draft.at).unwrap())),
        );
        assert!(matches!(ready.unwrap(), Err(BooksError::Unavailable(_))));
        assert!(matches!(known.unwrap(), Err(BooksError::Unavailable(_))));
        assert!(matches!(claimed.unwrap(), Err(BooksError::Unavailable(_))));
        // Where it was sent, only a server that speaks again could say whether it was written.
        assert!(matches!(
            moved.unwrap(),
            Err(BooksError::NotKnown(_) | BooksError::Unavailable(_))
        ));
    });
}

#[test]
fn a_server_that_is_gone_and_a_pool_in_use_are_unavailable_within_seconds() {
    block_on(async {
        let scratch = Scratch::make().await;
        let wire = Wire::listen().await;
        let books = PostgresBooks::open(&scratch.url(), 1).await.unwrap();
        let taken = books.writer.acquire().await.unwrap();
        let ready = timeout(AT_MOST, books.ready()).await.unwrap();
        assert!(matches!(ready, Err(BooksError::Unavailable(_))), "{ready:?}");
        drop(taken);
        let url = wire.url(&scratch);
        drop(wire);
        assert!(timeout(AT_MOST, PostgresBooks::open(&url, 1)).await.unwrap().is_err());
    });
}

#[test]
fn books_without_a_migration_are_not_ready() {
    block_on(async {
        let (books, scratch) = make().await;
        books.ready().await.unwrap();
        let pool = beside(&scratch).await;
        sqlx::query("DELETE FROM _sqlx_migrations WHERE version = 7").execute(&pool).await.unwrap();
        let Err(BooksError::Unavailable(reason)) = books.ready().await else {
            panic!("ready without a table")
        };
        assert_eq!(reason.to_string(), "the database lacks the migrations [7]");
    });
}
