//! What a database or a role is set to, and what these books need all the same.

use sqlx::{AssertSqlSafe, Row};

use super::{PostgresBooks, Scratch, beside, block_on};

#[test]
fn r133_commits_are_durable_and_reads_are_committed_whatever_the_database_is_set_to() {
    block_on(async {
        let scratch = Scratch::make().await;
        let pool = beside(&scratch).await;
        let name = &scratch.name;
        let isolated =
            format!("ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'");
        sqlx::raw_sql(AssertSqlSafe(isolated)).execute(&pool).await.unwrap();
        // What waits for more than our own disk stays.
        for (set, kept) in [
            ("off", "on"),
            ("local", "on"),
            ("remote_write", "on"),
            ("on", "on"),
            ("remote_apply", "remote_apply"),
        ] {
            let set = format!("ALTER DATABASE {name} SET synchronous_commit = {set}");
            sqlx::raw_sql(AssertSqlSafe(set)).execute(&pool).await.unwrap();
            let books = PostgresBooks::open(&scratch.url(), 2).await.unwrap();
            let mut write = books.write(None).await.unwrap();
            let shown = "SELECT current_setting('synchronous_commit') AS durable, current_setting('transaction_isolation') AS isolation";
            let row = sqlx::query(shown).fetch_one(&mut *write.transaction).await.unwrap();
            assert_eq!((row.get("durable"), row.get("isolation")), (kept, "read committed"));
            let alone = sqlx::query(shown).fetch_one(&books.desk).await.unwrap();
            assert_eq!((alone.get("durable"), alone.get("isolation")), (kept, "read committed"));
        }
    });
}
