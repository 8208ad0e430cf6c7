//! What the database itself refuses of credits and cards, whoever asks.

use payments::ports::{Books, CardBooks};
use sqlx::AssertSqlSafe;
use testkit::suite::{Draft, bought};

use super::{beside, block_on, make, refusal, until};

#[test]
fn a_balance_is_the_sum_of_its_entries_whoever_writes() {
    block_on(async {
        let (books, scratch) = make().await;
        let pack = bought(&books, &Draft::numbered(1).pack(7)).await;
        let pool = beside(&scratch).await;
        let entry = |delta: i64, after: i64, kind: &str| {
            format!(
                "INSERT INTO credit_entries (payer, delta, kind, intent_id, ref, balance_after, at_ms)
                 VALUES ('{}', {delta}, '{kind}', '{}', 'x', {after}, 1)",
                pack.payer, pack.id
            )
        };
        let granted_twice = entry(20, 40, "grant").replace("'x'", "'pack_20'");
        for (statement, reason) in [
            (entry(5, 30, "manual_grant").as_str(), "does not add up"),
            (&entry(-21, -1, "void"), "check"),
            (&entry(1, 21, "gift"), "check"),
            (&entry(0, 20, "grant"), "check"),
            (&granted_twice, "credit_entries_once"),
            ("UPDATE credit_entries SET delta = 21", "never changed"),
            ("DELETE FROM credit_entries", "never changed"),
            ("TRUNCATE credit_entries", "never changed"),
            ("UPDATE credit_accounts SET balance = 21", "a balance comes from entries"),
            ("UPDATE credit_accounts SET debt = -1", "check"),
            ("UPDATE credit_accounts SET backing_cents = -1", "check"),
            ("DELETE FROM credit_accounts", "an account stays"),
            (
                "INSERT INTO credit_accounts (payer, balance) VALUES ('card:rich', 5)",
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
fn the_last_credit_goes_to_one_of_two_transactions() {
    block_on(async {
        let (books, scratch) = make().await;
        let pack = bought(&books, &Draft::numbered(1).pack(7)).await;
        let pool = beside(&scratch).await;
        let entry = |delta: i64, after: i64, reference: &str| {
            format!(
                "INSERT INTO credit_entries (payer, delta, kind, ref, balance_after, at_ms) VALUES ('{}', {delta}, 'void', '{reference}', {after}, 1)",
                pack.payer
            )
        };
        assert_eq!(refusal(&pool, &entry(-19, 1, "all but one")).await, "");
        let mut one = pool.begin().await.unwrap();
        sqlx::query(AssertSqlSafe(entry(-1, 0, "one"))).execute(&mut *one).await.unwrap();
        let waiting = tokio::spawn({
            let (pool, other) = (pool.clone(), entry(-1, 0, "other"));
            async move { refusal(&pool, &other).await }
        });
        let locked = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')";
        until(async || sqlx::query_scalar::<_, bool>(locked).fetch_one(&pool).await.unwrap()).await;
        one.commit().await.unwrap();
        assert!(waiting.await.unwrap().contains("does not add up"));
        assert_eq!(books.credit_account(&pack.payer).await.unwrap().balance.get(), 0);
    });
}

#[test]
fn keys_refuse_what_a_card_may_do_once() {
    block_on(async {
        let (books, scratch) = make().await;
        let first = bought(&books, &Draft::numbered(1).pack(7)).await;
        bought(&books, &Draft::numbered(2).pack(8)).await;
        let pool = beside(&scratch).await;
        for (statement, reason) in [
            (
                "UPDATE challenges SET spt_sha256 = (SELECT spt_sha256 FROM charges LIMIT 1)",
                "challenges_spt_sha256_key",
            ),
            ("UPDATE charges SET stripe_key = 'one'", "charges_stripe_key_key"),
            ("UPDATE settlements SET stripe_pi = 'pi_one'", "settlements_stripe_pi_key"),
            ("UPDATE agent_tokens SET intent_id = 'one'", "agent_tokens_intent_id_key"),
            ("UPDATE intents SET state = 'created', launch_id = 'l', answer_status = 201", "check"),
            ("UPDATE intents SET rail = 'x402', proof_version = 1", "check"),
            ("UPDATE intents SET granted_balance = NULL", "check"),
        ] {
            let error = refusal(&pool, statement).await;
            assert!(error.contains(reason), "{statement}: {error:?}");
        }
        assert_eq!(books.intent(first.id).await.unwrap(), Some(first));
    });
}
