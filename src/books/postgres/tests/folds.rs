//! Two replicas that fold at once.

use payments::ports::{Books, desk::DeskBooks};
use sqlx::AssertSqlSafe;
use testkit::clock::START;

use super::{beside, block_on, cards::agree, paid_launch, replicas, until};

#[test]
fn what_two_replicas_fold_while_a_third_posts_is_counted_once() {
    block_on(async {
        let (one, other, scratch) = replicas().await;
        let pool = beside(&scratch).await;
        // A note is old enough at once; what runs meanwhile is waited for still.
        let aged = "UPDATE fold_mark SET seen_at_ms = seen_at_ms - 60000";
        for number in 1..=15 {
            paid_launch(&one, number).await;
            sqlx::query(aged).execute(&pool).await.unwrap();
            let (first, second, third, _) = tokio::join!(
                one.fold(START),
                other.fold(START),
                one.fold(START),
                paid_launch(&other, 100 + number)
            );
            assert!([first, second, third].iter().all(Result::is_ok));
        }
        let left = "SELECT CAST((SELECT max(rowid) FROM journal_headers) - min(folded) AS BIGINT) FROM fold_mark";
        until(async || {
            sqlx::query(aged).execute(&pool).await.unwrap();
            other.fold(START).await.unwrap();
            sqlx::query_scalar::<_, i64>(AssertSqlSafe(left)).fetch_one(&pool).await.unwrap() == 0
        })
        .await;
        agree(&one).await;
        let trial = one.trial_balance().await.unwrap();
        for told in one.overview(START).await.unwrap().accounts {
            let of_family = trial.iter().filter(|line| {
                line.account.starts_with(&told.account) && line.currency == told.currency
            });
            assert_eq!(
                told.amount_minor,
                of_family.map(|line| line.amount).sum::<i64>(),
                "{told:?}"
            );
        }
    });
}
