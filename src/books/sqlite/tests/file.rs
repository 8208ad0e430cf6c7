//! One file, one server, everything kept.

use payments::ports::{Books, BooksError, Claimed, LedgerPage};
use testkit::suite::Draft;

use super::{SqliteBooks, block_on, make, paid_launch, url};
use crate::books::sqlite::OpenError;

async fn claimed(books: &SqliteBooks, draft: &Draft) -> payments::intent::Intent {
    match books.claim(draft.claim()).await.unwrap() {
        Claimed::New(intent) => intent,
        other => panic!("{other:?}"),
    }
}

#[test]
fn reopening_keeps_everything() {
    block_on(async {
        let (books, dir) = make().await;
        let signed = claimed(&books, &Draft::numbered(1)).await;
        let done = paid_launch(&books, 2).await;
        books.claim_identities(&[Draft::numbered(3).identity()]).await.unwrap();
        let balance = books.trial_balance().await.unwrap();
        let list = books.intents(&LedgerPage { limit: 9, ..LedgerPage::default() }).await.unwrap();
        let evidence = books.evidence(done.id).await.unwrap();
        drop(books);
        let books = SqliteBooks::open(&url(&dir)).await.unwrap();
        assert_eq!(books.intent(signed.id).await.unwrap(), Some(signed));
        assert_eq!(books.evidence(done.id).await.unwrap(), evidence);
        assert_eq!(books.trial_balance().await.unwrap(), balance);
        assert_eq!(
            books.intents(&LedgerPage { limit: 9, ..LedgerPage::default() }).await.unwrap(),
            list
        );
        assert!(matches!(
            books.claim(Draft::numbered(1).claim()).await.unwrap(),
            Claimed::Known(_)
        ));
        assert!(
            matches!(books.claim(Draft::numbered(3).claim()).await.unwrap(), Claimed::Known(known) if known.intent.is_none())
        );
        assert_eq!(
            claimed(&books, &Draft::numbered(4)).await.attempts[0].eoa_nonce,
            2,
            "the signer's sequence goes on"
        );
    });
}

#[test]
fn the_leases_of_the_process_before_end_when_the_file_is_opened() {
    block_on(async {
        let (books, dir) = make().await;
        let draft = Draft::numbered(1);
        let signed = claimed(&books, &draft).await;
        drop(books);
        let books = SqliteBooks::open(&url(&dir)).await.unwrap();
        let taken = books.take_stuck(draft.at.plus_ms(1), draft.lease_until(), 64).await.unwrap();
        assert_eq!(taken.iter().map(|intent| intent.id).collect::<Vec<_>>(), [signed.id]);
        let retry = Draft::numbered(2).like(&draft).later_ms(1);
        let joined = books.claim(retry.claim()).await.unwrap();
        assert!(
            matches!(joined, Claimed::Joined(ref intent) if intent.id == signed.id),
            "{joined:?}"
        );
    });
}

#[test]
fn a_second_server_on_the_same_file_is_refused_and_a_reader_is_not() {
    block_on(async {
        let (books, dir) = make().await;
        let done = paid_launch(&books, 1).await;
        let second = SqliteBooks::open(&url(&dir)).await.err();
        assert!(matches!(second, Some(OpenError::InUse(_))), "{second:?}");
        let reader = SqliteBooks::open_beside(&url(&dir)).await.unwrap();
        assert_eq!(reader.intent(done.id).await.unwrap(), Some(done));
        drop(books);
        SqliteBooks::open(&url(&dir)).await.unwrap();
    });
}

#[test]
fn a_url_that_names_no_file_is_refused() {
    block_on(async {
        for wrong in
            ["sqlite://", "postgres://localhost/books", "books.db", "sqlite://books.db?mode=ro"]
        {
            assert!(
                matches!(SqliteBooks::open(wrong).await.err(), Some(OpenError::Url(_))),
                "{wrong}"
            );
        }
        let nothing = SqliteBooks::open_beside("sqlite:///nonexistent-folder/books.db").await.err();
        assert!(matches!(nothing, Some(OpenError::Missing(_))), "{nothing:?}");
    });
}

/// A client that hangs up drops the call that was writing for it. The notes that travelled with
/// that write are of other clients.
#[test]
fn a_note_survives_a_write_that_was_dropped_at_any_point() {
    block_on(async {
        let (books, _dir) = make().await;
        for stage in 0..40_u64 {
            let done = paid_launch(&books, 1_000 + stage).await;
            books.delivered(done.id);
            let draft = Draft::numbered(2_000 + stage);
            {
                let mut claim = std::pin::pin!(books.claim(draft.claim()));
                for _ in 0..stage {
                    if let std::task::Poll::Ready(outcome) = futures::poll!(claim.as_mut()) {
                        outcome.unwrap();
                        break;
                    }
                    tokio::time::sleep(std::time::Duration::from_micros(300)).await;
                }
            }
            books.flush().await.unwrap();
            assert!(
                books.intent(done.id).await.unwrap().unwrap().delivered,
                "dropped after {stage} polls"
            );
        }
    });
}

/// After some errors (a full disk, an I/O error, an interrupt, no memory) SQLite undoes a
/// transaction by itself, and whoever began it does not know: its connection is not used again.
#[test]
fn r116_a_transaction_that_sqlite_undid_by_itself_stops_nobody() {
    block_on(async {
        let (books, _dir) = make().await;
        for number in 1..=3 {
            let mut write = books.write(None).await.unwrap();
            sqlx::raw_sql("ROLLBACK").execute(&mut *write.transaction).await.unwrap();
            match number {
                1 => assert!(matches!(books.commit(write).await, Err(BooksError::NotKnown(_)))),
                2 => books.roll_back(write).await,
                _ => drop(write),
            }
            claimed(&books, &Draft::numbered(number)).await;
            books.ready().await.unwrap();
        }
    });
}

/// A file without room for another page, as by a quota: what could not be written is not there, and
/// what comes after it is.
#[test]
fn r116_a_file_that_may_not_grow_refuses_and_goes_on() {
    block_on(async {
        let (books, _dir) = make().await;
        let first = claimed(&books, &Draft::numbered(1)).await;
        let mut connection = books.writer.acquire().await.unwrap();
        sqlx::raw_sql("PRAGMA max_page_count = 1").execute(&mut *connection).await.unwrap();
        drop(connection);
        let mut refused = 0;
        for number in 2..=400 {
            match books.claim(Draft::numbered(number).claim()).await {
                Ok(Claimed::New(_)) => {}
                Err(BooksError::Unavailable(_) | BooksError::NotKnown(_)) => refused += 1,
                other => panic!("{other:?}"),
            }
            if refused > 0 {
                break;
            }
        }
        assert_eq!(refused, 1);
        let mut connection = books.writer.acquire().await.unwrap();
        sqlx::raw_sql("PRAGMA max_page_count = 1000000").execute(&mut *connection).await.unwrap();
        drop(connection);
        claimed(&books, &Draft::numbered(500)).await;
        assert_eq!(books.intent(first.id).await.unwrap(), Some(first));
    });
}
