//! A file that served before cards were taken is brought to the new tables with everything in it.

use payments::{intent::State, ports::Books};
use sqlx::{Row, SqliteConnection, migrate::Migrator, sqlite::SqliteRow};
use tempfile::TempDir;
use testkit::suite::Draft;

use super::{SqliteBooks, beside, block_on, url};
use crate::books::Inspect;

/// The newest migration of a file without cards.
const BEFORE_CARDS: i64 = 5;

/// One launch that a slot paid for, one that was settled, and one that was refused and is reserved
/// by a fourth; each with all that hangs on it.
const ROWS: [&str; 11] = [
    "BEGIN",
    "INSERT INTO intents (id, payer, rail, funding, entitlement_source, price_minor, currency, fingerprint, core_key, client_idem_key, route,
        path_and_query, body, content_type, proof_version, state, version, fence, lease_until_ms, attended_until_ms, chain_id, asset, from_addr,
        nonce, pay_to, valid_before_unix_s, claimed_at_block, failure, answer_status, answer_headers, answer_body, launch_id,
        entitled_until_ms, forwarding_since_ms, delivered_at_ms, created_at_ms, updated_at_ms)
     SELECT id, 'wallet:0x' || substr('01010101010101010101010101010101010101010101', 1, 40), 'x402', funding, source, 550000, 'USDC',
        zeroblob(32), id, 'key ' || id, 'POST /launches', '/launches?a=1', x'7b7d', 'application/json', 1 + (state = 'created'), state, 4, 2, 9,
        8, 84532, '0x' || substr('0202020202020202020202020202020202020202', 1, 40), '0x' || substr('0101010101010101010101010101010101010101', 1, 40),
        '0x' || printf('%064d', n), '0x' || substr('0303030303030303030303030303030303030303', 1, 40), 1700000000, 77, NULL,
        iif(state IN ('created', 'rejected'), 201, NULL), iif(state IN ('created', 'rejected'), '[]', NULL),
        iif(state IN ('created', 'rejected'), x'00ff', NULL), iif(state = 'created', 'l' || n, NULL), iif(state = 'rejected', 1234, NULL), 5,
        iif(n = 1, 6, NULL), 1000 + n, 2000 + n
     FROM (SELECT 1 AS n, 'pay_0198c0de000070008000000000000001' AS id, 'free' AS funding, NULL AS source, 'created' AS state
        UNION ALL SELECT 2, 'pay_0198c0de000070008000000000000002', 'x402', NULL, 'created'
        UNION ALL SELECT 3, 'pay_0198c0de000070008000000000000003', 'x402', NULL, 'rejected'
        UNION ALL SELECT 4, 'pay_0198c0de000070008000000000000004', 'entitlement', 'pay_0198c0de000070008000000000000003', 'forwarding')",
    "INSERT INTO intent_events SELECT id, version, state, updated_at_ms FROM intents",
    "INSERT INTO auths SELECT chain_id, asset, from_addr, nonce, iif(funding = 'x402', 'pay', 'free'), fingerprint, id, 3 FROM intents",
    "INSERT INTO attempts (intent_id, kind, signer, eoa_nonce, tx_hash, max_fee_per_gas_wei, sealed_tx, saved_at_ms)
     SELECT id, 'transfer', '0x' || substr('0404040404040404040404040404040404040404', 1, 40), rowid, nonce, '99', x'', 4
     FROM intents WHERE funding = 'x402'",
    "INSERT INTO settlements (intent_id, rail, chain_id, asset, from_addr, nonce, tx_hash, log_index, block_number, block_hash, fee_wei,
        amount_minor, currency, settled_at_ms)
     SELECT id, rail, chain_id, asset, from_addr, nonce, nonce, 3, 78, nonce, '21000', 550000, 'USDC', 5 FROM intents WHERE funding = 'x402'",
    "INSERT INTO free_slots SELECT from_addr, '2026-03', 1, '2026-03-14', id FROM intents WHERE funding = 'free'",
    "INSERT INTO obligations SELECT i.id, i.payer, 550000, 'USDC', 'reserved', r.id, 1234, 6, 7
     FROM intents i JOIN intents r ON r.entitlement_source = i.id",
    "INSERT INTO journal_lines SELECT id || ':settled', n, account, 'USDC', amount FROM intents,
        (SELECT 1 AS n, 'asset:usdc_hot' AS account, 550000 AS amount UNION ALL SELECT 2, 'rev:launch', -550000) WHERE funding = 'x402'",
    "INSERT INTO journal_headers SELECT id || ':settled', 'settled', id, 5 FROM intents WHERE funding = 'x402'",
    "COMMIT",
];

/// Every table of the file before, with how its rows are ordered.
const TABLES: [(&str, &str); 10] = [
    ("intents", "id"),
    ("intent_events", "intent_id"),
    ("auths", "nonce"),
    ("attempts", "seq"),
    ("settlements", "intent_id"),
    ("free_slots", "intent_id"),
    ("obligations", "intent_id"),
    ("journal_lines", "txn_id, line_no"),
    ("journal_headers", "txn_id"),
    ("credit_accounts", "payer"),
];

async fn old_file(dir: &TempDir) -> Vec<Vec<String>> {
    let mut connection =
        <SqliteConnection as sqlx::Connection>::connect(&format!("{}?mode=rwc", url(dir)))
            .await
            .unwrap();
    let known = sqlx::migrate!("./migrations/sqlite");
    let old = known.iter().filter(|migration| migration.version <= BEFORE_CARDS).cloned().collect();
    Migrator::with_migrations(old).run(&mut connection).await.unwrap();
    for statement in ROWS {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
    let mut columns = Vec::new();
    for (table, _) in TABLES {
        columns.push(names(&mut connection, table).await);
    }
    columns
}

async fn names(connection: &mut SqliteConnection, table: &str) -> Vec<String> {
    let query = sqlx::AssertSqlSafe(format!("SELECT name FROM pragma_table_info('{table}')"));
    sqlx::query_scalar(query).fetch_all(connection).await.unwrap()
}

/// Every value of every old column, as SQL would write it.
async fn everything(connection: &mut SqliteConnection, columns: &[Vec<String>]) -> Vec<String> {
    let mut all = Vec::new();
    for ((table, order), columns) in TABLES.iter().zip(columns) {
        let values: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
        let query =
            format!("SELECT {} AS one FROM {table} ORDER BY {order}", values.join(" || ',' || "));
        let rows: Vec<SqliteRow> =
            sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(&mut *connection).await.unwrap();
        all.extend(rows.iter().map(|row| format!("{table}: {}", row.get::<String, _>("one"))));
    }
    all
}

#[test]
fn a_file_from_before_cards_keeps_every_row_and_every_reference() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let columns = old_file(&dir).await;
        let mut old = <SqliteConnection as sqlx::Connection>::connect(&url(&dir)).await.unwrap();
        sqlx::query("UPDATE intents SET lease_until_ms = 0, attended_until_ms = 0")
            .execute(&mut old)
            .await
            .unwrap();
        let before = everything(&mut old, &columns).await;
        assert_eq!(before.len(), 4 + 4 + 4 + 2 + 2 + 1 + 1 + 4 + 2);
        drop(old);
        let books = SqliteBooks::open(&url(&dir)).await.unwrap();
        let pool = beside(&dir).await;
        let mut connection = pool.acquire().await.unwrap();
        assert_eq!(everything(&mut connection, &columns).await, before);
        let lost = sqlx::query("SELECT * FROM pragma_foreign_key_check")
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        assert!(lost.is_empty());
        let refused = sqlx::query("DELETE FROM intents")
            .execute(&mut *connection)
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains("FOREIGN KEY"), "what points to an intent still does: {refused}");
        drop(connection);
        let rejected = books
            .intent("pay_0198c0de000070008000000000000003".parse().unwrap())
            .await
            .unwrap()
            .unwrap();
        assert_eq!((rejected.state, rejected.attempts.len()), (State::Rejected, 1));
        assert!(rejected.settlement.is_some() && rejected.transfer.is_some());
        let health = books.health().await.unwrap();
        assert!(
            health.missing_migrations.is_empty()
                && health.foreign_migrations.is_empty()
                && health.broken.is_empty(),
            "{health:?}"
        );
        let bought = testkit::suite::bought(&books, &Draft::numbered(9).pack(1)).await;
        assert_eq!(books.intent(bought.id).await.unwrap(), Some(bought), "and cards are taken");
    });
}

#[test]
fn a_file_with_a_lost_reference_is_not_migrated() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        old_file(&dir).await;
        let pool = beside(&dir).await;
        let mut connection = pool.acquire().await.unwrap();
        sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut *connection).await.unwrap();
        sqlx::query("DELETE FROM intents WHERE funding = 'free'")
            .execute(&mut *connection)
            .await
            .unwrap();
        drop(connection);
        let outcome = SqliteBooks::open(&url(&dir)).await.err();
        assert!(matches!(outcome, Some(super::super::OpenError::Migrate(_))), "{outcome:?}");
        let version: i64 = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert!(version <= BEFORE_CARDS);
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_intents")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(left, 3, "the file is as it was");
    });
}
