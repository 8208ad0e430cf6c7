//! What the database itself refuses of credits and cards, whoever asks; and what the views say of
//! them.

use payments::{
    intent::State,
    ports::{Books, CardBooks},
};
use sqlx::SqlitePool;
use testkit::suite::{Draft, bought};

use super::{beside, block_on, make};

async fn refusal(pool: &SqlitePool, statement: &str) -> String {
    sqlx::query(sqlx::AssertSqlSafe(statement))
        .execute(pool)
        .await
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}

#[test]
fn a_balance_is_the_sum_of_its_entries_whoever_writes() {
    block_on(async {
        let (books, dir) = make().await;
        let pack = bought(&books, &Draft::numbered(1).pack(7)).await;
        let pool = beside(&dir).await;
        let entry = |delta: i64, after: i64, kind: &str| {
            format!(
                "INSERT INTO credit_entries (payer, delta, kind, intent_id, ref, balance_after, at_ms)
                 VALUES ('{}', {delta}, '{kind}', '{}', 'x', {after}, 1)",
                pack.payer, pack.id
            )
        };
        let again = format!(
            "INSERT OR REPLACE INTO credit_entries SELECT seq, payer, delta, kind, intent_id, ref, 40, 1 FROM credit_entries WHERE intent_id = '{}'",
            pack.id
        );
        let granted_twice = entry(20, 40, "grant").replace("'x'", "'pack_20'");
        for (statement, reason) in [
            (entry(5, 30, "grant").as_str(), "does not add up"),
            (&entry(-21, -1, "void"), "CHECK"),
            (&entry(1, 21, "gift"), "CHECK"),
            (&entry(0, 20, "grant"), "CHECK"),
            (&granted_twice, "there already"),
            (&again, "there already"),
            ("UPDATE credit_entries SET delta = 21", "never changed"),
            ("DELETE FROM credit_entries", "never changed"),
            ("UPDATE credit_accounts SET balance = 21", "a balance comes from entries"),
            ("UPDATE credit_accounts SET debt = -1", "CHECK"),
            ("UPDATE credit_accounts SET backing_cents = -1", "CHECK"),
            ("DELETE FROM credit_accounts", "an account stays"),
            (
                "INSERT OR REPLACE INTO credit_accounts (payer, balance) SELECT payer, 0 FROM credit_accounts",
                "a balance comes from entries",
            ),
        ] {
            let error = refusal(&pool, statement).await;
            assert!(error.contains(reason), "{statement}: {error:?}");
        }
        assert_eq!(refusal(&pool, &entry(5, 25, "manual_grant")).await, "");
        assert_eq!(
            books.credit_account(&pack.payer).await.unwrap().balance.get(),
            25,
            "the account follows its entries"
        );
    });
}

#[test]
fn keys_refuse_what_a_card_may_do_once() {
    block_on(async {
        let (books, dir) = make().await;
        let first = bought(&books, &Draft::numbered(1).pack(7)).await;
        let second = bought(&books, &Draft::numbered(2).pack(8)).await;
        let pool = beside(&dir).await;
        for (statement, reason) in [
            (
                "UPDATE challenges SET spt_sha256 = (SELECT min(spt_sha256) FROM challenges)",
                "UNIQUE",
            ),
            ("UPDATE charges SET stripe_key = 'one'", "UNIQUE"),
            ("UPDATE settlements SET stripe_pi = 'pi_one'", "UNIQUE"),
            ("UPDATE agent_tokens SET intent_id = 'one'", "UNIQUE"),
            (
                "INSERT INTO challenges SELECT 'other', spt_sha256, purpose, fingerprint, intent_id, 1 FROM challenges LIMIT 1",
                "UNIQUE",
            ),
            ("UPDATE intents SET state = 'created', launch_id = 'l', answer_status = 201", "CHECK"),
            ("UPDATE intents SET rail = 'x402', proof_version = 1", "CHECK"),
            ("UPDATE intents SET granted_balance = NULL", "CHECK"),
        ] {
            let error = refusal(&pool, statement).await;
            assert!(error.contains(reason), "{statement}: {error:?}");
        }
        for intent in [first, second] {
            assert_eq!(books.intent(intent.id).await.unwrap().unwrap().state, State::Granted);
        }
    });
}

#[test]
fn the_views_show_a_pack_as_the_contract_says() {
    block_on(async {
        let (books, dir) = make().await;
        let pack = bought(&books, &Draft::numbered(1).pack(7)).await;
        let (id, payer) = (pack.id.to_string(), pack.payer.to_string());
        let pool = beside(&dir).await;
        let intent: (String, String, String, i64, String) =
            sqlx::query_as("SELECT rail, funding, state, price_minor, currency FROM audit_intents")
                .fetch_one(&pool)
                .await
                .unwrap();
        assert_eq!(
            intent,
            ("mpp".into(), "mpp_pack".into(), "granted".into(), 1_200, "USD".into())
        );
        let settled: (String, String, i64, Option<String>, i64) = sqlx::query_as(
            "SELECT rail, stripe_pi, amount_minor, tx_hash, final FROM audit_settlements",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        assert_eq!(settled, ("mpp".into(), format!("pi_{id}"), 1_200, None, 1));
        let attempt: (String, String, String, String) =
            sqlx::query_as("SELECT intent_id, kind, stripe_key, sent_at FROM audit_attempts")
                .fetch_one(&pool)
                .await
                .unwrap();
        assert_eq!(
            attempt,
            (id.clone(), "charge".into(), format!("tp_{id}"), pack.created_at.rfc3339())
        );
        let credits: (String, i64) =
            sqlx::query_as("SELECT * FROM audit_credits").fetch_one(&pool).await.unwrap();
        assert_eq!(credits, (payer.clone(), 20));
        let entry: (String, i64, String, String, String) =
            sqlx::query_as("SELECT * FROM audit_credit_entries").fetch_one(&pool).await.unwrap();
        assert_eq!(entry, (payer, 20, "grant".into(), id, "pack_20".into()));
        let sealed: i64 = sqlx::query_scalar("SELECT sum(length(sealed_params)) FROM charges")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(sealed, 0, "nothing that could be charged is left");
    });
}
