//! What the database itself refuses of the journal, whoever asks, and whatever he did not see yet.

use sqlx::{AssertSqlSafe, PgPool};

use super::{beside, block_on, make, paid_launch, refusal};

const LINE: &str = "INSERT INTO journal_lines (txn_id, line_no, account, currency, amount) VALUES";
const HEADER: &str = "INSERT INTO journal_headers (txn_id, kind, intent_id, posted_at_ms) VALUES ('t', 'manual', 'i', 1)";

/// Runs statements as one transaction; the text of the refusal, if there was one.
async fn transaction(pool: &PgPool, statements: &[&str]) -> Option<String> {
    let mut transaction = pool.begin().await.unwrap();
    for statement in statements {
        if let Err(error) = sqlx::query(AssertSqlSafe(*statement)).execute(&mut *transaction).await
        {
            return Some(error.to_string());
        }
    }
    transaction.commit().await.err().map(|error| error.to_string())
}

#[test]
fn the_journal_refuses_what_does_not_balance() {
    block_on(async {
        let (_books, scratch) = make().await;
        let pool = beside(&scratch).await;
        let line = |values: &str| format!("{LINE} {values}");
        let (debit, credit) = (line("('t', 1, 'a', 'USDC', 5)"), line("('t', 2, 'b', 'USDC', -5)"));
        let (short, other_currency) =
            (line("('t', 2, 'b', 'USDC', -4)"), line("('t', 2, 'b', 'USD', -5)"));
        for (refused, reason) in [
            (vec![HEADER], "a posting needs lines"),
            (vec![debit.as_str(), HEADER], "must sum to zero"),
            (vec![&debit, &short, HEADER], "must sum to zero"),
            (vec![&debit, &other_currency, HEADER], "must sum to zero"),
            (vec![HEADER, &debit, &credit], "a posting needs lines"),
            (vec![&debit, &credit], "foreign key"),
        ] {
            let error = transaction(&pool, &refused).await.unwrap_or_default();
            assert!(error.contains(reason), "{refused:?}: {error:?}");
            let lines: i64 = sqlx::query_scalar("SELECT count(*) FROM journal_lines")
                .fetch_one(&pool)
                .await
                .unwrap();
            assert_eq!(lines, 0, "{refused:?}");
        }
        assert_eq!(transaction(&pool, &[&debit, &credit, HEADER]).await, None);
    });
}

#[test]
fn the_journal_only_grows() {
    block_on(async {
        let (books, scratch) = make().await;
        let done = paid_launch(&books, 1).await;
        let pool = beside(&scratch).await;
        let late = format!("{LINE} ('{}:settled', 3, 'a', 'USDC', 0)", done.id);
        for (statement, reason) in [
            (late.as_str(), "the posting is closed"),
            ("UPDATE journal_lines SET amount = 1", "only grows"),
            ("DELETE FROM journal_lines", "only grows"),
            ("UPDATE journal_headers SET kind = 'x'", "only grows"),
            ("DELETE FROM journal_headers", "only grows"),
            ("TRUNCATE journal_lines, journal_headers", "only grows"),
        ] {
            let error = refusal(&pool, statement).await;
            assert!(error.contains(reason), "{statement}: {error:?}");
        }
    });
}

/// It began when there was no header that it could see, and adds its line before or after the
/// posting is closed.
#[test]
fn a_closed_posting_takes_no_line_of_a_transaction_that_began_before() {
    block_on(async {
        let (_books, scratch) = make().await;
        let pool = beside(&scratch).await;
        for (txn, isolation, line_first) in [
            ("t1", "READ COMMITTED", true),
            ("t2", "READ COMMITTED", false),
            ("t3", "REPEATABLE READ", true),
            ("t4", "REPEATABLE READ", false),
            ("t5", "SERIALIZABLE", true),
            ("t6", "SERIALIZABLE", false),
        ] {
            let line = |number: u32, amount: i32| {
                format!("{LINE} ('{txn}', {number}, 'a', 'USDC', {amount})")
            };
            let header = HEADER.replace("'t'", &format!("'{txn}'"));
            let mut late = pool.begin().await.unwrap();
            sqlx::query(AssertSqlSafe(format!("SET TRANSACTION ISOLATION LEVEL {isolation}")))
                .execute(&mut *late)
                .await
                .unwrap();
            sqlx::query("SELECT count(*) FROM journal_headers").execute(&mut *late).await.unwrap();
            let mut refused = None;
            if line_first {
                sqlx::query(AssertSqlSafe(line(9, 0))).execute(&mut *late).await.unwrap();
            }
            assert_eq!(
                transaction(&pool, &[&line(1, 5), &line(2, -5), &header]).await,
                None,
                "{txn}"
            );
            if !line_first {
                refused = sqlx::query(AssertSqlSafe(line(9, 0))).execute(&mut *late).await.err();
            }
            let refused = match refused {
                Some(error) => Some(error),
                None => late.commit().await.err(),
            };
            let refused = refused.map(|error| error.to_string()).unwrap_or_default();
            let reasons = ["the posting is closed", "violates foreign key", "could not serialize"];
            assert!(reasons.iter().any(|reason| refused.contains(reason)), "{txn}: {refused:?}");
            if isolation == "READ COMMITTED" {
                assert!(refused.contains("the posting is closed"), "{txn}: {refused:?}");
            }
        }
        let lines: i64 = sqlx::query_scalar("SELECT count(*) FROM journal_lines")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(lines, 12);
    });
}
