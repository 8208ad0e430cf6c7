//! `verify` finds what does not agree. Each case changes a copy of good books behind the program's
//! back.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};

use crate::operator_tools::{report, results};
use crate::support::fake_core::Behaviour;
use crate::support::one_store::left_out;
use crate::support::{Setup, World};

/// The check that must fail, and what was done to the books.
const TAMPERED: [(&str, &str); 17] = [
    (
        "journal_zero",
        "DROP TRIGGER journal_line_no_update; UPDATE journal_lines SET amount = amount + 1 WHERE line_no = 1 AND txn_id LIKE '%:earned'",
    ),
    (
        "trial_balance",
        "DROP TRIGGER journal_line_no_update; UPDATE journal_lines SET amount = amount + 1 WHERE line_no = 1 AND txn_id LIKE '%:earned'",
    ),
    (
        "journal_whole",
        "DROP TRIGGER journal_header_no_delete; DELETE FROM journal_headers WHERE kind = 'earned'",
    ),
    ("settlement_posted", "UPDATE settlements SET amount_minor = amount_minor + 1"),
    ("posting_settled", "DELETE FROM settlements"),
    ("created_launch", "UPDATE intents SET launch_id = 'the same' WHERE state = 'created'"),
    ("created_funded", "DELETE FROM free_slots"),
    (
        "created_earned",
        "DROP TRIGGER journal_header_no_update; UPDATE journal_headers SET kind = 'other' WHERE kind = 'earned'",
    ),
    ("slots_five", "PRAGMA ignore_check_constraints = on; UPDATE free_slots SET slot = 6"),
    (
        "slots_owned",
        "UPDATE intents SET state = 'released', launch_id = NULL WHERE funding = 'free'",
    ),
    ("owed_booked", "UPDATE obligations SET amount_minor = 1"),
    ("owed_booked", "DELETE FROM obligations"),
    (
        "unearned_open",
        "DROP TRIGGER journal_line_no_update; UPDATE journal_lines SET account = 'rev:other' WHERE account LIKE 'liab:unearned:%' AND txn_id LIKE '%:earned'",
    ),
    ("rejected_owed", "DELETE FROM obligations"),
    (
        "sealed_wiped",
        "UPDATE settlements SET final_at_ms = 1; UPDATE attempts SET sealed_tx = x'01'",
    ),
    ("timeline", "UPDATE intents SET state = 'core_unknown' WHERE funding = 'free'"),
    ("proof_once", "DELETE FROM auths"),
];

/// A gateway with a free launch, a paid one, and one that was paid and refused.
async fn books() -> World {
    let world = Setup::new().set("pricing.free_launches_per_month", "1").start().await;
    let wallet = world.agent().await;
    world.launch(&wallet, "free").await.must(201);
    world.launch(&wallet, "paid").await.must(201);
    world.core().behave(Behaviour::Reject);
    world.launch(&wallet, "refused").await.must(400);
    crate::support::oracle::check(&world).await;
    world
}

/// A copy of the books, changed; its URL.
async fn tampered(world: &World, name: &str, change: &str) -> String {
    let path = world.gateway.path(name);
    let mut original = SqliteConnectOptions::new()
        .filename(world.gateway.path("turnpike.db"))
        .connect()
        .await
        .unwrap();
    let copy = format!("VACUUM INTO '{}'", path.display());
    sqlx::raw_sql(AssertSqlSafe(copy)).execute(&mut original).await.unwrap();
    let mut writer =
        SqliteConnectOptions::new().filename(&path).foreign_keys(false).connect().await.unwrap();
    let changed =
        sqlx::raw_sql(AssertSqlSafe(change.to_owned())).execute(&mut writer).await.unwrap();
    assert!(changed.rows_affected() > 0 || change.is_empty(), "nothing was changed by {change}");
    format!("store.url=sqlite://{}", path.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn good_books_agree_with_themselves_and_the_chain() {
    let world = books().await;
    let (report, code) = report(&world.gateway.run(&["ledger", "verify"]).await);
    assert!(code == 0 && results(&report).iter().all(|(_, level)| *level == "ok"), "{report}");
    let chain = results(&report).into_iter().find(|(check, _)| *check == "settlements_on_chain");
    assert_eq!(chain, Some(("settlements_on_chain", "ok")), "{report}");
    assert!(report.to_string().contains("2 settlements stand where they are booked"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_difference_is_found() {
    if left_out() {
        return;
    }
    let world = books().await;
    for (at, (check, change)) in TAMPERED.into_iter().enumerate() {
        let url = tampered(&world, &format!("tampered-{at}.db"), change).await;
        let (report, code) = report(&world.gateway.run(&["ledger", "verify", "--set", &url]).await);
        assert_eq!(code, 1, "{check}: {report}");
        assert!(results(&report).contains(&(check, "FAIL")), "{check}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_that_the_chain_does_not_show_is_found_and_a_silent_chain_is_said() {
    if left_out() {
        return;
    }
    let world = books().await;
    for (name, change) in [
        ("another-log.db", "UPDATE settlements SET log_index = log_index + 1"),
        ("no-such-tx.db", "UPDATE settlements SET tx_hash = '0x' || substr(tx_hash, 5) || '00'"),
    ] {
        let url = tampered(&world, name, change).await;
        let (report, code) = report(&world.gateway.run(&["ledger", "verify", "--set", &url]).await);
        assert_eq!(code, 1, "{report}");
        let failed: Vec<_> =
            results(&report).into_iter().filter(|(_, level)| *level == "FAIL").collect();
        assert_eq!(failed, [("settlements_on_chain", "FAIL")], "{report}");
    }
    let (report, code) = report(
        &world.gateway.run(&["ledger", "verify", "--set", "x402.rpc_url=http://127.0.0.1:1"]).await,
    );
    assert_eq!(code, 0, "{report}");
    assert!(
        results(&report).contains(&("settlements_on_chain", "warn"))
            && report.to_string().contains("could not check"),
        "{report}"
    );
    let none =
        world.gateway.run(&["ledger", "verify", "--set", "store.url=sqlite://nowhere.db"]).await;
    assert_eq!(none.status.code(), Some(5), "{}", String::from_utf8_lossy(&none.stderr));
}
