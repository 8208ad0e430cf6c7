//! During a rolling release two programs meet one database.

use std::time::Duration;

use payments::{funding::Funding, intent::State, ports::Books};
use testkit::{rail::by_transfer, suite::Draft, upstream::answer};

use super::{PostgresBooks, beside, block_on, make, new, paid_launch};
use crate::books::Inspect;

#[test]
fn an_older_program_starts_on_newer_tables_and_serves() {
    block_on(async {
        let (books, scratch) = make().await;
        let newer =
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                     VALUES (9999, 'of the next release', true, '\\x00'::bytea, 0)";
        let pool = beside(&scratch).await;
        sqlx::query(newer).execute(&pool).await.unwrap();
        sqlx::query("ALTER TABLE intents ADD COLUMN of_the_next_release word")
            .execute(&pool)
            .await
            .unwrap();
        let older = PostgresBooks::open(&scratch.url(), 4).await.unwrap();
        paid_launch(&older, 1).await;
        assert_eq!(older.health().await.unwrap().foreign_migrations, [9999], "and it is said");
        drop(books);
    });
}

/// Until then claims of one signer wait for each other, as they did before.
#[test]
fn payments_wait_for_a_signer_once_every_process_knows_of_the_queue() {
    block_on(async {
        let (books, scratch) = make().await;
        let mut older = beside(&scratch).await.acquire().await.unwrap();
        sqlx::query("SELECT pg_advisory_lock(8402, 7)").execute(&mut *older).await.unwrap();
        let signed = new(&books, &Draft::numbered(1).queued()).await;
        assert_eq!(signed.state, State::Signed, "it would not know what waits");
        older.close().await.unwrap();
        let mut state = signed.state;
        // The server ends a session a moment after its client.
        for number in 2..100 {
            state = new(&books, &Draft::numbered(number).queued()).await.state;
            if state == State::Queued {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(state, State::Queued);
    });
}

#[test]
fn what_is_owed_is_split_once_every_process_knows_of_parts() {
    block_on(async {
        let (books, scratch) = make().await;
        let first = Draft::numbered(1);
        let signed = new(&books, &first).await;
        let proof = by_transfer(signed.attempts[0].tx_hash, 1);
        let funded = books.apply(signed.funded(proof, first.at).unwrap()).await.unwrap();
        let refused = funded.refused(answer(422, "no"), first.at.plus_s(3600), first.at).unwrap();
        books.apply(refused).await.unwrap();

        // A process of the release before holds the lock that says that it lives, and no other.
        let mut older = beside(&scratch).await.acquire().await.unwrap();
        sqlx::query("SELECT pg_advisory_lock(8402, 7)").execute(&mut *older).await.unwrap();
        let cheaper = |number| Draft::numbered(number).at_price(400_000);
        assert_eq!(
            new(&books, &cheaper(2)).await.funding,
            Funding::X402,
            "it would not know the rest"
        );
        older.close().await.unwrap();
        let mut split = new(&books, &cheaper(3)).await;
        // The server ends a session a moment after its client.
        for number in 4..100 {
            if split.funding != Funding::X402 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            split = new(&books, &cheaper(number)).await;
        }
        assert_eq!(split.funding, Funding::Entitlement { source: signed.id });
    });
}
