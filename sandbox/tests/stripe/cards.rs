//! What each test payment method does.

use serde_json::{Value, json};

use crate::support::*;

#[tokio::test]
async fn good_methods_pay() {
    let world = World::new().await;
    for method in [
        "pm_card_visa",
        "pm_card_mastercard",
        "pm_link",
        "pm_card_noFingerprint",
        "pm_card_createDispute",
    ] {
        let paid = world.pay(method).await;
        assert_eq!(paid.status, 200, "{method}: {}", paid.body);
        let intent = &paid.body;
        assert_eq!(
            (&intent["status"], &intent["amount_received"], &intent["livemode"]),
            (&json!("succeeded"), &json!(60), &json!(false))
        );
        let charge = world.get(&format!("/v1/charges/{}", world.charge_of(&paid).await)).await.body;
        assert_eq!(
            (&charge["paid"], &charge["amount"], &charge["payment_intent"]),
            (&json!(true), &json!(60), &intent["id"]),
            "{method}"
        );
        assert_eq!(
            world.get(&format!("{INTENTS}/{}", intent["id"].as_str().unwrap())).await.body,
            *intent
        );
    }
}

#[tokio::test]
async fn a_declined_card_is_402_with_the_intent_inside() {
    let world = World::new().await;
    let declines = [
        ("chargeDeclined", "card_declined", "generic_decline"),
        ("generic_decline", "card_declined", "generic_decline"),
        ("chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ];
    for (name, code, decline_code) in declines {
        for prefix in ["pm_card_", "pm_card_visa_"] {
            let method = format!("{prefix}{name}");
            let token = world.token(&method).await;
            let answer = world.post(INTENTS, &paying(&token)).await;
            let error = &answer.body["error"];
            assert_eq!(
                (answer.status, &error["type"]),
                (402, &json!("card_error")),
                "{method}: {}",
                answer.body
            );
            assert_eq!(
                (&error["code"], &error["decline_code"]),
                (&json!(code), &json!(decline_code)),
                "{method}"
            );
            let intent = &error["payment_intent"];
            assert_eq!(
                (&intent["status"], &intent["amount_received"]),
                (&json!("requires_payment_method"), &json!(0)),
                "{method}"
            );
            assert_eq!(intent["last_payment_error"]["decline_code"], decline_code);
            let charge =
                world.get(&format!("/v1/charges/{}", error["charge"].as_str().unwrap())).await.body;
            assert_eq!(
                (&charge["status"], &charge["paid"], &charge["failure_code"]),
                (&json!("failed"), &json!(false), &json!(code))
            );
            let token = world.get(&format!("/v1/shared_payment/granted_tokens/{token}")).await.body;
            assert_eq!(token["deactivated_at"], Value::Null, "a declined token is not used up");
        }
    }
    assert_eq!(world.get("/v1/balance_transactions").await.body["data"], json!([]));
}

#[tokio::test]
async fn a_card_that_needs_its_holder_waits_and_can_be_canceled() {
    let world = World::new().await;
    let waiting = world.pay("pm_card_authenticationRequired").await;
    assert_eq!(
        (waiting.status, &waiting.body["status"]),
        (200, &json!("requires_action")),
        "{}",
        waiting.body
    );
    assert_eq!(
        (&waiting.body["latest_charge"], &waiting.body["amount_received"]),
        (&Value::Null, &json!(0))
    );
    assert!(waiting.body["next_action"].is_object());
    let cancel = format!("{INTENTS}/{}/cancel", waiting.body["id"].as_str().unwrap());
    let canceled = world.post(&cancel, &[]).await;
    assert_eq!(
        (canceled.status, &canceled.body["status"]),
        (200, &json!("canceled")),
        "{}",
        canceled.body
    );
    assert_eq!(canceled.body["canceled_at"], NOW);
    let again = world.post(&cancel, &[]).await;
    assert_eq!((again.status, again.error()), (400, "payment_intent_unexpected_state"));
    assert_eq!(again.body["error"]["payment_intent"]["status"], "canceled");
}

#[tokio::test]
async fn what_is_paid_cannot_be_canceled() {
    let world = World::new().await;
    for method in ["pm_card_visa", "pm_card_processing"] {
        let paid = world.pay(method).await;
        let answer = world
            .post(&format!("{INTENTS}/{}/cancel", paid.body["id"].as_str().unwrap()), &[])
            .await;
        assert_eq!(
            (answer.status, answer.error()),
            (400, "payment_intent_unexpected_state"),
            "{method}"
        );
    }
}

#[tokio::test]
async fn a_processing_payment_holds_its_token_until_it_is_settled() {
    let world = World::new().await;
    for succeeds in [true, false] {
        let token = world.token("pm_card_processing").await;
        let pending = world.post(INTENTS, &paying(&token)).await;
        assert_eq!(
            (pending.status, &pending.body["status"]),
            (200, &json!("processing")),
            "{}",
            pending.body
        );
        let second = world.post(INTENTS, &paying(&token)).await;
        assert_eq!(second.status, 400, "{}", second.body);
        let charge = world.charge_of(&pending).await;
        let id = pending.body["id"].as_str().unwrap();
        let settled = world.emulator.settle_intent(id, succeeds).unwrap();
        let (status, received) =
            if succeeds { ("succeeded", 60) } else { ("requires_payment_method", 0) };
        assert_eq!(
            (&settled["status"], &settled["amount_received"]),
            (&json!(status), &json!(received))
        );
        assert_eq!(settled["latest_charge"], charge, "the pending charge goes on");
        assert_eq!(world.get(&format!("/v1/charges/{charge}")).await.body["paid"], succeeds);
        assert!(world.emulator.settle_intent(id, succeeds).is_err(), "it is settled once");
        let token = world.get(&format!("/v1/shared_payment/granted_tokens/{token}")).await.body;
        assert_eq!(
            token["deactivated_reason"],
            if succeeds { json!("consumed") } else { Value::Null }
        );
    }
}

#[tokio::test]
async fn an_unknown_method_is_refused() {
    let world = World::new().await;
    for method in ["pm_card_visa_", "pm_unknown", "pm_card_chargedeclined", "card_visa"] {
        let answer = world.post(GRANT, &granting(method)).await;
        assert_eq!((answer.status, answer.error()), (400, "resource_missing"), "{method}");
    }
}
