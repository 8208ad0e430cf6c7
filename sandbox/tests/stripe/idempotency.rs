//! Idempotency keys (<https://docs.stripe.com/api/idempotent_requests>).

use std::time::Duration;

use sandbox::stripe::{Fault, Rule};
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn the_first_answer_is_replayed() {
    let world = World::new().await;
    let token = world.token("pm_card_visa").await;
    let first = world.post_key(INTENTS, &paying(&token), "key").await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (200, None), "{}", first.body);
    assert_eq!(first.header("idempotency-key"), Some("key"));
    let second = world.post_key(INTENTS, &paying(&token), "key").await;
    assert_eq!((second.status, second.header("idempotent-replayed")), (200, Some("true")));
    assert_eq!(second.body, first.body);
    assert_eq!(second.header("original-request"), first.header("request-id"));
    assert_ne!(second.header("request-id"), first.header("request-id"));
    assert_eq!(world.get(INTENTS).await.body["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_decline_and_a_refusal_are_replayed() {
    let world = World::new().await;
    let token = world.token("pm_card_chargeDeclined").await;
    for (form, key, status) in
        [(paying(&token), "declined", 402), (paying("spt_unknown"), "unknown", 400)]
    {
        let first = world.post_key(INTENTS, &form, key).await;
        let second = world.post_key(INTENTS, &form, key).await;
        assert_eq!((first.status, second.status), (status, status), "{}", first.body);
        assert_eq!(
            (second.header("idempotent-replayed"), &second.body),
            (Some("true"), &first.body)
        );
    }
    assert_eq!(
        world.get("/v1/charges").await.body["data"].as_array().unwrap().len(),
        1,
        "the card was asked once"
    );
}

#[tokio::test]
async fn a_request_that_never_began_leaves_its_key_free() {
    let world = World::new().await;
    let token = world.token("pm_card_visa").await;
    let malformed = [
        [&paying(&token)[..], &[("amount", "sixty")]].concat(),
        [&paying(&token)[..], &[("colour", "red")]].concat(),
        [&paying(&token)[..], &[("amount", "49")]].concat(),
        vec![("amount", "60"), ("currency", "usd")],
    ];
    for form in malformed {
        let refused = world.post_key(INTENTS, &form, "key").await;
        assert_eq!(
            (refused.status, refused.header("idempotent-replayed")),
            (400, None),
            "{}",
            refused.body
        );
    }
    let paid = world.post_key(INTENTS, &paying(&token), "key").await;
    assert_eq!((paid.status, paid.header("idempotent-replayed")), (200, None), "{}", paid.body);
}

#[tokio::test]
async fn other_parameters_are_refused() {
    let world = World::new().await;
    let token = world.token("pm_card_visa").await;
    assert_eq!(world.post_key(INTENTS, &paying(&token), "key").await.status, 200);
    let other = world
        .post_key(INTENTS, &[&paying(&token)[..], &[("description", "another")]].concat(), "key")
        .await;
    assert_eq!(
        (other.status, &other.body["error"]["type"]),
        (400, &json!("idempotency_error")),
        "{}",
        other.body
    );
    let elsewhere = world.post_key(REFUNDS, &paying(&token), "key").await;
    assert_eq!(
        (elsewhere.status, &elsewhere.body["error"]["type"]),
        (400, &json!("idempotency_error"))
    );
    let mut turned = paying(&token);
    turned.reverse();
    assert_eq!(
        world.post_key(INTENTS, &turned, "key").await.header("idempotent-replayed"),
        Some("true"),
        "order does not matter"
    );
}

#[tokio::test]
async fn a_twin_in_flight_is_refused_and_the_first_goes_on() {
    let world = World::new().await;
    let token = world.token("pm_card_visa").await;
    world.emulator.fault(Rule::once("POST", INTENTS, Fault::Delay { ms: 400 })).unwrap();
    let form = paying(&token);
    let (first, twin) = tokio::join!(world.post_key(INTENTS, &form, "key"), async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        world.post_key(INTENTS, &form, "key").await
    });
    assert_eq!((twin.status, twin.error()), (409, "idempotency_key_in_use"), "{}", twin.body);
    assert_eq!((first.status, &first.body["status"]), (200, &json!("succeeded")));
    let later = world.post_key(INTENTS, &form, "key").await;
    assert_eq!((later.header("idempotent-replayed"), &later.body), (Some("true"), &first.body));
}

#[tokio::test]
async fn twins_at_once_pay_once() {
    let world = World::new().await;
    let token = world.token("pm_card_visa").await;
    let form = paying(&token);
    let answers = futures_of(8, || world.post_key(INTENTS, &form, "key")).await;
    assert!(answers.iter().all(|answer| [200, 409].contains(&answer.status)));
    assert!(answers.iter().any(|answer| answer.status == 200));
    assert_eq!(world.get("/v1/charges").await.body["data"].as_array().unwrap().len(), 1);
}

async fn futures_of<F: Future<Output = Answer>>(count: usize, make: impl Fn() -> F) -> Vec<Answer> {
    let (a, b, c, d) = tokio::join!(make(), make(), make(), make());
    let (e, f, g, h) = tokio::join!(make(), make(), make(), make());
    let all = vec![a, b, c, d, e, f, g, h];
    assert_eq!(all.len(), count);
    all
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let world = World::new().await;
    let token = world.token("pm_card_visa").await;
    assert_eq!(world.post_key(INTENTS, &paying(&token), "key").await.status, 200);
    world.pass(24 * 60 * 60 - 1);
    assert_eq!(
        world.post_key(INTENTS, &paying(&token), "key").await.header("idempotent-replayed"),
        Some("true")
    );
    world.pass(1);
    let fresh = world.token("pm_card_visa").await;
    let paid = world.post_key(INTENTS, &paying(&fresh), "key").await;
    assert_eq!((paid.status, paid.header("idempotent-replayed")), (200, None), "{}", paid.body);
}

#[tokio::test]
async fn a_key_has_at_most_255_characters() {
    let world = World::new().await;
    let token = world.token("pm_card_visa").await;
    assert_eq!(world.post_key(INTENTS, &paying(&token), &"k".repeat(256)).await.status, 400);
    assert_eq!(world.post_key(INTENTS, &paying(&token), &"k".repeat(255)).await.status, 200);
}
