//! Refunds, disputes, and the balance that all of them move.

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
