//! Events: signed, sent, tried again, held, turned round and repeated.

use std::sync::atomic::Ordering;

use sandbox::stripe::webhook::sign;
use sandbox::stripe::{Order, Resend, WEBHOOK_SECRET};
use serde_json::json;

use crate::support::*;

async fn wired() -> (World, Target) {
    let (world, target) = (World::new().await, Target::new().await);
    world.emulator.set_webhook(Some(&target.url)).unwrap();
    (world, target)
}

#[tokio::test]
async fn each_outcome_tells_its_event_signed() {
    let (world, target) = wired().await;
    let paid = world.pay("pm_card_visa").await;
    let charge = world.charge_of(&paid).await;
    world.pay("pm_card_chargeDeclined").await;
    let waiting = world.pay("pm_card_authenticationRequired").await;
    world.post(&format!("{INTENTS}/{}/cancel", waiting.body["id"].as_str().unwrap()), &[]).await;
    world
        .post(REFUNDS, &[("payment_intent", paid.body["id"].as_str().unwrap()), ("amount", "10")])
        .await;
    let dispute = world.emulator.open_dispute(&charge, "fraudulent").unwrap();
    world.emulator.close_dispute(dispute["id"].as_str().unwrap(), false).unwrap();
    let expected = [
        "payment_intent.succeeded",
        "shared_payment.granted_token.used",
        "payment_intent.payment_failed",
        "payment_intent.canceled",
        "charge.refunded",
        "charge.dispute.created",
        "charge.dispute.closed",
    ];
    assert_eq!(target.kinds(expected.len()).await, expected);
    let events = target.events(expected.len()).await;
    assert_eq!(events[0].1["data"]["object"], paid.body);
    assert_eq!((&events[0].1["livemode"], &events[0].1["created"]), (&json!(false), &json!(NOW)));
    assert_eq!(events[5].1["data"]["object"]["charge"], charge);
    for (signature, body) in target.received.lock().unwrap().iter() {
        assert_eq!(*signature, sign(WEBHOOK_SECRET, NOW, body));
    }
    let id = events[0].1["id"].as_str().unwrap();
    assert_eq!(world.get(&format!("/v1/events/{id}")).await.body, events[0].1);
}

#[tokio::test]
async fn a_failed_delivery_is_tried_again() {
    let (world, target) = wired().await;
    target.failures.store(2, Ordering::SeqCst);
    world.pay("pm_card_chargeDeclined").await;
    assert_eq!(target.kinds(1).await, ["payment_intent.payment_failed"]);
}

#[tokio::test]
async fn held_events_come_in_the_order_that_is_asked_for() {
    let (world, target) = wired().await;
    world.emulator.hold_webhooks().unwrap();
    world.pay("pm_card_visa").await;
    world.pay("pm_card_chargeDeclined").await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(target.received.lock().unwrap().is_empty());
    world.emulator.release_webhooks(Order::Reversed).unwrap();
    let expected = [
        "payment_intent.payment_failed",
        "shared_payment.granted_token.used",
        "payment_intent.succeeded",
    ];
    assert_eq!(target.kinds(3).await, expected);
}

#[tokio::test]
async fn an_event_is_sent_again_late_or_wrongly_signed() {
    let (world, target) = wired().await;
    world.pay("pm_card_chargeDeclined").await;
    let first = target.events(1).await;
    let id = first[0].1["id"].as_str().unwrap();
    world.emulator.send_event(id, Resend::default()).unwrap();
    world
        .emulator
        .send_event(id, Resend { signed_at_unix_s: Some(NOW - 301), ..Resend::default() })
        .unwrap();
    world.emulator.send_event(id, Resend { wrong_signature: true, ..Resend::default() }).unwrap();
    let events = target.events(4).await;
    assert!(events.iter().all(|(_, event)| *event == first[0].1), "the same bytes");
    assert_eq!(events[1].0, first[0].0);
    assert!(events[2].0.starts_with(&format!("t={},", NOW - 301)));
    assert_ne!(events[3].0, first[0].0);
    assert!(world.emulator.send_event("evt_none", Resend::default()).is_err());
}
