//! Words of Stripe that decide a charge, and a cancellation that it fails at.

use payments::ports::{CardError, CardRail};
use serde_json::{Value, json};

use super::{
    canned::{CannedStripe, Heard, Reply},
    charge::{first, settled},
    world::{AMOUNT, SAVED_AT, charged, declined, error, intent, payment, rail, saved},
};

/// Nothing was begun for them, and nothing ever will be.
#[tokio::test]
async fn r147_words_that_are_proof_decide() {
    let spelled = json!({"param": "shared_payment_granted_token"});
    let said = json!({"message": "Received unknown parameter: shared_payment_granted_token"});
    let token = json!({"message": "This shared payment granted token cannot be used.", "param": "shared_payment_granted_token"});
    for (status, body, word) in [
        (
            400,
            error("invalid_request_error", "parameter_unknown", spelled),
            "processor_refuses_parameters",
        ),
        (400, error("invalid_request_error", "", said), "processor_refuses_parameters"),
        (
            400,
            error("invalid_request_error", "amount_too_small", json!({"param": "amount"})),
            "processor_refuses_parameters",
        ),
        (402, error("invalid_request_error", "", token), "payment_token_refused"),
    ] {
        let told = body.clone();
        let (outcome, stripe) =
            charged(first(move || Reply::json(status, &told), Value::Null)).await;
        assert_eq!(
            (outcome, stripe.lines().len()),
            (Ok(declined(word)), 2),
            "an earlier try may have paid: the list tells"
        );
        let (url, stripe) =
            CannedStripe::start(first(move || Reply::json(status, &body), Value::Null)).await;
        let rail = rail(&url);
        let outcome = rail.charge(intent(), &saved(&rail), AMOUNT, SAVED_AT.plus_s(1)).await;
        assert_eq!(
            (outcome, stripe.lines().len()),
            (Ok(declined(word)), 1),
            "r144: no list for what was never sent"
        );
    }
    let (url, _stripe) = CannedStripe::start(first(|| Reply::text(424, "{}"), Value::Null)).await;
    let rail = rail(&url);
    let charge = saved(&rail);
    let early = rail.charge(intent(), &charge, AMOUNT, SAVED_AT.plus_s(1)).await;
    assert!(matches!(early, Err(CardError::Unreachable(_))), "{early:?}");
    let later = rail.charge(intent(), &charge, AMOUNT, SAVED_AT.plus_s(121)).await;
    assert_eq!(later, Ok(declined("external_dependency_failed")));
}

#[tokio::test]
async fn r149_a_failed_cancellation_is_asked_about_and_tried_under_another_key() {
    let script = |cancelled: &'static str| {
        move |call: &Heard| match call.line().as_str() {
            "POST /payment_intents" => Reply::json(200, &payment("requires_action")),
            "POST /payment_intents/pi_1/cancel" => Reply::text(500, "{}"),
            _ => Reply::json(200, &payment(cancelled)),
        }
    };
    assert_eq!(charged(script("canceled")).await.0, Ok(declined("authentication_required")));
    assert_eq!(charged(script("succeeded")).await.0, Ok(settled()));
    let (url, stripe) = CannedStripe::start(script("requires_action")).await;
    let rail = rail(&url);
    let charge = saved(&rail);
    for after_s in [1, 2, 301] {
        let outcome = rail.charge(intent(), &charge, AMOUNT, SAVED_AT.plus_s(after_s)).await;
        assert!(matches!(outcome, Err(CardError::Unreachable(_))), "{outcome:?}");
    }
    let heard = stripe.heard();
    let cancels = heard.iter().filter(|call| call.line().ends_with("/cancel"));
    let keys: Vec<_> =
        cancels.map(|call| call.header("idempotency-key").unwrap().to_owned()).collect();
    assert_eq!(keys, ["cancel_pi_1_0", "cancel_pi_1_0", "cancel_pi_1_1"]);
}
