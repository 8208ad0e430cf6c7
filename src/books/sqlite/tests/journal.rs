//! What the database itself refuses, whoever asks.

use sqlx::{Connection, SqliteConnection, SqlitePool};

use super::{beside, block_on, make, paid_launch};

const LINE: &str = "INSERT INTO journal_lines (txn_id, line_no, account, currency, amount) VALUES";
const HEADER: &str = "INSERT INTO journal_headers (txn_id, kind, intent_id, posted_at_ms) VALUES ('t', 'manual', 'i', 1)";

/// Runs statements as one transaction; the text of the refusal, if there was one.
async fn transaction(pool: &SqlitePool, statements: &[&str]) -> Option<String> {
    let mut connection = pool.acquire().await.unwrap();
    let outcome = run(&mut connection, statements).await;
    outcome.err().map(|error| error.to_string())
}

async fn run(connection: &mut SqliteConnection, statements: &[&str]) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for statement in statements {
        sqlx::query(sqlx::AssertSqlSafe(*statement)).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

async fn count(pool: &SqlitePool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM journal_lines").fetch_one(pool).await.unwrap()
}

#[test]
fn the_journal_refuses_what_does_not_balance() {
    block_on(async {
        let (_books, dir) = make().await;
        let pool = beside(&dir).await;
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
            (vec![&debit, &credit], "FOREIGN KEY"),
        ] {
            let error = transaction(&pool, &refused).await.unwrap_or_default();
            assert!(error.contains(reason), "{refused:?}: {error:?}");
            assert_eq!(count(&pool).await, 0, "{refused:?}");
        }
        assert_eq!(transaction(&pool, &[&debit, &credit, HEADER]).await, None);
        assert_eq!(count(&pool).await, 2);
    });
}

#[test]
fn the_journal_only_grows() {
    block_on(async {
        let (books, dir) = make().await;
        let done = paid_launch(&books, 1).await;
        let pool = beside(&dir).await;
        let late = format!("{LINE} ('{}:settled', 3, 'a', 'USDC', 0)", done.id);
        let replaced_line = format!(
            "INSERT OR REPLACE INTO journal_lines VALUES ('{}:settled', 1, 'a', 'USDC', 550000)",
            done.id
        );
        let replaced = format!(
            "INSERT OR REPLACE INTO journal_headers VALUES ('{}:settled', 'other', 'i', 1)",
            done.id
        );
        for (refused, reason) in [
            (late.as_str(), "the posting is closed"),
            (&replaced_line, "the posting is closed"),
            (&replaced, "the posting is closed"),
            ("UPDATE journal_lines SET amount = 0", "only grows"),
            ("UPDATE OR IGNORE journal_lines SET account = 'x'", "only grows"),
            ("DELETE FROM journal_lines", "only grows"),
            ("UPDATE journal_headers SET kind = 'x'", "only grows"),
            ("DELETE FROM journal_headers", "only grows"),
        ] {
            let error = transaction(&pool, &[refused]).await.unwrap_or_default();
            assert!(error.contains(reason), "{refused}: {error:?}");
        }
        assert_eq!(count(&pool).await, 4);
        let kinds: Vec<String> =
            sqlx::query_scalar("SELECT kind FROM journal_headers ORDER BY kind")
                .fetch_all(&pool)
                .await
                .unwrap();
        assert_eq!(kinds, ["earned", "settled"]);
    });
}

fn slot_of(quota: &str, slot: i64, intent: &str) -> String {
    let values = format!("'0x01', '{quota}', '2026-03', {slot}, '2026-03-14', '{intent}'");
    format!("INSERT INTO free_slots (wallet, quota, month, slot, day, intent_id) VALUES ({values})")
}

/// Constraints that the rules lean on, asked of the database directly.
#[test]
fn keys_refuse_what_may_happen_once() {
    block_on(async {
        let (books, dir) = make().await;
        paid_launch(&books, 1).await;
        let pool = beside(&dir).await;
        let slot = |slot: i64, intent: &str| slot_of("launches", slot, intent);
        let id = testkit::suite::Draft::numbered(1).id().to_string();
        for (statements, reason) in [
            (vec![slot(6, &id)], "CHECK"),
            (vec![slot(0, &id)], "CHECK"),
            (vec![slot_of("forecasts", 1_001, &id)], "CHECK"),
            (vec![slot(1, &id), slot(1, &id)], "UNIQUE"),
            (vec![slot(1, "pay_unknown")], "FOREIGN KEY"),
            (
                vec![String::from(
                    "INSERT INTO credit_accounts (payer, balance) VALUES ('card:a', 1)",
                )],
                "a balance comes from entries",
            ),
            (vec![String::from("INSERT INTO auths SELECT * FROM auths")], "UNIQUE"),
            (vec![String::from("UPDATE intents SET state = 'funded'")], "CHECK"),
        ] {
            let texts: Vec<&str> = statements.iter().map(String::as_str).collect();
            let error = transaction(&pool, &texts).await.unwrap_or_default();
            assert!(error.contains(reason), "{statements:?}: {error:?}");
        }
    });
}
