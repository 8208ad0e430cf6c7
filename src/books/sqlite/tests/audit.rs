//! The views that auditors read: names, columns and words are a contract.

use payments::{
    agent::Wallet,
    intent::{Intent, State},
    ports::{Books, Claimed},
};
use sqlx::{Column, Executor, Row, SqlitePool};
use testkit::{suite::Draft, upstream::answer};

use super::{SqliteBooks, beside, block_on, make, paid_launch};

#[test]
fn the_views_have_the_columns_of_the_contract() {
    block_on(async {
        let (_books, dir) = make().await;
        let pool = beside(&dir).await;
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
            let described =
                pool.describe(sqlx::SqlStr::from_static(select_all(view))).await.unwrap();
            let names: Vec<&str> = described.columns.iter().map(Column::name).collect();
            assert_eq!(names.join(" "), columns, "{view}");
        }
    });
}

fn select_all(view: &str) -> &'static str {
    Box::leak(format!("SELECT * FROM {view}").into_boxed_str())
}

type IntentRow =
    (String, String, String, String, String, i64, String, String, Option<String>, String);

/// A launch of the second wallet that was paid, and refused upstream.
async fn refused_launch(books: &SqliteBooks) -> Intent {
    let Claimed::New(refused) = books.claim(Draft::numbered(3).of_wallet(2).claim()).await.unwrap()
    else {
        panic!("not new")
    };
    let proof = testkit::rail::by_transfer(refused.attempts[0].tx_hash, 1);
    let at = refused.created_at;
    let refused = books.apply(refused.funded(proof, at).unwrap()).await.unwrap();
    books.apply(refused.refused(answer(422, "no"), at, at).unwrap()).await.unwrap()
}

#[test]
fn the_views_speak_the_words_of_the_contract() {
    block_on(async {
        let (books, dir) = make().await;
        let paid = paid_launch(&books, 1).await;
        let Claimed::New(free) = books.claim(Draft::numbered(2).free().claim()).await.unwrap()
        else {
            panic!("not new")
        };
        let refused = refused_launch(&books).await;
        let pool = beside(&dir).await;
        let rows: Vec<IntentRow> = sqlx::query_as(
            "SELECT id, payer, rail, funding, state, price_minor, currency, core_key, launch_id, created_at FROM audit_intents ORDER BY id",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        let seen: Vec<(&str, &str)> =
            rows.iter().map(|row| (row.3.as_str(), row.4.as_str())).collect();
        assert_eq!(seen, [("x402", "created"), ("free", "forwarding"), ("x402", "rejected")]);
        let (id, launch) = (paid.id.to_string(), Some(String::from("l1")));
        let at = String::from("2026-03-14T12:00:00.000Z");
        let payer = format!("wallet:0x{}", "01".repeat(20));
        let first = (
            id.clone(),
            payer,
            "x402".into(),
            "x402".into(),
            "created".into(),
            550_000,
            "USDC".into(),
            id.clone(),
            launch,
            at,
        );
        assert_eq!(rows[0], first);
        assert_eq!(paid.created_at.rfc3339(), first.9, "the same text as everywhere else");
        let settlement = sqlx::query("SELECT * FROM audit_settlements WHERE intent_id = ?")
            .bind(&id)
            .fetch_one(&pool)
            .await
            .unwrap();
        let transfer = paid.transfer.unwrap();
        assert_eq!(settlement.get::<String, _>("from_addr"), transfer.key.from.to_string());
        assert_eq!(
            settlement.get::<String, _>("nonce"),
            format!("0x{}", hex::encode(transfer.key.nonce))
        );
        assert_eq!(settlement.get::<i64, _>("amount_minor"), 550_000);
        assert_eq!(settlement.get::<String, _>("tx_hash"), paid.settlement.unwrap().reference());
        slots_and_debts_are_shown(&pool, &transfer.key.from, &free, &refused).await;
    });
}

/// The free slot of this wallet, and what is owed for the refused launch.
async fn slots_and_debts_are_shown(
    pool: &SqlitePool,
    wallet: &Wallet,
    free: &Intent,
    refused: &Intent,
) {
    let slots: Vec<(String, String, i64, String)> =
        sqlx::query_as("SELECT * FROM audit_free_slots").fetch_all(pool).await.unwrap();
    assert_eq!(slots, [(wallet.to_string(), String::from("2026-03"), 1, free.id.to_string())]);
    let owed: Vec<(String, String, i64, String, String)> =
        sqlx::query_as("SELECT * FROM audit_obligations").fetch_all(pool).await.unwrap();
    let debtor = format!("wallet:0x{}", "02".repeat(20));
    assert_eq!(
        owed,
        [(refused.id.to_string(), debtor, 550_000, String::from("USDC"), String::from("open"))]
    );
}

/// Each word that the rules store is one that the table takes, and one that the views show.
#[test]
fn every_state_that_lasts_is_a_word_of_the_table() {
    block_on(async {
        let (books, dir) = make().await;
        paid_launch(&books, 1).await;
        let pool = beside(&dir).await;
        for state in State::ALL {
            let pack = matches!(state, State::Charged | State::Granted);
            sqlx::query(
                "UPDATE intents SET state = ?1, failure = 'authorization_expired', funding = iif(?2, 'mpp_pack', 'x402'),
                    rail = iif(?2, 'mpp', 'x402'), proof_version = iif(?2, 0, 1), pack_credits = iif(?2, 20, NULL),
                    granted_balance = iif(?1 = 'granted', 20, NULL)",
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
    use crate::books::sqlite::reads::{PAGE, PAGE_OF_PAYER};
    block_on(async {
        let (_books, dir) = make().await;
        let pool = beside(&dir).await;
        for (page, search) in
            [(PAGE, "(id<?)"), (PAGE_OF_PAYER, "intents_of_payer (payer=? AND id<?)")]
        {
            let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {page}"));
            let plan: Vec<String> = sqlx::query(explain)
                .fetch_all(&pool)
                .await
                .unwrap()
                .iter()
                .map(|row| row.get::<String, _>("detail"))
                .collect();
            assert!(plan[0].starts_with("SEARCH") && plan[0].ends_with(search), "{plan:?}");
            assert!(
                !plan.iter().any(|step| step.contains("SCAN") || step.contains("TEMP B-TREE")),
                "{plan:?}"
            );
        }
    });
}
