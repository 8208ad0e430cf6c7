//! What keys refuse, whoever writes: the sixth slot, the second settlement, the second use of
//! anything that there is once.

use sqlx::{AssertSqlSafe, PgPool};

use super::{beside, block_on, make, new, paid_launch, refusal};
use testkit::suite::Draft;

async fn count(pool: &PgPool, of: &'static str) -> i64 {
    sqlx::query_scalar(of).fetch_one(pool).await.unwrap()
}

#[test]
fn keys_refuse_what_happens_once() {
    block_on(async {
        let (books, scratch) = make().await;
        paid_launch(&books, 1).await;
        paid_launch(&books, 2).await;
        new(&books, &Draft::numbered(3).free()).await;
        let pool = beside(&scratch).await;
        for (statement, reason) in [
            ("INSERT INTO auths SELECT * FROM auths LIMIT 1", "auths_pkey"),
            ("INSERT INTO settlements SELECT * FROM settlements LIMIT 1", "settlements_pkey"),
            (
                "UPDATE settlements SET nonce = 'one', from_addr = 'one'",
                "settlements_chain_id_asset_from_addr_nonce_key",
            ),
            (
                "UPDATE settlements SET tx_hash = 'one', log_index = 1",
                "settlements_chain_id_tx_hash_log_index_key",
            ),
            ("UPDATE attempts SET tx_hash = 'one'", "attempts_tx_hash_key"),
            ("UPDATE intents SET client_idem_key = 'one'", "intents_payer_client_idem_key_key"),
            (
                "INSERT INTO free_slots SELECT wallet, month, 6, day, 'other' FROM free_slots",
                "free_slots_slot_check",
            ),
            (
                "INSERT INTO free_slots SELECT wallet, month, 0, day, 'other' FROM free_slots",
                "free_slots_slot_check",
            ),
            (
                "INSERT INTO free_slots SELECT wallet, month, 1001, day, 'other', 'forecasts' FROM free_slots",
                "free_slots_slot_check",
            ),
            (
                "INSERT INTO free_slots SELECT wallet, month, slot, day, 'other' FROM free_slots",
                "free_slots_pkey",
            ),
            (
                "INSERT INTO free_slots SELECT wallet, month, 2, day, intent_id FROM free_slots",
                "free_slots_intent_id_key",
            ),
            (
                "INSERT INTO free_slots SELECT wallet, month, 2, day, 'nobody' FROM free_slots",
                "free_slots_intent_id_fkey",
            ),
            ("UPDATE signers SET next_nonce = -1", "signers_next_nonce_check"),
            ("UPDATE intents SET state = 'paid'", "intents_state_check"),
            ("UPDATE intents SET launch_id = NULL WHERE state = 'created'", "check"),
            ("UPDATE intents SET answer_status = NULL WHERE state = 'created'", "check"),
            ("DELETE FROM intents", "foreign key"),
        ] {
            let error = refusal(&pool, statement).await;
            assert!(error.contains(reason), "{statement}: {error:?}");
        }
    });
}

/// Two that do not see each other: the second waits for the first, and is refused once it is there.
#[test]
fn two_connections_at_once_take_what_there_is_once_one_after_the_other() {
    block_on(async {
        let (books, scratch) = make().await;
        let free = new(&books, &Draft::numbered(1).free()).await;
        let pool = beside(&scratch).await;
        let slot = format!(
            "INSERT INTO free_slots SELECT wallet, month, 5, day, '{}' FROM free_slots LIMIT 1",
            Draft::numbered(2).id()
        );
        let other = format!(
            "INSERT INTO free_slots SELECT wallet, month, 5, day, '{}' FROM free_slots LIMIT 1",
            Draft::numbered(3).id()
        );
        let auth = "INSERT INTO auths SELECT chain_id, asset, from_addr, 'new', 'identity', fingerprint, NULL, 1 FROM auths";
        for (first, second, key) in
            [(slot.as_str(), other.as_str(), "free_slots_pkey"), (auth, auth, "auths_pkey")]
        {
            let mut one = pool.begin().await.unwrap();
            sqlx::query("SET CONSTRAINTS ALL DEFERRED").execute(&mut *one).await.unwrap();
            sqlx::query(AssertSqlSafe(first.to_owned())).execute(&mut *one).await.unwrap();
            let waiting = tokio::spawn({
                let (pool, second) = (pool.clone(), second.to_owned());
                async move { refusal(&pool, &second).await }
            });
            super::until(async || {
                count(&pool, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").await
                    == 1
            })
            .await;
            assert!(!waiting.is_finished(), "it waits to see what becomes of the first");
            if key == "free_slots_pkey" {
                // The intent of the slot, which the deferred key asks for.
                let copy = intent_like(&free.id.to_string(), &Draft::numbered(2).id().to_string());
                sqlx::query(AssertSqlSafe(copy)).execute(&mut *one).await.unwrap();
            }
            one.commit().await.unwrap();
            let error = waiting.await.unwrap();
            assert!(error.contains(key), "{error:?}");
        }
    });
}

/// A row of `intents` under another id.
fn intent_like(id: &str, other: &str) -> String {
    format!(
        "INSERT INTO intents SELECT (jsonb_populate_record(NULL::intents, to_jsonb(i) || jsonb_build_object('id', '{other}', 'core_key', '{other}'))).*
         FROM intents i WHERE id = '{id}'"
    )
}
