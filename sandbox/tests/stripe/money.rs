//! Refunds, disputes, and the balance that all of them move.

mod disputes;
mod payouts;

use serde_json::{Value, json};

use crate::support::*;

async fn balance(world: &World) -> Vec<[Value; 4]> {
    let page = world.get("/v1/balance_transactions?limit=100").await.body;
    let entries = page["data"].as_array().unwrap().iter().rev();
    entries
        .map(|it| {
            [
                it["reporting_category"].clone(),
                it["amount"].clone(),
                it["fee"].clone(),
                it["net"].clone(),
            ]
        })
        .collect()
}

async fn refund(world: &World, intent: &str, amount: Option<&str>) -> Answer {
    let mut form = vec![("payment_intent", intent), ("reason", "requested_by_customer")];
    form.extend(amount.map(|amount| ("amount", amount)));
    world.post(REFUNDS, &form).await
}

#[tokio::test]
async fn a_charge_costs_29_thousandths_and_30_cents() {
    let world = World::new().await;
    for (amount, fee) in [("50", 31), ("60", 32), ("1200", 65), ("17", 0), ("1000000", 29_030)] {
        let limits = [
            ("payment_method", "pm_card_visa"),
            ("usage_limits[currency]", "usd"),
            ("usage_limits[max_amount]", amount),
        ];
        let token = world.post(GRANT, &limits).await.body["id"].as_str().unwrap().to_owned();
        let form = [
            ("amount", amount),
            ("currency", "usd"),
            ("confirm", "true"),
            ("shared_payment_granted_token", &token),
        ];
        let paid = world.post(INTENTS, &form).await;
        if fee == 0 {
            assert_eq!((paid.status, paid.error()), (400, "amount_too_small"));
            continue;
        }
        let charge = world.charge_of(&paid).await;
        let entries = world.get(&format!("/v1/balance_transactions?source={charge}")).await.body;
        let entry = &entries["data"][0];
        let amount: i64 = amount.parse().unwrap();
        assert_eq!(
            (&entry["amount"], &entry["fee"], &entry["net"]),
            (&json!(amount), &json!(fee), &json!(amount - fee))
        );
        let charge = world.get(&format!("/v1/charges/{charge}")).await.body;
        assert_eq!(charge["balance_transaction"], entry["id"]);
    }
}

#[tokio::test]
async fn a_charge_is_refunded_in_parts_and_never_beyond() {
    let world = World::new().await;
    let paid = world.pay("pm_card_visa").await;
    let intent = paid.body["id"].as_str().unwrap();
    let part = refund(&world, intent, Some("20")).await;
    assert_eq!(
        (part.status, &part.body["status"], &part.body["amount"]),
        (200, &json!("succeeded"), &json!(20)),
        "{}",
        part.body
    );
    let beyond = refund(&world, intent, Some("41")).await;
    assert_eq!((beyond.status, beyond.error()), (400, "charge_already_refunded"));
    let rest = refund(&world, intent, None).await;
    assert_eq!(rest.body["amount"], 40, "{}", rest.body);
    let again = refund(&world, intent, None).await;
    assert_eq!((again.status, again.error()), (400, "charge_already_refunded"));
    let charge = world.get(&format!("/v1/charges/{}", world.charge_of(&paid).await)).await.body;
    assert_eq!((&charge["refunded"], &charge["amount_refunded"]), (&json!(true), &json!(60)));
    let listed = world.get(&format!("{REFUNDS}?payment_intent={intent}")).await.body;
    assert_eq!(listed["data"], json!([rest.body, part.body]));
    assert_eq!(
        world.get(&format!("{REFUNDS}/{}", part.body["id"].as_str().unwrap())).await.body,
        part.body
    );
    let expected = [
        [json!("charge"), json!(60), json!(32), json!(28)],
        [json!("refund"), json!(-20), json!(0), json!(-20)],
        [json!("refund"), json!(-40), json!(0), json!(-40)],
    ];
    assert_eq!(balance(&world).await, expected);
}

#[tokio::test]
async fn a_refund_fails_after_it_succeeded_and_the_charge_owes_it_again() {
    let (world, target) = (World::new().await, Target::new().await);
    let paid = world.pay("pm_card_visa").await;
    let (intent, charge) = (paid.body["id"].as_str().unwrap(), world.charge_of(&paid).await);
    world.emulator.set_webhook(Some(&target.url)).unwrap();
    let made = refund(&world, intent, None).await.body;
    let settle = format!("/_emulator/refunds/{}/settle", made["id"].as_str().unwrap());
    assert_eq!(
        world.control(&settle, json!({"succeeds": true})).await.status,
        400,
        "it has succeeded"
    );
    let failed = world.control(&settle, json!({"succeeds": false})).await;
    assert_eq!((failed.status, &failed.body["status"]), (200, &json!("failed")), "{}", failed.body);
    assert_eq!(world.control(&settle, json!({"succeeds": false})).await.status, 400, "once");
    assert_eq!(
        target.kinds(4).await,
        ["charge.refunded", "refund.updated", "charge.refund.updated", "refund.failed"]
    );
    let charge = world.get(&format!("/v1/charges/{charge}")).await.body;
    assert_eq!((&charge["refunded"], &charge["amount_refunded"]), (&json!(false), &json!(0)));
    assert_eq!(balance(&world).await[2], [json!("refund_failure"), json!(60), json!(0), json!(60)]);
    assert_eq!(
        refund(&world, intent, None).await.body["status"],
        "succeeded",
        "what failed may be tried again"
    );
}

#[tokio::test]
async fn refunds_are_pending_until_they_are_decided_or_fail_at_once() {
    let world = World::new().await;
    let paid = world.pay("pm_card_visa").await;
    let intent = paid.body["id"].as_str().unwrap();
    assert_eq!(world.control("/_emulator/refunds", json!({"status": "pending"})).await.status, 200);
    let pending = refund(&world, intent, Some("20")).await.body;
    assert_eq!(pending["status"], "pending");
    assert_eq!(refund(&world, intent, Some("41")).await.status, 400, "what is pending counts");
    let settle = format!("/_emulator/refunds/{}/settle", pending["id"].as_str().unwrap());
    assert_eq!(world.control(&settle, json!({"succeeds": true})).await.body["status"], "succeeded");
    assert_eq!(world.control("/_emulator/refunds", json!({"status": "failed"})).await.status, 200);
    assert_eq!(
        refund(&world, intent, Some("40")).await.body["failure_reason"],
        "expired_or_canceled_card"
    );
    let charge = world.get(&format!("/v1/charges/{}", world.charge_of(&paid).await)).await.body;
    assert_eq!(charge["amount_refunded"], 20);
}

#[tokio::test]
async fn a_fault_that_a_key_keeps_is_told_for_a_day() {
    let world = World::new().await;
    let paid = world.pay("pm_card_visa").await;
    let form = [("payment_intent", paid.body["id"].as_str().unwrap())];
    let rule = json!({"method": "POST", "path": REFUNDS, "fault": "error_kept"});
    assert_eq!(world.control("/_emulator/faults", rule).await.status, 200);
    for replayed in [None, Some("true")] {
        let kept = world.post_key(REFUNDS, &form, "kept").await;
        assert_eq!((kept.status, kept.header("idempotent-replayed")), (500, replayed));
    }
    assert_eq!(world.get(REFUNDS).await.body["data"], json!([]), "nothing was done");
    assert_eq!(world.post_key(REFUNDS, &form, "another").await.status, 200);
}

#[tokio::test]
async fn only_a_paid_charge_is_refunded() {
    let world = World::new().await;
    let waiting =
        world.pay("pm_card_authenticationRequired").await.body["id"].as_str().unwrap().to_owned();
    let declined = world.pay("pm_card_chargeDeclined").await.body["error"]["payment_intent"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for intent in [waiting.as_str(), &declined, "pi_none"] {
        assert_eq!(refund(&world, intent, None).await.status, 400);
    }
    for form in [
        &[][..],
        &[("payment_intent", "pi"), ("charge", "ch")],
        &[("payment_intent", "pi"), ("reason", "mood")],
    ] {
        assert_eq!(world.post(REFUNDS, form).await.status, 400);
    }
}
