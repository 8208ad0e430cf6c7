//! What one account does and another does not, asked for over HTTP.

use serde_json::{Value, json};

use crate::support::*;

async fn behaves(world: &World, how: Value) {
    let answer = world.control("/_emulator/behaviour", how).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn a_strict_account_knows_the_documented_spelling_alone() {
    let world = World::new().await;
    behaves(&world, json!({"documented_spelling_only": true})).await;
    let token = world.token("pm_card_visa").await;
    let refused = world.post(INTENTS, &paying(&token)).await;
    assert_eq!((refused.status, refused.error()), (400, "parameter_unknown"));
    let mut form = paying(&token);
    form[3].0 = "payment_method_data[shared_payment_granted_token]";
    assert_eq!(world.post(INTENTS, &form).await.status, 200);
}

#[tokio::test]
async fn a_token_can_be_consumed_by_its_amount() {
    let world = World::new().await;
    behaves(&world, json!({"tokens_by_amount": true})).await;
    let mut form = granting("pm_card_visa");
    form[2].1 = "120";
    let token = world.post(GRANT, &form).await.body["id"].as_str().unwrap().to_owned();
    assert_eq!(world.post(INTENTS, &paying(&token)).await.status, 200);
    assert_eq!(world.post(INTENTS, &paying(&token)).await.status, 200);
    assert_eq!(world.post(INTENTS, &paying(&token)).await.status, 400);
}

#[tokio::test]
async fn limits_can_be_null_fingerprints_new_and_money_local() {
    let world = World::new().await;
    behaves(&world, json!({"hides_usage_limits": true, "account": "acct_other"})).await;
    let granted = world.post(GRANT, &granting("pm_card_newFingerprint")).await.body;
    assert_eq!(granted["usage_limits"], Value::Null);
    let other = world.post(GRANT, &granting("pm_card_newFingerprint")).await.body;
    let fingerprint =
        |token: &Value| token["payment_method_details"]["card"]["fingerprint"].clone();
    assert_ne!(fingerprint(&granted), fingerprint(&other));
    assert_eq!(world.get("/v1/account").await.body["id"], "acct_other");
    let paid = world.pay("pm_local").await;
    assert!(world.charge_of(&paid).await.starts_with("py_"));
    assert_eq!(
        world.get("/v1/balance_transactions?type=payment").await.body["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(world.get("/v1/balance_transactions?type=charge").await.body["data"], json!([]));
}

#[tokio::test]
async fn an_account_has_its_rate() {
    let world = World::new().await;
    behaves(&world, json!({"calls_per_second": 2})).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(world.get("/v1/account").await.status);
    }
    assert_eq!(statuses, [200, 200, 429]);
    world.pass(1);
    assert_eq!(world.get("/v1/account").await.status, 200);
}

#[tokio::test]
async fn a_thin_event_names_its_object() {
    let (world, target) = (World::new().await, Target::new().await);
    world.control("/_emulator/webhooks", json!({"url": target.url})).await;
    behaves(&world, json!({"thin_events": true})).await;
    let paid = world.pay("pm_card_visa").await;
    let event = target.events(2).await[0].1.clone();
    assert_eq!(
        (&event["type"], &event["data"]),
        (&json!("v1.payment_intent.succeeded"), &Value::Null)
    );
    assert_eq!(event["related_object"]["id"], paid.body["id"]);
}
