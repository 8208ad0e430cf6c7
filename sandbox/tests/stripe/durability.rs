//! A killed emulator comes back as it was.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use sandbox::stripe::{Emulator, EmulatorConfig, EmulatorError, Fault, Rule};
use serde_json::{Value, json};

use crate::support::*;

async fn open(dir: &std::path::Path, time: &Arc<AtomicU64>) -> World {
    let config = EmulatorConfig { dir: Some(dir.to_owned()), ..config(time) };
    World { emulator: Emulator::start(config).await.unwrap(), time: Arc::clone(time) }
}

/// Everything that a client can see.
async fn picture(world: &World) -> Value {
    let mut pages = Vec::new();
    for kind in
        ["payment_intents", "charges", "refunds", "disputes", "balance_transactions", "events"]
    {
        pages.push(world.get(&format!("/v1/{kind}?limit=100")).await.body);
    }
    json!(pages)
}

#[tokio::test]
async fn a_reopened_emulator_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let time = Arc::new(AtomicU64::new(NOW));
    let world = open(dir.path(), &time).await;
    let token = world.token("pm_card_visa").await;
    let paid = world.post_key(INTENTS, &paying(&token), "key").await;
    let charge = world.charge_of(&paid).await;
    world.post(REFUNDS, &[("charge", charge.as_str()), ("amount", "10")]).await;
    world.emulator.open_dispute(&charge, "fraudulent").unwrap();
    world.pay("pm_card_chargeDeclined").await;
    let pending = world.pay("pm_card_processing").await;
    world.emulator.set_clock_offset(100).unwrap();
    let before = picture(&world).await;
    world.emulator.stop().await;
    let world = open(dir.path(), &time).await;
    assert_eq!(picture(&world).await, before);
    let replayed = world.post_key(INTENTS, &paying(&token), "key").await;
    assert_eq!(
        (replayed.header("idempotent-replayed"), &replayed.body),
        (Some("true"), &paid.body)
    );
    let granted = world.post(GRANT, &granting("pm_card_visa")).await.body;
    assert_eq!(granted["created"], NOW + 100);
    assert_ne!(granted["id"], json!(token), "no id is given twice");
    world.emulator.settle_intent(pending.body["id"].as_str().unwrap(), true).unwrap();
}

#[tokio::test]
async fn a_torn_record_is_one_that_nobody_was_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let time = Arc::new(AtomicU64::new(NOW));
    let world = open(dir.path(), &time).await;
    world.pay("pm_card_visa").await;
    let before = picture(&world).await;
    let log = dir.path().join("stripe.log");
    let whole = std::fs::metadata(&log).unwrap().len();
    world.pay("pm_card_mastercard").await;
    world.emulator.stop().await;
    let file = std::fs::OpenOptions::new().write(true).open(&log).unwrap();
    file.set_len(whole + 5).unwrap();
    let world = open(dir.path(), &time).await;
    assert_eq!(picture(&world).await, before);
    assert_eq!(world.pay("pm_card_visa").await.status, 200);
}

/// What was answered, or committed before the answer was lost, is in the file already: a copy of it
/// taken at that moment tells the same.
#[tokio::test]
async fn what_is_answered_is_on_the_disk() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let time = Arc::new(AtomicU64::new(NOW));
    let world = open(dir.path(), &time).await;
    let token = world.token("pm_card_visa").await;
    world.emulator.fault(Rule::once("POST", INTENTS, Fault::DropAfter)).unwrap();
    assert!(world.try_post(INTENTS, &paying(&token), Some("key")).await.is_none());
    std::fs::copy(dir.path().join("stripe.log"), copy.path().join("stripe.log")).unwrap();
    let killed = open(copy.path(), &time).await;
    assert_eq!(picture(&killed).await, picture(&world).await);
    let replayed = killed.post_key(INTENTS, &paying(&token), "key").await;
    assert_eq!((replayed.status, replayed.header("idempotent-replayed")), (200, Some("true")));
}

#[tokio::test]
async fn undelivered_events_are_sent_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let time = Arc::new(AtomicU64::new(NOW));
    let target = Target::new().await;
    let world = open(dir.path(), &time).await;
    world.emulator.set_webhook(Some("http://127.0.0.1:9/")).unwrap();
    world.pay("pm_card_chargeDeclined").await;
    world.emulator.stop().await;
    let config = EmulatorConfig {
        dir: Some(dir.path().to_owned()),
        webhook_url: Some(target.url.clone()),
        ..config(&time)
    };
    let emulator = Emulator::start(config).await.unwrap();
    assert_eq!(target.kinds(1).await, ["payment_intent.payment_failed"]);
    drop(emulator);
}

#[tokio::test]
async fn two_emulators_never_share_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let time = Arc::new(AtomicU64::new(NOW));
    let world = open(dir.path(), &time).await;
    let second = EmulatorConfig { dir: Some(dir.path().to_owned()), ..config(&time) };
    assert!(matches!(Emulator::start(second).await, Err(EmulatorError::Log(_))));
    assert_eq!(world.pay("pm_card_visa").await.status, 200);
}
