//! Answers that leave a charge unknown.

use payments::ports::{CardError, CardOutcome};
use serde_json::{Value, json};

use super::{
    canned::{Heard, Reply},
    charge::settled,
    world::{charged, declined, error, page, payment},
};

#[tokio::test]
async fn a_busy_stripe_says_when_to_come_back() {
    let body = error("idempotency_error", "idempotency_key_in_use", json!({}));
    for (status, header, retry_after_s) in [
        (409, None, 1),
        (429, Some("7"), 7),
        (429, Some("soon"), 1),
        (429, Some("99999999"), 3_600),
    ] {
        let body = body.clone();
        let reply = move |_: &Heard| match header {
            Some(value) => Reply::json(status, &body).with("retry-after", value),
            None => Reply::json(status, &body),
        };
        assert_eq!(charged(reply).await.0, Err(CardError::Busy { retry_after_s }));
    }
}

#[tokio::test]
async fn a_fault_or_an_answer_that_cannot_be_read_leaves_the_payment_unknown() {
    for (status, text) in [
        (500, "{}"),
        (502, "<html>"),
        (503, ""),
        (302, ""),
        (402, "{}"),
        (400, r#"{"error":{"type":"api_error"}}"#),
        (200, "not json"),
        (200, "{}"),
        (200, r#"{"id":"pi_1","status":"succeeded"}"#),
    ] {
        let (outcome, stripe) = charged(move |_| Reply::text(status, text)).await;
        assert!(matches!(outcome, Err(CardError::Unreachable(_))), "{status} {text}: {outcome:?}");
        assert_eq!(
            stripe.lines(),
            ["POST /payment_intents"],
            "the next round sends again under the same key"
        );
    }
    let (outcome, _) = charged(|_| Reply::json(200, &payment("a_state_of_tomorrow"))).await;
    assert!(matches!(outcome, Err(CardError::Unreachable(_))), "{outcome:?}");
    let mut odd = payment("processing");
    odd["id"] = json!("../customers");
    let (outcome, stripe) = charged(move |_| Reply::json(200, &odd)).await;
    assert!(matches!(outcome, Err(CardError::Unreachable(_))), "{outcome:?}");
    assert_eq!(stripe.lines().len(), 1);
}

/// Stripe keeps a 500 and replays it for that key.
#[tokio::test]
async fn behind_a_kept_fault_only_the_list_knows() {
    let script = |found: Value| {
        move |call: &Heard| match call.line().as_str() {
            "POST /payment_intents" => Reply::text(500, "{}").replayed(),
            "POST /payment_intents/pi_1/cancel" => Reply::json(200, &payment("canceled")),
            _ => Reply::json(200, &page(found.clone())),
        }
    };
    assert_eq!(charged(script(json!([payment("succeeded")]))).await.0, Ok(settled()));
    assert_eq!(charged(script(json!([payment("processing")]))).await.0, Ok(CardOutcome::Pending));
    assert!(
        matches!(charged(script(json!([]))).await.0, Err(CardError::Unreachable(_))),
        "absence proves nothing yet"
    );
    // Made and never tried: it must not be tried later.
    let (outcome, stripe) = charged(script(json!([payment("requires_payment_method")]))).await;
    assert_eq!(outcome, Ok(declined("payment_canceled")));
    assert_eq!(stripe.lines()[2], "POST /payment_intents/pi_1/cancel");
}
