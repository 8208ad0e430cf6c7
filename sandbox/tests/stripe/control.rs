//! The handle's methods over HTTP.

use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::support::*;

#[tokio::test]
async fn faults_are_asked_for_over_http() {
    let world = World::new().await;
    let rule = json!({"method": "POST", "path": INTENTS, "fault": "rate_limited", "retry_after_s": 3, "times": 2});
    assert_eq!(world.control("/_emulator/faults", rule.clone()).await.status, 200);
    let rules = send(Request::get(world.url("/_emulator/faults")).body(Full::default()).unwrap())
        .await
        .unwrap();
    assert_eq!(rules.body, json!([rule]));
    let limited = world.pay("pm_card_visa").await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("3")));
    assert_eq!(world.control("/_emulator/faults/clear", json!({})).await.status, 200);
    assert_eq!(world.pay("pm_card_visa").await.status, 200);
    for body in [
        json!({}),
        json!({"method": "POST", "path": "/", "fault": "earthquake"}),
        json!({"offset": 1}),
    ] {
        let answer = world.control("/_emulator/faults", body).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
    }
}

#[tokio::test]
async fn the_story_of_a_payment_is_steered_over_http() {
    let (world, target) = (World::new().await, Target::new().await);
    assert_eq!(world.control("/_emulator/webhooks", json!({"url": target.url})).await.status, 200);
    assert_eq!(world.control("/_emulator/webhooks/hold", json!({})).await.status, 200);
    let pending = world.pay("pm_card_processing").await;
    let settle =
        format!("/_emulator/payment_intents/{}/settle", pending.body["id"].as_str().unwrap());
    assert_eq!(world.control(&settle, json!({"succeeds": true})).await.body["status"], "succeeded");
    assert_eq!(world.control(&settle, json!({"succeeds": true})).await.status, 400);
    let charge = world.charge_of(&pending).await;
    let dispute = world
        .control(&format!("/_emulator/charges/{charge}/dispute"), json!({"reason": "general"}))
        .await
        .body;
    assert_eq!(dispute["reason"], "general");
    let close = format!("/_emulator/disputes/{}/close", dispute["id"].as_str().unwrap());
    assert_eq!(world.control(&close, json!({"won": true})).await.body["status"], "won");
    assert_eq!(
        world.control("/_emulator/webhooks/release", json!({"order": "reversed"})).await.status,
        200
    );
    let expected = [
        "charge.dispute.closed",
        "charge.dispute.created",
        "shared_payment.granted_token.used",
        "payment_intent.succeeded",
    ];
    assert_eq!(target.kinds(4).await, expected);
    let event = target.events(4).await[0].1["id"].as_str().unwrap().to_owned();
    assert_eq!(
        world.control(&format!("/_emulator/events/{event}/send"), json!({})).await.status,
        200
    );
    assert_eq!(target.kinds(5).await[4], "charge.dispute.closed");
    assert_eq!(world.control("/_emulator/clock", json!({"offset_s": -500})).await.status, 200);
    assert_eq!(world.post(GRANT, &granting("pm_card_visa")).await.body["created"], NOW - 500);
    assert_eq!(world.control("/_emulator/search", json!({"lag_s": 60})).await.status, 200);
    assert_eq!(world.control("/_emulator/webhooks", json!({"url": "ftp://x"})).await.status, 400);
    assert_eq!(world.control("/_emulator/nothing", json!({})).await.status, 400);
}

#[tokio::test]
async fn a_reset_forgets_all_but_the_target() {
    let (world, target) = (World::new().await, Target::new().await);
    world.emulator.set_webhook(Some(&target.url)).unwrap();
    let token = world.token("pm_card_visa").await;
    world.post_key(INTENTS, &paying(&token), "key").await;
    target.events(2).await;
    assert_eq!(world.control("/_emulator/reset", json!({})).await.status, 200);
    assert_eq!(world.get(INTENTS).await.body["data"], json!([]));
    assert_eq!(world.post_key(INTENTS, &paying(&token), "key").await.error(), "resource_missing");
    assert_ne!(world.token("pm_card_visa").await, token);
    world.pay("pm_card_visa").await;
    target.events(4).await;
}

#[tokio::test]
async fn calls_are_seen_without_their_tokens() {
    let world = World::new().await;
    let token = world.token("pm_card_visa").await;
    world.get(&format!("/v1/shared_payment/granted_tokens/{token}")).await;
    world.post_key(INTENTS, &paying(&token), "key").await;
    world.post_key(INTENTS, &paying(&token), "key").await;
    let calls = send(Request::get(world.url("/_emulator/calls")).body(Full::default()).unwrap())
        .await
        .unwrap()
        .body;
    assert!(!calls.to_string().contains(&token), "{calls}");
    let calls = calls.as_array().unwrap();
    assert_eq!(calls.len(), 4);
    let expected = json!({"method": "POST", "path": INTENTS, "idempotency_key": "key", "status": 200, "replayed": true});
    assert_eq!(calls[3], expected);
    assert_eq!(calls[1]["idempotency_key"], Value::Null);
}

#[tokio::test]
async fn a_page_of_another_origin_cannot_steer_it() {
    let world = World::new().await;
    let request = Request::post(world.url("/_emulator/reset"))
        .header("content-type", "text/plain")
        .body(Full::from("{}"))
        .unwrap();
    assert_eq!(send(request).await.unwrap().status, 400);
}
