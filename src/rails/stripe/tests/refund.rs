//! Money on its way back.

use payments::{
    charge::{Refund, RefundState},
    ports::{CardError, CardRail, RefundOutcome},
    time::UnixMs,
};
use serde_json::{Value, json};

use super::{
    canned::{CannedStripe, Heard, Reply},
    world::{AMOUNT, HOUR_MS, SAVED_AT, error, form, intent, page, rail},
};

fn approved() -> Refund {
    Refund::approved(intent(), String::from("pi_1"), AMOUNT.get(), 1, SAVED_AT)
}

fn refund(status: &str) -> Value {
    json!({"id": "re_1", "object": "refund", "status": status, "amount": 60, "created": SAVED_AT.unix_s(),
        "metadata": {"gateway_payment_id": intent().to_string()}})
}

async fn round(
    now: UnixMs,
    script: impl Fn(&Heard) -> Reply + Send + Sync + 'static,
) -> (Result<RefundOutcome, CardError>, CannedStripe) {
    let (url, stripe) = CannedStripe::start(script).await;
    (rail(&url).refund(&approved(), now).await.map(|answer| answer.outcome), stripe)
}

/// This answer to the refund, and this list.
fn script(status: u16, body: Value, listed: Value) -> impl Fn(&Heard) -> Reply + Send + Sync {
    move |call| match call.line().as_str() {
        "POST /refunds" if status >= 500 => Reply::json(status, &body).replayed(),
        "POST /refunds" => Reply::json(status, &body),
        "GET /refunds" => Reply::json(200, &page(listed.clone())),
        _ => Reply::json(200, &listed[0]),
    }
}

#[tokio::test]
async fn a_refund_is_asked_for_under_its_key_with_its_amount() {
    let (outcome, stripe) = round(SAVED_AT, script(200, refund("succeeded"), json!([]))).await;
    assert_eq!(outcome, Ok(RefundOutcome::Refunded));
    let heard = &stripe.heard()[0];
    assert_eq!(heard.header("idempotency-key"), Some(format!("refund_{}_1", intent()).as_str()));
    let sent = form(&heard.body);
    assert_eq!((sent["payment_intent"].as_str(), sent["amount"].as_str()), ("pi_1", "60"));
    assert_eq!(sent["reason"], "requested_by_customer");
    assert_eq!(sent["metadata[gateway_payment_id]"], intent().to_string());
}

#[tokio::test]
async fn a_kept_answer_that_was_pending_is_read_again() {
    for (now, outcome) in [
        ("succeeded", RefundOutcome::Refunded),
        ("pending", RefundOutcome::Pending),
        ("failed", RefundOutcome::Failed),
    ] {
        let (told, stripe) =
            round(SAVED_AT, script(200, refund("pending"), json!([refund(now)]))).await;
        assert_eq!(told, Ok(outcome));
        assert_eq!(stripe.lines(), ["POST /refunds", "GET /refunds/re_1"]);
    }
    let (told, _) = round(SAVED_AT, script(200, refund("of_tomorrow"), json!([]))).await;
    assert!(matches!(told, Err(CardError::Unreachable(_))), "{told:?}");
}

#[tokio::test]
async fn what_was_given_back_already_is_known_by_the_list() {
    let already = || error("invalid_request_error", "charge_already_refunded", json!({}));
    let mut by_hand = refund("succeeded");
    by_hand["metadata"] = json!({});
    let mut partly = by_hand.clone();
    partly["amount"] = json!(59);
    for (listed, outcome) in [
        (json!([refund("succeeded")]), RefundOutcome::Refunded),
        (json!([refund("pending")]), RefundOutcome::Pending),
        (json!([by_hand]), RefundOutcome::Elsewhere { back_minor: 60 }),
        (json!([partly]), RefundOutcome::Elsewhere { back_minor: 59 }),
    ] {
        assert_eq!(round(SAVED_AT, script(400, already(), listed)).await.0, Ok(outcome));
    }
}

#[tokio::test]
async fn a_refusal_for_good_is_a_failure_and_a_mistake_of_ours_is_none() {
    let disputed = error("invalid_request_error", "charge_disputed", json!({}));
    assert_eq!(
        round(SAVED_AT, script(400, disputed, json!([]))).await.0,
        Ok(RefundOutcome::Failed)
    );
    for (status, kind, code) in [
        (401, "invalid_request_error", ""),
        (400, "idempotency_error", ""),
        (400, "invalid_request_error", "parameter_unknown"),
        (404, "invalid_request_error", "resource_missing"),
    ] {
        let (told, _) =
            round(SAVED_AT, script(status, error(kind, code, json!({})), json!([]))).await;
        assert!(matches!(told, Err(CardError::Misconfigured(_))), "{status} {code}: {told:?}");
    }
}

#[tokio::test]
async fn behind_a_kept_fault_only_the_list_knows() {
    let (told, _) = round(SAVED_AT, script(500, json!({}), json!([refund("succeeded")]))).await;
    assert_eq!(told, Ok(RefundOutcome::Refunded));
    let (told, _) = round(SAVED_AT, script(500, json!({}), json!([]))).await;
    assert!(matches!(told, Err(CardError::Unreachable(_))), "{told:?}");
}

/// Stripe would carry out a forgotten key a second time.
#[tokio::test]
async fn once_the_key_may_be_forgotten_the_list_is_asked_first() {
    let late = SAVED_AT.plus_ms(25 * HOUR_MS);
    let (told, stripe) =
        round(late, script(200, refund("succeeded"), json!([refund("succeeded")]))).await;
    assert_eq!(told, Ok(RefundOutcome::Refunded));
    assert_eq!(stripe.lines(), ["GET /refunds"]);
    let mut of_an_earlier_approval = refund("failed");
    of_an_earlier_approval["created"] = json!(SAVED_AT.plus_s(-7_200).unix_s());
    let (told, stripe) =
        round(late, script(200, refund("succeeded"), json!([of_an_earlier_approval]))).await;
    assert_eq!(told, Ok(RefundOutcome::Refunded));
    assert_eq!(stripe.lines(), ["GET /refunds", "POST /refunds"]);
}

/// Stripe keeps an old refusal behind an old key, and a later approval may not pay what an earlier
/// one paid.
#[tokio::test]
async fn a_later_approval_has_a_key_of_its_own_and_asks_the_list_first() {
    let later = Refund::approved(intent(), String::from("pi_1"), AMOUNT.get(), 2, SAVED_AT);
    let named = |status: &str, key: String| {
        let mut found = refund(status);
        found["metadata"]["gateway_refund_key"] = json!(key);
        found
    };
    let failed = named("failed", Refund::stripe_key_of(intent(), 1));
    let (url, stripe) =
        CannedStripe::start(script(200, refund("succeeded"), json!([failed.clone()]))).await;
    assert_eq!(rail(&url).refund(&later, SAVED_AT).await.unwrap().outcome, RefundOutcome::Refunded);
    assert_eq!(stripe.lines(), ["GET /refunds", "POST /refunds"]);
    assert_eq!(
        stripe.heard()[1].header("idempotency-key"),
        Some(format!("refund_{}_2", intent()).as_str())
    );
    let (url, stripe) = CannedStripe::start(script(
        200,
        refund("succeeded"),
        json!([named("pending", later.stripe_key.clone()), failed]),
    ))
    .await;
    assert_eq!(rail(&url).refund(&later, SAVED_AT).await.unwrap().outcome, RefundOutcome::Pending);
    assert_eq!(stripe.lines(), ["GET /refunds"]);
}

#[tokio::test]
async fn what_has_a_name_or_succeeded_is_only_looked_at() {
    let known = Refund { refund_id: Some(String::from("re_1")), ..approved() };
    let (url, stripe) =
        CannedStripe::start(script(200, refund("succeeded"), json!([refund("failed")]))).await;
    let answer = rail(&url).refund(&known, SAVED_AT).await.unwrap();
    assert_eq!((answer.id.as_deref(), answer.outcome), (Some("re_1"), RefundOutcome::Failed));
    let unnamed = Refund { state: RefundState::Refunded, ..approved() };
    assert_eq!(rail(&url).refund(&unnamed, SAVED_AT).await.unwrap().outcome, RefundOutcome::Failed);
    assert_eq!(stripe.lines(), ["GET /refunds/re_1", "GET /refunds"]);
}
