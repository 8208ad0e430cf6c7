//! Payouts, by schedule and by hand, and entries of the account itself.

use serde_json::{Value, json};

use super::refund;
use crate::support::*;

#[tokio::test]
async fn the_schedule_pays_everything_out_and_names_what_is_in_it() {
    let world = World::new().await;
    let paid = world.pay("pm_card_visa").await;
    refund(&world, paid.body["id"].as_str().unwrap(), Some("20")).await;
    assert_eq!(
        world.get("/v1/balance").await.body["available"][0]["amount"],
        8,
        "60 less 32 for the charge and the 20 that went back"
    );
    let payout = world.control("/_emulator/payouts", json!({})).await.body;
    let id = payout["id"].as_str().unwrap();
    assert_eq!(
        (&payout["amount"], &payout["status"], &payout["automatic"]),
        (&json!(8), &json!("paid"), &json!(true)),
        "{payout}"
    );
    assert_eq!(world.get("/v1/balance").await.body["available"][0]["amount"], 0);
    let entries = world
        .get(&format!("/v1/balance_transactions?payout={id}&expand[0]=data.source"))
        .await
        .body;
    let told: Vec<_> = entries["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["type"].clone(), it["net"].clone()))
        .collect();
    assert_eq!(
        told,
        [(json!("payout"), json!(-8)), (json!("refund"), json!(-20)), (json!("charge"), json!(28))]
    );
    assert_eq!(entries["data"][2]["source"]["payment_intent"], paid.body["id"]);
    assert_eq!(world.get("/v1/payouts").await.body["data"], json!([payout]));
    assert_eq!(world.control("/_emulator/payouts", json!({})).await.status, 400, "nothing is left");
}

#[tokio::test]
async fn a_payout_by_hand_names_nothing_and_one_that_fails_comes_back_with_the_next() {
    let world = World::new().await;
    world.pay("pm_card_visa").await;
    let by_hand =
        world.control("/_emulator/payouts", json!({"manual": true, "amount": 8})).await.body;
    let listed = world
        .get(&format!("/v1/balance_transactions?payout={}", by_hand["id"].as_str().unwrap()))
        .await;
    assert_eq!(
        (listed.status, &by_hand["reconciliation_status"]),
        (400, &json!("not_applicable")),
        "{}",
        listed.body
    );
    let sent = world.control("/_emulator/payouts", json!({"status": "pending"})).await.body;
    let settle = format!("/_emulator/payouts/{}/settle", sent["id"].as_str().unwrap());
    assert_eq!((&sent["amount"], &sent["status"]), (&json!(20), &json!("pending")));
    assert_eq!(world.control(&settle, json!({"succeeds": true})).await.body["status"], "paid");
    let failed = world.control(&settle, json!({"succeeds": false})).await.body;
    assert_eq!(
        (&failed["status"], &failed["failure_code"]),
        (&json!("failed"), &json!("account_closed")),
        "{failed}"
    );
    assert_eq!(world.control(&settle, json!({"succeeds": false})).await.status, 400, "once");
    let next = world.control("/_emulator/payouts", json!({})).await.body;
    let entries = world
        .get(&format!("/v1/balance_transactions?payout={}", next["id"].as_str().unwrap()))
        .await
        .body;
    let told: Vec<_> = entries["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["type"].clone(), it["source"].clone()))
        .collect();
    assert_eq!(
        told[..2],
        [(json!("payout"), next["id"].clone()), (json!("payout_failure"), failed["id"].clone())],
        "{entries}"
    );
}

#[tokio::test]
async fn an_entry_of_the_account_itself_moves_the_balance() {
    let world = World::new().await;
    world.pay("pm_card_visa").await;
    let added = world
        .control("/_emulator/balance_transactions", json!({"amount": -25, "type": "stripe_fee"}))
        .await
        .body;
    assert_eq!(
        (&added["type"], &added["net"], &added["source"]),
        (&json!("stripe_fee"), &json!(-25), &Value::Null),
        "{added}"
    );
    assert_eq!(
        world.get("/v1/balance").await.body["available"],
        json!([{"amount": 3, "currency": "usd", "source_types": {"card": 3}}])
    );
}
