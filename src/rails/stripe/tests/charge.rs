//! Every row of the outcome map: what Stripe answers, and what that means for the payment.

use payments::{
    charge::{ChargeProof, Mischarge},
    ports::{CardError, CardOutcome},
};
use serde_json::{Value, json};

use super::{
    canned::{Heard, Reply},
    world::{KEY, TOKEN, charged, declined, error, page, payment},
};

/// This answer to the charge, and these to everything else.
pub(super) fn first(
    reply: impl Fn() -> Reply + Send + Sync + 'static,
    then: Value,
) -> impl Fn(&Heard) -> Reply + Send + Sync {
    move |call| match call.line().as_str() {
        "POST /payment_intents" => reply(),
        "GET /payment_intents" => Reply::json(200, &page(json!([]))),
        _ => Reply::json(200, &then),
    }
}

pub(super) fn settled() -> CardOutcome {
    CardOutcome::Settled(ChargeProof {
        payment_intent: String::from("pi_1"),
        charge: Some(String::from("ch_1")),
        livemode: false,
    })
}

#[tokio::test]
async fn a_payment_that_succeeded_is_settled_replayed_or_not() {
    let (outcome, stripe) = charged(|_| Reply::json(200, &payment("succeeded"))).await;
    assert_eq!(outcome, Ok(settled()));
    assert_eq!(stripe.lines().len(), 1);
    let (outcome, stripe) = charged(|_| Reply::json(200, &payment("succeeded")).replayed()).await;
    assert_eq!(outcome, Ok(settled()));
    assert_eq!(stripe.lines().len(), 1);
}

#[tokio::test]
async fn another_amount_or_currency_is_never_taken_for_the_price() {
    for (member, value, amount_minor, currency) in [
        ("amount_received", json!(59), 59, "usd"),
        ("currency", json!("eur"), 60, "eur"),
        ("amount", json!(61), 60, "usd"),
    ] {
        let mut other = payment("succeeded");
        other[member] = value;
        let (outcome, _) = charged(move |_| Reply::json(200, &other)).await;
        let currency = currency.to_owned();
        assert_eq!(
            outcome,
            Ok(CardOutcome::Mischarged(Mischarge {
                payment_intent: String::from("pi_1"),
                amount_minor,
                currency
            }))
        );
    }
}

#[tokio::test]
async fn real_money_in_a_test_is_nobodys_success() {
    let mut live = payment("succeeded");
    live["livemode"] = json!(true);
    let (outcome, _) = charged(move |_| Reply::json(200, &live)).await;
    assert!(matches!(outcome, Err(CardError::Misconfigured(_))), "{outcome:?}");
}

#[tokio::test]
async fn processing_is_asked_again_and_stays_pending() {
    let processing = || Reply::json(200, &payment("processing"));
    let (outcome, stripe) = charged(first(processing, payment("processing"))).await;
    assert_eq!(outcome, Ok(CardOutcome::Pending));
    assert_eq!(stripe.lines(), ["POST /payment_intents", "GET /payment_intents/pi_1"]);
    let (outcome, _) = charged(first(move || processing().replayed(), payment("succeeded"))).await;
    assert_eq!(outcome, Ok(settled()));
}

#[tokio::test]
async fn what_needs_somebody_has_failed_only_once_it_is_cancelled() {
    let action = || Reply::json(200, &payment("requires_action"));
    let (outcome, stripe) = charged(first(action, payment("canceled"))).await;
    assert_eq!(outcome, Ok(declined("authentication_required")));
    assert_eq!(stripe.lines(), ["POST /payment_intents", "POST /payment_intents/pi_1/cancel"]);
    assert_eq!(stripe.heard()[1].header("idempotency-key"), Some("cancel_pi_1_0"));

    // Too late: the holder was faster.
    let late = |now: Value| {
        move |call: &Heard| match call.line().as_str() {
            "POST /payment_intents" => action(),
            "POST /payment_intents/pi_1/cancel" => Reply::json(
                400,
                &error("invalid_request_error", "payment_intent_unexpected_state", json!({})),
            ),
            _ => Reply::json(200, &now),
        }
    };
    assert_eq!(charged(late(payment("succeeded"))).await.0, Ok(settled()));
    assert_eq!(charged(late(payment("processing"))).await.0, Ok(CardOutcome::Pending));
    assert!(matches!(
        charged(late(payment("requires_action"))).await.0,
        Err(CardError::Unreachable(_))
    ));

    let broken = move |call: &Heard| match call.line().as_str() {
        "POST /payment_intents" => action(),
        _ => Reply::text(500, "{}"),
    };
    assert!(matches!(charged(broken).await.0, Err(CardError::Unreachable(_))));
}

#[tokio::test]
async fn a_kept_answer_keeps_its_reason_after_the_cancellation() {
    let (outcome, _) = charged(first(
        || Reply::json(200, &payment("requires_action")).replayed(),
        payment("canceled"),
    ))
    .await;
    assert_eq!(outcome, Ok(declined("authentication_required")));
}

#[tokio::test]
async fn a_payment_without_a_working_card_has_failed() {
    let mut last = payment("requires_payment_method");
    last["last_payment_error"] = json!({"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds", "message": "x"});
    for (answer, word) in [
        (last, "insufficient_funds"),
        (payment("requires_payment_method"), "card_declined"),
        (payment("canceled"), "payment_canceled"),
    ] {
        assert_eq!(charged(move |_| Reply::json(200, &answer)).await.0, Ok(declined(word)));
    }
}

#[tokio::test]
async fn a_charge_that_waits_to_be_captured_is_cancelled_and_an_operators_matter() {
    let (outcome, stripe) =
        charged(first(|| Reply::json(200, &payment("requires_capture")), payment("canceled")))
            .await;
    assert!(matches!(outcome, Err(CardError::Misconfigured(_))), "{outcome:?}");
    assert_eq!(stripe.lines()[1], "POST /payment_intents/pi_1/cancel");
    let (outcome, _) = charged(first(
        || Reply::json(200, &payment("requires_capture")).replayed(),
        payment("canceled"),
    ))
    .await;
    assert_eq!(
        outcome,
        Ok(declined("payment_canceled")),
        "what is known to be cancelled is no longer unknown"
    );
}

#[tokio::test]
async fn a_declined_card_is_a_failure_with_the_processors_word() {
    let partial = json!({"decline_code": "insufficient_funds", "payment_intent": {"id": "pi_1", "status": "requires_payment_method"}});
    for (members, word) in [
        (partial, "insufficient_funds"),
        (json!({}), "card_declined"),
        (json!({"decline_code": "Not a word!"}), "card_declined"),
        (json!({"payment_intent": {"id": "pi_1"}}), "card_declined"),
    ] {
        let body = error("card_error", "card_declined", members);
        assert_eq!(charged(move |_| Reply::json(402, &body)).await.0, Ok(declined(word)));
    }
}

#[tokio::test]
async fn a_decline_of_a_payment_that_goes_on_is_not_believed() {
    let body = error(
        "card_error",
        "card_declined",
        json!({"payment_intent": {"id": "pi_1", "status": "processing"}}),
    );
    let (outcome, _) = charged(first(move || Reply::json(402, &body), payment("succeeded"))).await;
    assert_eq!(outcome, Ok(settled()));
}

/// The sentences are those of the emulator and of the SDKs' tests; Stripe documents no codes.
#[tokio::test]
async fn a_refused_token_is_a_failure_with_a_stable_word() {
    for (code, message, word) in [
        ("", "This shared payment granted token has already been used.", "payment_token_consumed"),
        ("shared_payment_granted_token_consumed", "", "payment_token_consumed"),
        ("", "This shared payment granted token has expired.", "payment_token_expired"),
        ("", "This shared payment granted token has been revoked.", "payment_token_revoked"),
        (
            "",
            "The amount of the payment exceeds the usage limits of the shared payment granted token.",
            "payment_token_over_limit",
        ),
        (
            "",
            "The currency of the payment does not match the shared payment granted token.",
            "payment_token_wrong_currency",
        ),
        (
            "",
            "This shared payment granted token was granted to another seller.",
            "payment_token_for_another_seller",
        ),
        (
            "resource_missing",
            "No such shared_payment.granted_token: 'spt_consumed'",
            "payment_token_unknown",
        ),
        ("", "Not today.", "payment_token_refused"),
    ] {
        let members = json!({"message": message, "param": "shared_payment_granted_token"});
        let body = error("invalid_request_error", code, members);
        let (outcome, stripe) = charged(first(move || Reply::json(400, &body), Value::Null)).await;
        assert_eq!(outcome, Ok(declined(word)), "{message}");
        assert_eq!(stripe.lines(), ["POST /payment_intents", "GET /payment_intents"]);
    }
}

#[tokio::test]
async fn a_token_that_this_very_charge_consumed_is_a_payment() {
    let consumed =
        json!({"message": "has already been used", "param": "shared_payment_granted_token"});
    let listed = |found: Value| {
        let body = error("invalid_request_error", "", consumed.clone());
        charged(move |call| match call.line().as_str() {
            "POST /payment_intents" => Reply::json(400, &body),
            _ => Reply::json(200, &page(found.clone())),
        })
    };
    let mut strangers = payment("succeeded");
    strangers["metadata"] = json!({"gateway_payment_id": "pay_00000000000000000000000000000008"});
    assert_eq!(listed(json!([strangers, payment("succeeded")])).await.0, Ok(settled()));
    assert_eq!(listed(json!([strangers])).await.0, Ok(declined("payment_token_consumed")));
}

#[tokio::test]
async fn a_mistake_of_ours_is_no_failure_of_the_payment() {
    let rows = [
        (400, error("idempotency_error", "", json!({}))),
        (400, Value::Null),
        (
            401,
            error(
                "invalid_request_error",
                "",
                json!({"message": format!("Invalid API Key provided: {KEY}")}),
            ),
        ),
        (403, error("invalid_request_error", "", json!({}))),
        (404, error("invalid_request_error", "", json!({"message": "Unrecognized request URL"}))),
    ];
    for (status, body) in rows {
        let (outcome, _) = charged(move |_| Reply::json(status, &body)).await;
        let Err(CardError::Misconfigured(why)) = &outcome else { panic!("{status}: {outcome:?}") };
        assert!(why.contains(&format!("HTTP status {status}")) && why.contains("req_1"), "{why}");
        assert!(!why.contains(KEY) && !why.contains(TOKEN), "{why}");
    }
}
