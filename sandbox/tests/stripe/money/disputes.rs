//! Disputes: opened, won, lost, and by the card that disputes by itself.

use serde_json::json;

use super::{balance, refund};
use crate::support::*;

#[tokio::test]
async fn a_dispute_takes_the_money_and_a_won_one_gives_it_back() {
    for won in [true, false] {
        let world = World::new().await;
        let paid = world.pay("pm_card_visa").await;
        let charge = world.charge_of(&paid).await;
        let dispute = world.emulator.open_dispute(&charge, "fraudulent").unwrap();
        assert_eq!(
            (&dispute["status"], &dispute["amount"], &dispute["payment_intent"]),
            (&json!("needs_response"), &json!(60), &paid.body["id"])
        );
        assert!(world.emulator.open_dispute(&charge, "fraudulent").is_err(), "once");
        let refused = refund(&world, paid.body["id"].as_str().unwrap(), None).await;
        assert_eq!((refused.status, refused.error()), (400, "charge_disputed"));
        let closed = world.emulator.close_dispute(dispute["id"].as_str().unwrap(), won).unwrap();
        assert_eq!(closed["status"], if won { "won" } else { "lost" });
        assert!(
            world.emulator.close_dispute(dispute["id"].as_str().unwrap(), won).is_err(),
            "once"
        );
        let listed = world.get(&format!("/v1/disputes?charge={charge}")).await.body;
        assert_eq!(listed["data"], json!([closed]));
        let mut expected = vec![
            [json!("charge"), json!(60), json!(32), json!(28)],
            [json!("dispute"), json!(-60), json!(1500), json!(-1560)],
        ];
        if won {
            expected.push([json!("dispute_reversal"), json!(60), json!(0), json!(60)]);
        }
        assert_eq!(balance(&world).await, expected);
    }
}

#[tokio::test]
async fn the_disputing_card_disputes_a_minute_later() {
    let world = World::new().await;
    let paid = world.pay("pm_card_createDispute").await;
    let refunded = world.pay("pm_card_createDispute").await;
    assert_eq!(refund(&world, refunded.body["id"].as_str().unwrap(), None).await.status, 200);
    world.pass(59);
    assert_eq!(world.get("/v1/disputes").await.body["data"], json!([]));
    world.pass(1);
    let disputes = world.get("/v1/disputes").await.body;
    assert_eq!(disputes["data"].as_array().unwrap().len(), 1, "what was refunded is not disputed");
    assert_eq!(disputes["data"][0]["payment_intent"], paid.body["id"]);
}

#[tokio::test]
async fn a_dispute_is_told_while_nobody_calls() {
    let (world, target) = (World::new().await, Target::new().await);
    world.pay("pm_card_createDispute").await;
    world.emulator.set_webhook(Some(&target.url)).unwrap();
    world.pass(60);
    assert_eq!(target.kinds(1).await, ["charge.dispute.created"]);
}
