//! During a rolling release two programs meet one database.

use super::{PostgresBooks, beside, block_on, make, paid_launch};
use crate::books::Inspect;

#[test]
fn an_older_program_starts_on_newer_tables_and_serves() {
    block_on(async {
        let (books, scratch) = make().await;
        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                     VALUES (9999, 'of the next release', true, '\\x00'::bytea, 0)";
        let pool = beside(&scratch).await;
        sqlx::query(newer).execute(&pool).await.unwrap();
        sqlx::query("ALTER TABLE intents ADD COLUMN of_the_next_release word").execute(&pool).await.unwrap();
        let older = PostgresBooks::open(&scratch.url(), 4).await.unwrap();
        paid_launch(&older, 1).await;
        assert_eq!(older.health().await.unwrap().foreign_migrations, [9999], "and it is said");
        drop(books);
    });
}
