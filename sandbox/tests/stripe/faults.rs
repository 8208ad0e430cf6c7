//! What goes wrong on demand, and what is true afterwards.

use std::time::Duration;

use sandbox::stripe::{Fault, Rule};
use serde_json::{Value, json};

use crate::support::*;

async fn failing(fault: Fault) -> (World, String) {
    let world = World::new().await;
    let token = world.token("pm_card_visa").await;
    world.emulator.fault(Rule::once("POST", INTENTS, fault)).unwrap();
    (world, token)
}

async fn intents(world: &World) -> Vec<Value> {
    world.get(INTENTS).await.body["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_connection_dropped_before_changes_nothing() {
    let (world, token) = failing(Fault::DropBefore).await;
    assert!(world.try_post(INTENTS, &paying(&token), Some("key")).await.is_none());
    assert!(intents(&world).await.is_empty());
    let paid = world.post_key(INTENTS, &paying(&token), "key").await;
    assert_eq!((paid.status, paid.header("idempotent-replayed")), (200, None));
}

#[tokio::test]
async fn a_connection_dropped_after_has_paid() {
    for fault in [Fault::DropAfter, Fault::HangAfter { ms: 100 }] {
        let (world, token) = failing(fault).await;
        assert!(world.try_post(INTENTS, &paying(&token), Some("key")).await.is_none());
        assert_eq!(intents(&world).await.len(), 1);
        let replayed = world.post_key(INTENTS, &paying(&token), "key").await;
        assert_eq!((replayed.status, replayed.header("idempotent-replayed")), (200, Some("true")));
        assert_eq!(replayed.body["status"], "succeeded");
        assert_eq!(intents(&world).await.len(), 1);
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_changes_nothing() {
    let (world, token) = failing(Fault::Delay { ms: 200 }).await;
    let form = paying(&token);
    let gave_up = tokio::time::timeout(
        Duration::from_millis(50),
        world.try_post(INTENTS, &form, Some("key")),
    )
    .await;
    assert!(gave_up.is_err());
    tokio::time::sleep(Duration::from_millis(500)).await;
    let replayed = world.post_key(INTENTS, &form, "key").await;
    assert_eq!((replayed.status, replayed.header("idempotent-replayed")), (200, Some("true")));
}

#[tokio::test]
async fn an_error_after_the_work_is_stored_and_replayed() {
    let (world, token) = failing(Fault::ErrorAfter).await;
    for replayed in [None, Some("true")] {
        let answer = world.post_key(INTENTS, &paying(&token), "key").await;
        assert_eq!(
            (answer.status, answer.error(), answer.header("idempotent-replayed")),
            (500, "api_error", replayed)
        );
    }
    let intents = intents(&world).await;
    assert_eq!(
        (intents.len(), &intents[0]["status"]),
        (1, &json!("succeeded")),
        "the money was taken"
    );
}

#[tokio::test]
async fn an_error_before_the_work_is_not_stored() {
    let refusals = [
        (Fault::ErrorBefore, 500, "api_error"),
        (Fault::RateLimited { retry_after_s: 7 }, 429, "rate_limit"),
        (Fault::Conflict, 409, "idempotency_key_in_use"),
    ];
    for (fault, status, error) in refusals {
        let (world, token) = failing(fault).await;
        let answer = world.post_key(INTENTS, &paying(&token), "key").await;
        assert_eq!((answer.status, answer.error()), (status, error));
        assert_eq!(answer.header("retry-after"), (status == 429).then_some("7"));
        assert!(intents(&world).await.is_empty());
        let paid = world.post_key(INTENTS, &paying(&token), "key").await;
        assert_eq!((paid.status, paid.header("idempotent-replayed")), (200, None));
    }
}

#[tokio::test]
async fn an_answer_can_tell_another_amount_and_currency() {
    let wrong = Fault::WrongAnswer { amount: Some(50), currency: Some("eur".to_owned()) };
    let (world, token) = failing(wrong).await;
    let told = world.post(INTENTS, &paying(&token)).await.body;
    assert_eq!(
        (&told["amount"], &told["amount_received"], &told["currency"]),
        (&json!(50), &json!(50), &json!("eur"))
    );
    let real = &intents(&world).await[0];
    assert_eq!(
        (&real["amount"], &real["amount_received"], &real["currency"]),
        (&json!(60), &json!(60), &json!("usd"))
    );
}

#[tokio::test]
async fn a_rule_counts_and_fits_its_route_alone() {
    let world = World::new().await;
    let rule =
        Rule { times: 2, ..Rule::once("GET", "/v1/payment_intents/:id", Fault::ErrorBefore) };
    world.emulator.fault(rule).unwrap();
    assert_eq!(world.get(INTENTS).await.status, 200);
    for status in [500, 500, 404] {
        assert_eq!(world.get("/v1/payment_intents/pi_none").await.status, status);
    }
    world.emulator.fault(Rule::once("*", "/v1/account", Fault::ErrorBefore)).unwrap();
    world.emulator.clear_faults().unwrap();
    assert_eq!(world.get("/v1/account").await.status, 200);
}
