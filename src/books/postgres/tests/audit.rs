//! The views that auditors read: names, columns and words are a contract, the same as on a file.

use payments::{intent::State, ports::Books, time::UnixMs};
use sqlx::{AssertSqlSafe, Column, Executor, Row, SqlSafeStr};
use testkit::{rail::by_transfer, suite::Draft, upstream::answer};

use super::super::reads::{PAGE, PAGE_OF_PAYER};
use super::{beside, block_on, make, new, paid_launch};

#[test]
fn the_views_have_the_columns_of_the_contract() {
    block_on(async {
        let (_books, scratch) = make().await;
        let pool = beside(&scratch).await;
        for (view, columns) in [
            (
                "audit_intents",
                "id payer rail funding state price_minor currency core_key launch_id created_at updated_at",
            ),
            (
                "audit_settlements",
                "intent_id rail chain_id asset from_addr nonce tx_hash log_index stripe_pi amount_minor final",
            ),
            ("audit_attempts", "intent_id kind signer eoa_nonce tx_hash stripe_key sent_at"),
            ("audit_credits", "payer balance"),
            ("audit_credit_entries", "payer delta kind intent_id ref"),
            ("audit_free_slots", "wallet month slot intent_id"),
            ("audit_journal", "txn_id account currency amount"),
            ("audit_obligations", "intent_id payer amount_minor currency state"),
            ("audit_findings", "kind key opened_at closed_at"),
        ] {
            let described = pool
                .describe(AssertSqlSafe(format!("SELECT * FROM {view}")).into_sql_str())
                .await
                .unwrap();
            let names: Vec<&str> = described.columns.iter().map(Column::name).collect();
            assert_eq!(names.join(" "), columns, "{view}");
        }
    });
}

type IntentRow = (String, String, String, i64, String, Option<String>, String);

#[test]
fn the_views_speak_the_words_of_the_contract() {
    block_on(async {
        let (books, scratch) = make().await;
        let paid = paid_launch(&books, 1).await;
        let free = new(&books, &Draft::numbered(2).free()).await;
        let refused = new(&books, &Draft::numbered(3).of_wallet(2)).await;
        let proof = by_transfer(refused.attempts[0].tx_hash, 1);
        let refused =
            books.apply(refused.funded(proof, refused.created_at).unwrap()).await.unwrap();
        books
            .apply(
                refused.refused(answer(422, "no"), refused.created_at, refused.created_at).unwrap(),
            )
            .await
            .unwrap();
        let pool = beside(&scratch).await;
        let rows: Vec<IntentRow> =
            sqlx::query_as("SELECT id, funding, state, price_minor, currency, launch_id, created_at FROM audit_intents ORDER BY id")
                .fetch_all(&pool)
                .await
                .unwrap();
        let seen: Vec<(&str, &str)> =
            rows.iter().map(|row| (row.1.as_str(), row.2.as_str())).collect();
        assert_eq!(seen, [("x402", "created"), ("free", "forwarding"), ("x402", "rejected")]);
        let (id, at) = (paid.id.to_string(), paid.created_at.rfc3339());
        assert_eq!(
            rows[0],
            (id, "x402".into(), "created".into(), 550_000, "USDC".into(), Some("l1".into()), at)
        );
        let settlement = sqlx::query("SELECT * FROM audit_settlements ORDER BY intent_id LIMIT 1")
            .fetch_one(&pool)
            .await
            .unwrap();
        let transfer = paid.transfer.clone().unwrap();
        assert_eq!(settlement.get::<String, _>("from_addr"), transfer.key.from.to_string());
        assert_eq!(
            settlement.get::<String, _>("nonce"),
            format!("0x{}", hex::encode(transfer.key.nonce))
        );
        assert_eq!(
            (settlement.get::<i64, _>("amount_minor"), settlement.get::<i64, _>("final")),
            (550_000, 0)
        );
        assert_eq!(settlement.get::<String, _>("tx_hash"), paid.settlement.unwrap().reference());
        let slots: Vec<(String, String, i64, String)> =
            sqlx::query_as("SELECT * FROM audit_free_slots").fetch_all(&pool).await.unwrap();
        assert_eq!(
            slots,
            [(transfer.key.from.to_string(), String::from("2026-03"), 1, free.id.to_string())]
        );
        let owed: Vec<(String, i64, String, String)> = sqlx::query_as(
            "SELECT intent_id, amount_minor, currency, state FROM audit_obligations",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        assert_eq!(
            owed,
            [(refused.id.to_string(), 550_000, String::from("USDC"), String::from("open"))]
        );
    });
}

#[test]
fn a_moment_reads_as_everywhere_else() {
    block_on(async {
        let (_books, scratch) = make().await;
        let pool = beside(&scratch).await;
        for ms in [0, 1, 999, 1_000, 1_773_489_600_123, 1_767_225_599_999, 4_102_444_800_001] {
            let text: String =
                sqlx::query_scalar("SELECT rfc3339($1)").bind(ms).fetch_one(&pool).await.unwrap();
            assert_eq!(text, UnixMs::new(ms).rfc3339());
        }
    });
}

#[test]
fn every_state_that_lasts_is_a_word_of_the_table() {
    block_on(async {
        let (books, scratch) = make().await;
        paid_launch(&books, 1).await;
        let pool = beside(&scratch).await;
        for state in State::ALL {
            let pack = matches!(state, State::Charged | State::Granted);
            sqlx::query(
                "UPDATE intents SET state = $1, failure = 'authorization_expired', funding = CASE WHEN $2 THEN 'mpp_pack' ELSE 'x402' END,
                    rail = CASE WHEN $2 THEN 'mpp' ELSE 'x402' END, proof_version = CASE WHEN $2 THEN 0 ELSE 1 END,
                    pack_credits = CASE WHEN $2 THEN 20 END, granted_balance = CASE WHEN $1 = 'granted' THEN 20 END",
            )
            .bind(state.word())
            .bind(pack)
            .execute(&pool)
            .await
            .unwrap();
            let seen: String = sqlx::query_scalar("SELECT state FROM audit_intents")
                .fetch_one(&pool)
                .await
                .unwrap();
            assert_eq!(State::from_word(&seen), Some(state));
        }
    });
}

/// A page is found by its key, however many rows are newer, and a payer's page by the payer's own
/// index.
#[test]
fn a_page_is_a_search_and_not_a_walk() {
    block_on(async {
        let (books, scratch) = make().await;
        paid_launch(&books, 1).await;
        let pool = beside(&scratch).await;
        let many = "INSERT INTO intents SELECT (jsonb_populate_record(NULL::intents, to_jsonb(i)
            || jsonb_build_object('id', 'pay_1' || lpad(n::text, 31, '0'), 'core_key', 'k' || n, 'payer', 'wallet:' || n % 50))).*
            FROM intents i CROSS JOIN generate_series(1, 5000) AS n";
        sqlx::raw_sql(many).execute(&pool).await.unwrap();
        sqlx::raw_sql("ANALYZE").execute(&pool).await.unwrap();
        for (page, index, payer) in
            [(PAGE, "intents_pkey", None), (PAGE_OF_PAYER, "intents_of_payer", Some("wallet:7"))]
        {
            let explain = AssertSqlSafe(format!("EXPLAIN {page}"));
            let mut query = sqlx::query(explain)
                .bind("pay_10000000000000000000000000002500")
                .bind(None::<String>)
                .bind(20_i64);
            if let Some(payer) = payer {
                query = query.bind(payer);
            }
            let plan: Vec<String> =
                query.fetch_all(&pool).await.unwrap().iter().map(|row| row.get(0)).collect();
            let plan = plan.join("\n");
            assert!(plan.contains(&format!("using {index}")), "{plan}");
            assert!(!plan.contains("Seq Scan on intents") && !plan.contains("Sort"), "{plan}");
        }
    });
}
