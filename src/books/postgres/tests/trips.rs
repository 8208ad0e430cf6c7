//! How often a paid launch asks the database, and how often it makes it commit.

use payments::ports::Books;
use testkit::{
    rail::by_transfer,
    suite::{Draft, charged_by},
    upstream::answer,
};

use super::{PostgresBooks, Scratch, block_on, new, wire::Wire};

/// A launch from its look at the key to its answer.
async fn launch(books: &PostgresBooks, draft: &Draft) {
    assert_eq!(books.known(&draft.key()).await.unwrap(), None);
    let signed = new(books, draft).await;
    let settlement = if signed.charge.is_some() {
        charged_by(&signed)
    } else {
        by_transfer(signed.attempts[0].tx_hash, 21_000)
    };
    let funded =
        books.apply(signed.funded(settlement, draft.at.plus_ms(1)).unwrap()).await.unwrap();
    let launch_id = format!("l{}", draft.number);
    books
        .apply(funded.created(answer(201, "l"), launch_id, draft.at.plus_ms(2)).unwrap())
        .await
        .unwrap();
}

fn commits(trip: &&String) -> bool {
    ["INSERT", "UPDATE", "DELETE", "COMMIT"].iter().any(|word| trip.contains(word))
}

#[test]
fn a_paid_launch_takes_at_most_six_round_trips_and_three_commits() {
    block_on(async {
        let scratch = Scratch::make().await;
        let wire = Wire::listen().await;
        let books = PostgresBooks::open(&wire.url(&scratch), 1).await.unwrap();
        for (first, second) in [
            (Draft::numbered(1), Draft::numbered(2)),
            (Draft::numbered(3).by_card(7), Draft::numbered(4).by_card(8)),
        ] {
            // The first one prepares the statements and learns the signer's nonce.
            launch(&books, &first).await;
            assert!(wire.heard.take().len() > 6, "the wire is heard");
            launch(&books, &second).await;
            let trips = wire.heard.take();
            assert!(trips.len() <= 6, "{} round trips: {trips:#?}", trips.len());
            let commits: Vec<&String> = trips.iter().filter(commits).collect();
            assert!(commits.len() <= 3, "{} commits: {commits:#?}", commits.len());
            assert!(
                !trips.iter().any(|trip| trip.starts_with("PREPARE")),
                "statements repeat: {trips:#?}"
            );
        }
    });
}
