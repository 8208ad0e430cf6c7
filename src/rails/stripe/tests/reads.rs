//! Tokens, facts and readiness.

use std::sync::{Arc, atomic::Ordering};

use payments::{
    charge::PaymentToken,
    ports::{
        CardError, CardRail, ChargeFacts, Dispute, DisputeState, FraudWarning, StablePayer,
        TokenView,
    },
};
use serde_json::{Value, json};

use super::{
    super::StripeRail,
    canned::{CannedStripe, Reply},
    world::{SAVED_AT, TOKEN, TestClock, TestSealer, config, error, page, payment, rail},
};

fn token() -> Value {
    json!({
        "id": TOKEN, "object": "shared_payment.granted_token", "livemode": false, "created": 1, "deactivated_at": null, "deactivated_reason": null,
        "agent_details": {"network_business_profile": "profile_agent"}, "risk_details": null, "shared_metadata": {},
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "4242", "fingerprint": "fp_1"}},
        "usage_limits": {"currency": "usd", "max_amount": 1200, "expires_at": 1_900_000_000},
        "usage_details": {"amount_captured": {"value": 200, "currency": "usd"}},
    })
}

async fn view(status: u16, answer: Value) -> Result<TokenView, CardError> {
    let (url, stripe) = CannedStripe::start(move |_| Reply::json(status, &answer)).await;
    let view = rail(&url).token(&PaymentToken::parse(TOKEN).unwrap()).await;
    assert_eq!(stripe.lines(), [format!("GET /shared_payment/granted_tokens/{TOKEN}")]);
    view
}

#[tokio::test]
async fn a_token_is_told_as_stripe_tells_it() {
    let expected = TokenView {
        payer: StablePayer::CardFingerprint(String::from("fp_1")),
        agent_profile: Some(String::from("profile_agent")),
        livemode: false,
        deactivated: None,
        currency: Some(String::from("usd")),
        left_minor: Some(1_000),
        expires_unix_s: Some(1_900_000_000),
    };
    assert_eq!(view(200, token()).await, Ok(expected));
}

#[tokio::test]
async fn the_payer_is_what_stays_the_same_from_one_token_to_the_next() {
    for (method, payer) in [
        (
            json!({"type": "link", "link": {"email": "Ann@Example.COM"}}),
            StablePayer::LinkEmail(String::from("ann@example.com")),
        ),
        (json!({"type": "card", "card": {"fingerprint": null}}), StablePayer::TokenAlone),
        (
            json!({"type": "card", "card": {"fingerprint": ""}, "link": {"email": ""}}),
            StablePayer::TokenAlone,
        ),
        (json!({"type": "us_bank_account"}), StablePayer::TokenAlone),
        (Value::Null, StablePayer::TokenAlone),
    ] {
        let mut token = token();
        token["payment_method_details"] = method;
        token["agent_details"] = Value::Null;
        token["usage_details"] = Value::Null;
        let view = view(200, token).await.unwrap();
        assert_eq!((view.payer, view.agent_profile, view.left_minor), (payer, None, Some(1_200)));
    }
}

#[tokio::test]
async fn a_token_without_limits_is_limited_by_its_charge_alone() {
    for limits in
        [Value::Null, json!({}), json!({"currency": null, "max_amount": null, "expires_at": null})]
    {
        let mut token = token();
        token["usage_limits"] = limits;
        let view = view(200, token).await.unwrap();
        assert_eq!((view.currency, view.left_minor, view.expires_unix_s), (None, None, None));
    }
}

#[tokio::test]
async fn a_spent_token_says_why_and_has_nothing_left() {
    let mut spent = token();
    spent["deactivated_at"] = json!(5);
    spent["usage_details"]["amount_captured"]["value"] = json!(1_300);
    let seen = view(200, spent.clone()).await.unwrap();
    assert_eq!((seen.deactivated.as_deref(), seen.left_minor), (Some("deactivated"), Some(0)));
    spent["deactivated_reason"] = json!("consumed");
    assert_eq!(view(200, spent).await.unwrap().deactivated.as_deref(), Some("consumed"));
}

#[tokio::test]
async fn a_token_that_stripe_does_not_know_is_unknown_and_no_fault_of_ours() {
    let missing = error("invalid_request_error", "resource_missing", json!({}));
    assert_eq!(view(404, missing.clone()).await, Err(CardError::UnknownToken));
    assert_eq!(view(400, missing).await, Err(CardError::UnknownToken));
    assert!(matches!(
        view(404, json!({"error": {"message": "Unrecognized request URL"}})).await,
        Err(CardError::Misconfigured(_))
    ));
    assert!(matches!(view(401, json!({})).await, Err(CardError::Misconfigured(_))));
    assert!(matches!(view(500, json!({})).await, Err(CardError::Unreachable(_))));
    let mut live = token();
    live["livemode"] = json!(true);
    assert!(matches!(view(200, live).await, Err(CardError::Misconfigured(_))));
}

#[tokio::test]
async fn facts_are_what_went_back_and_the_disputes_oldest_first() {
    let dispute = |id: &str, status: &str| json!({"id": id, "amount": 60, "status": status, "livemode": false});
    let (url, stripe) = CannedStripe::start(move |call| match call.line().as_str() {
        "GET /payment_intents/pi_1" => Reply::json(200, &payment("succeeded")),
        "GET /charges/ch_1" => Reply::json(200, &json!({"id": "ch_1", "amount_refunded": 25, "livemode": false, "disputed": true})),
        "GET /radar/early_fraud_warnings" => Reply::json(200, &page(json!([{"id": "issfr_1", "fraud_type": "misc", "livemode": false}]))),
        "GET /refunds" => {
            let refund = |amount: u64, status: &str, metadata: serde_json::Value| {
                json!({"id": "re_1", "amount": amount, "status": status, "created": 1, "metadata": metadata})
            };
            let ours = json!({"gateway_payment_id": "pay_1"});
            Reply::json(200, &page(json!([refund(20, "pending", json!({})), refund(5, "succeeded", ours), refund(9, "failed", json!({}))])))
        }
        _ => {
            let all = [
                ("du_5", "under_review"),
                ("du_4", "warning_needs_response"),
                ("du_3", "lost"),
                ("du_2", "won"),
                ("du_1", "needs_response"),
            ];
            Reply::json(200, &page(all.iter().map(|(id, status)| dispute(id, status)).collect()))
        }
    })
    .await;
    let facts = rail(&url).facts("pi_1").await.unwrap();
    let expected = |id: &str, state, status: &str| Dispute {
        id: id.to_owned(),
        amount_cents: 60,
        state,
        status: status.to_owned(),
        reason: String::from("unknown"),
        due_by: None,
    };
    let disputes = vec![
        expected("du_1", DisputeState::Open, "needs_response"),
        expected("du_2", DisputeState::Won, "won"),
        expected("du_3", DisputeState::Lost, "lost"),
        expected("du_4", DisputeState::Inquiry, "warning_needs_response"),
        expected("du_5", DisputeState::Open, "under_review"),
    ];
    let warnings = vec![FraudWarning { id: String::from("issfr_1"), kind: String::from("misc") }];
    assert_eq!(
        facts,
        ChargeFacts {
            refunded_cents: 25,
            ours_cents: 5,
            disputes,
            warnings,
            unrecognised: Vec::new()
        }
    );
    assert_eq!(
        stripe.heard().iter().find(|call| call.line() == "GET /disputes").unwrap().query,
        "limit=100&payment_intent=pi_1"
    );
    assert!(matches!(rail(&url).facts("pi_1/../x").await, Err(CardError::Unreachable(_))));
}

#[tokio::test]
async fn r145_a_dispute_in_an_unknown_state_is_not_guessed_and_hides_nothing_else() {
    let (url, _) = CannedStripe::start(|call| match call.line().as_str() {
        "GET /payment_intents/pi_1" => Reply::json(200, &payment("succeeded")),
        "GET /charges/ch_1" => Reply::json(200, &json!({"amount_refunded": 10, "livemode": false})),
        "GET /refunds" => {
            Reply::json(200, &page(json!([{"id": "re_1", "amount": 10, "status": "succeeded", "created": 1, "metadata": {}}])))
        }
        // A key that may not read warnings.
        "GET /radar/early_fraud_warnings" => Reply::json(403, &json!({"error": {"type": "invalid_request_error"}})),
        _ => Reply::json(200, &page(json!([{"id": "du_1", "amount": 60, "status": "of_tomorrow", "livemode": false}]))),
    })
    .await;
    let facts = rail(&url).facts("pi_1").await.unwrap();
    assert_eq!(
        (facts.refunded_cents, facts.disputes[0].state, facts.disputes[0].status.as_str()),
        (10, DisputeState::Unrecognised, "of_tomorrow")
    );
}

#[tokio::test]
async fn readiness_is_asked_now_and_then_and_names_a_wrong_key() {
    let (url, stripe) = CannedStripe::start(|_| Reply::text(401, "{}")).await;
    let clock = Arc::new(TestClock(SAVED_AT.ms().into()));
    let rail = StripeRail::new(&config(&url), Arc::new(TestSealer), clock.clone()).unwrap();
    for _ in 0..3 {
        assert!(matches!(rail.ready().await, Err(CardError::Misconfigured(_))));
    }
    assert_eq!(stripe.lines().len(), 1);
    clock.0.fetch_add(5_000, Ordering::Relaxed);
    rail.ready().await.unwrap_err();
    assert_eq!(stripe.lines().len(), 2);
}

#[tokio::test]
async fn a_stripe_that_answers_in_the_other_mode_is_not_ready() {
    let mut live = payment("succeeded");
    live["livemode"] = json!(true);
    for (listed, ready) in
        [(json!([]), true), (json!([payment("succeeded")]), true), (json!([live]), false)]
    {
        let (url, _) = CannedStripe::start(move |_| Reply::json(200, &page(listed.clone()))).await;
        assert_eq!(rail(&url).ready().await.is_ok(), ready);
    }
}
