//! USDC that an operator sent back by hand: looked up on the chain and booked, each transfer for
//! one debt.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use alloy_primitives::Address;
use serde_json::json;
use tempfile::TempDir;

use crate::refunds::ended;
use crate::support::audit::{number, text};
use crate::support::fake_core::Behaviour;
use crate::support::moment::{eventually, now_unix_s};
use crate::support::token;
use crate::support::{Setup, Wallet, World};

const PRICE: u64 = 550_000;

/// A launch that was paid in USDC and refused, and whose hours are over.
async fn owed(world: &World) -> (String, Wallet) {
    world.core().behave(Behaviour::Reject);
    let wallet = world.agent().await;
    let payment =
        world.launch(&wallet, "refused").await.refused(400, "LAUNCH_007").payment_id().unwrap();
    (payment, wallet)
}

async fn due(world: &World, payment: &str) {
    let look = async || match state(world, payment).await {
        now if now == "refund_due" => Ok(()),
        now => Err(now),
    };
    eventually("refund_due", Duration::from_secs(30), look).await;
}

async fn state(world: &World, payment: &str) -> String {
    let owed = world.gateway.audit().view("obligations").await;
    owed.iter()
        .find(|owed| text(owed, "intent_id") == payment)
        .map(|owed| text(owed, "state"))
        .unwrap_or_default()
}

async fn booked(world: &World, account: &str) -> i128 {
    let journal = world.gateway.audit().view("journal").await;
    journal
        .iter()
        .filter(|line| text(line, "account").starts_with(account))
        .map(|line| number(line, "amount"))
        .sum()
}

async fn paid_by(world: &World, payment: &str, tx: &str, more: &[&str]) -> Output {
    world
        .gateway
        .run(
            &[&["refund", "approve", payment, "--paid-by", tx, "--reason", "sent by hand"], more]
                .concat(),
        )
        .await
}

/// A transfer of USDC that this account makes by itself; its transaction.
async fn sent(world: &World, from: Address, to: Address, units: u64) -> String {
    world.chain.send_first(from, token::transfer(to, units)).await;
    let looked = async || {
        let logs = world.chain.transfers_to(to).await;
        let found = logs.iter().rev().find(|(sender, value, _)| (*sender, *value) == (from, units));
        found.map(|(.., tx)| tx.to_string()).ok_or_else(|| "not mined".to_owned())
    };
    eventually("the transfer", Duration::from_secs(10), looked).await
}

/// A gateway whose clock is a file, and the file.
async fn start() -> (World, PathBuf, TempDir) {
    let dir = TempDir::new().unwrap();
    let clock = dir.path().join("clock");
    turn(&clock, 0);
    let path = clock.display().to_string();
    (
        Setup::paid()
            .own_chain()
            .set("pricing.entitlement_hours", "1")
            .set("test.clock_file", &path)
            .start()
            .await,
        clock,
        dir,
    )
}

/// Turns the gateway's clock: so many hours ahead of ours.
fn turn(clock: &Path, hours: u64) {
    let next = clock.with_extension("next");
    std::fs::write(&next, ((now_unix_s() + hours * 3_600) * 1_000).to_string()).unwrap();
    std::fs::rename(&next, clock).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_by_hand_pays_one_debt_once_the_chain_shows_it() {
    let (world, clock, _dir) = start().await;
    let (payment, payer) = owed(&world).await;
    let none = format!("0x{}", "7".repeat(64));
    // Its hours are not over: the payer may still use it.
    let early = paid_by(&world, &payment, &none, &[]).await;
    ended(&early, 4);
    assert!(String::from_utf8_lossy(&early.stderr).contains("open"), "{early:?}");
    turn(&clock, 2);
    due(&world, &payment).await;

    ended(&paid_by(&world, &payment, &none, &[]).await, 4);
    let treasury = Wallet::random();
    world.chain.mint(treasury.address, 10 * PRICE).await;
    for (to, units) in
        [(payer.address, PRICE - 1), (payer.address, PRICE + 1), (Wallet::random().address, PRICE)]
    {
        let other = sent(&world, treasury.address, to, units).await;
        ended(&paid_by(&world, &payment, &other, &[]).await, 4);
    }
    assert_eq!(state(&world, &payment).await, "refund_due");

    let whole = sent(&world, treasury.address, payer.address, PRICE).await;
    let dry = ended(&paid_by(&world, &payment, &whole, &["--dry-run"]).await, 10);
    assert_eq!(
        (&dry["amount_minor"], state(&world, &payment).await.as_str()),
        (&json!(PRICE), "refund_due"),
        "{dry}"
    );
    let paid = ended(&paid_by(&world, &payment, &whole, &[]).await, 0);
    assert_eq!((&paid["tx_hash"], &paid["state"]), (&json!(whole), &json!("refunded")), "{paid}");
    assert_eq!(
        (state(&world, &payment).await.as_str(), booked(&world, "liab:refund_due").await),
        ("refunded", 0)
    );
    assert_eq!(booked(&world, "asset:usdc_refund").await, -i128::from(PRICE));
    ended(&paid_by(&world, &payment, &whole, &[]).await, 4);
    let verified = world.gateway.run(&["ledger", "verify"]).await;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_transfer_does_not_pay_two_debts_and_one_from_pay_to_leaves_its_account() {
    let (world, clock, _dir) = start().await;
    let (first, payer) = owed(&world).await;
    turn(&clock, 2);
    due(&world, &first).await;
    world.core().behave(Behaviour::Reject);
    world.chain.mint(payer.address, PRICE).await;
    turn(&clock, 0);
    let second =
        world.launch(&payer, "refused too").await.refused(400, "LAUNCH_007").payment_id().unwrap();
    turn(&clock, 2);
    due(&world, &second).await;
    let whole = sent(&world, world.terms.pay_to, payer.address, PRICE).await;
    ended(&paid_by(&world, &first, &whole, &[]).await, 0);
    let used = paid_by(&world, &second, &whole, &[]).await;
    ended(&used, 4);
    assert!(String::from_utf8_lossy(&used.stderr).contains("another debt"), "{used:?}");
    assert_eq!(
        (booked(&world, "asset:usdc_hot").await, booked(&world, "liab:refund_due").await),
        (PRICE.into(), -i128::from(PRICE))
    );
    assert_eq!(world.chain.balance(world.terms.pay_to).await, PRICE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_a_reorganisation_takes_away_is_booked_back() {
    let (world, clock, _dir) = start().await;
    let (payment, payer) = owed(&world).await;
    turn(&clock, 2);
    due(&world, &payment).await;
    world.chain.mine(70).await;
    let treasury = Wallet::random();
    world.chain.mint(treasury.address, PRICE).await;
    let whole = sent(&world, treasury.address, payer.address, PRICE).await;
    ended(&paid_by(&world, &payment, &whole, &[]).await, 0);
    world.chain.reorg(1, &[]).await;
    world.chain.mine(70).await;
    let compared = world.gateway.run(&["reconcile"]).await;
    assert_eq!(state(&world, &payment).await, "refund_due", "{compared:?}");
    assert_eq!(
        (booked(&world, "asset:usdc_refund").await, booked(&world, "liab:refund_due").await),
        (0, -i128::from(PRICE))
    );
    let again = sent(&world, treasury.address, payer.address, PRICE).await;
    ended(&paid_by(&world, &payment, &again, &[]).await, 0);
    assert_eq!(state(&world, &payment).await, "refunded");
}
