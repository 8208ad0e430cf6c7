//! Granted tokens: what they show, and when they may pay.

use sandbox::stripe::PROFILE;
use serde_json::{Value, json};

use crate::support::*;

async fn shown(world: &World, id: &str) -> Value {
    world.get(&format!("/v1/shared_payment/granted_tokens/{id}")).await.body
}

#[tokio::test]
async fn a_token_shows_its_card_its_limits_and_its_agent() {
    let world = World::new().await;
    let expires = (NOW + 600).to_string();
    let mut form = granting("pm_card_visa");
    form.extend([
        ("usage_limits[expires_at]", expires.as_str()),
        ("seller_details[network_id]", PROFILE),
        ("shared_metadata[order]", "7"),
    ]);
    let granted = world.post(GRANT, &form).await;
    assert_eq!(granted.status, 200, "{}", granted.body);
    let id = granted.body["id"].as_str().unwrap();
    assert!(id.starts_with("spt_"));
    let token = shown(&world, id).await;
    assert_eq!(token, granted.body);
    assert_eq!(token["object"], "shared_payment.granted_token");
    assert_eq!(token["livemode"], false);
    assert_eq!(token["created"], NOW);
    assert_eq!(token["deactivated_at"], Value::Null);
    assert_eq!(
        token["usage_limits"],
        json!({"currency": "usd", "max_amount": 60, "expires_at": NOW + 600})
    );
    assert_eq!(token["usage_details"]["amount_captured"], json!({"value": 0, "currency": "usd"}));
    assert_eq!(token["shared_metadata"], json!({"order": "7"}));
    assert!(
        token["agent_details"]["network_business_profile"]
            .as_str()
            .unwrap()
            .starts_with("profile_test_")
    );
    let card = &token["payment_method_details"]["card"];
    assert_eq!((&card["brand"], &card["last4"]), (&json!("visa"), &json!("4242")));
}

#[tokio::test]
async fn a_payer_has_one_fingerprint_and_payers_differ() {
    let world = World::new().await;
    let mut seen = Vec::new();
    for (method, customer) in [
        ("pm_card_visa", "cus_a"),
        ("pm_card_visa", "cus_a"),
        ("pm_card_visa", "cus_b"),
        ("pm_card_mastercard", "cus_a"),
    ] {
        let mut form = granting(method);
        form.push(("customer", customer));
        let token = world.post(GRANT, &form).await.body;
        seen.push(
            token["payment_method_details"]["card"]["fingerprint"].as_str().unwrap().to_owned(),
        );
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0] != seen[2] && seen[0] != seen[3] && seen[2] != seen[3], "{seen:?}");
    let link = world
        .post(GRANT, &[&granting("pm_link")[..], &[("customer", "cus_a")]].concat())
        .await
        .body;
    assert_eq!(link["payment_method_details"]["type"], "link");
    assert_eq!(link["payment_method_details"]["link"]["email"], "cus_a@link.sandbox.test");
    let plain = world.post(GRANT, &granting("pm_card_noFingerprint")).await.body;
    assert_eq!(plain["payment_method_details"]["card"]["fingerprint"], Value::Null);
}

#[tokio::test]
async fn a_token_pays_once() {
    let world = World::new().await;
    let token = world.token("pm_card_visa").await;
    let first = world.post(INTENTS, &paying(&token)).await;
    assert_eq!(
        (first.status, first.body["status"].as_str()),
        (200, Some("succeeded")),
        "{}",
        first.body
    );
    let second = world.post(INTENTS, &paying(&token)).await;
    assert_eq!((second.status, second.error()), (400, "invalid_request_error"), "{}", second.body);
    assert!(second.message().contains("already been used"), "{}", second.body);
    let shown = shown(&world, &token).await;
    assert_eq!(
        (&shown["deactivated_reason"], &shown["deactivated_at"]),
        (&json!("consumed"), &json!(NOW))
    );
    assert_eq!(shown["usage_details"]["amount_captured"]["value"], 60);
    assert_eq!(world.get(INTENTS).await.body["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_token_below_payment_method_data_pays_too() {
    let world = World::new().await;
    let token = world.token("pm_card_mastercard").await;
    let name = "payment_method_data[shared_payment_granted_token]";
    let form = [("amount", "60"), ("currency", "usd"), ("confirm", "true"), (name, &token)];
    let paid = world.post(INTENTS, &form).await;
    assert_eq!(
        (paid.status, paid.body["status"].as_str()),
        (200, Some("succeeded")),
        "{}",
        paid.body
    );
    let other = world.token("pm_card_visa").await;
    let both = world
        .post(INTENTS, &[&form[..], &[("shared_payment_granted_token", &other)]].concat())
        .await;
    assert_eq!(both.status, 400, "{}", both.body);
}

#[tokio::test]
async fn a_token_is_refused_outside_its_limits() {
    let world = World::new().await;
    let refused = async |token: &str, amount: &str, currency: &str, because: &str| {
        let form = [
            ("amount", amount),
            ("currency", currency),
            ("confirm", "true"),
            ("shared_payment_granted_token", token),
        ];
        let answer = world.post(INTENTS, &form).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.message().contains(because), "{} is not about {because}", answer.body);
    };
    refused("spt_unknown", "60", "usd", "No such").await;
    let token = world.token("pm_card_visa").await;
    refused(&token, "61", "usd", "exceeds").await;
    refused(&token, "60", "eur", "currency").await;
    refused(&token, "49", "usd", "at least").await;
    let expires = (NOW + 10).to_string();
    let expiring = world
        .post(
            GRANT,
            &[&granting("pm_card_visa")[..], &[("usage_limits[expires_at]", &expires)]].concat(),
        )
        .await;
    let foreign = world
        .post(
            GRANT,
            &[
                &granting("pm_card_visa")[..],
                &[("seller_details[network_id]", "profile_test_other")],
            ]
            .concat(),
        )
        .await;
    refused(foreign.body["id"].as_str().unwrap(), "60", "usd", "another seller").await;
    world.pass(10);
    let expiring = expiring.body["id"].as_str().unwrap();
    refused(expiring, "60", "usd", "expired").await;
    assert_eq!(shown(&world, expiring).await["deactivated_reason"], "expired");
    let revoked = world.post(&format!("{GRANT}/{token}/revoke"), &[]).await;
    assert_eq!(revoked.body["deactivated_reason"], "revoked", "{}", revoked.body);
    refused(&token, "60", "usd", "revoked").await;
    assert_eq!(world.post(&format!("{GRANT}/{token}/revoke"), &[]).await.status, 400);
    assert_eq!(world.get(INTENTS).await.body["data"], json!([]), "nothing was made");
}
