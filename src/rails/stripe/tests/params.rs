//! What is sent: judged by the calls of the published SDKs.

use payments::{
    money::UsdCents,
    ports::{CardRail, PreparationError, Sealer},
};
use serde_json::Value;

use super::{
    super::{SptParameter, StripeRail},
    canned::{CannedStripe, Reply},
    world::{
        AMOUNT, KEY, SAVED_AT, TOKEN, TestClock, TestSealer, config, form, intent, new_charge,
        payment, rail, saved,
    },
};

/// The call of the TypeScript SDK, as it was captured.
fn published() -> Value {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../../tests/vectors/mpp.json")).unwrap();
    vectors["stripe"]["payment_intent_calls"]["mppx"].clone()
}

#[test]
fn a_charge_has_the_parameters_of_the_published_clients_and_our_names() {
    let rail = rail("http://127.0.0.1:1");
    let sealed = saved(&rail).sealed_params;
    let plain = TestSealer.open(intent().to_string().as_bytes(), &sealed).unwrap();
    let ours = form(std::str::from_utf8(&plain).unwrap());
    let mut expected = form(published()["body"].as_str().unwrap());
    expected.remove("metadata[mpp_sdk]").unwrap();
    // Their spelling of the token is not the documented one.
    expected.remove("shared_payment_granted_token").unwrap();
    expected.insert(
        String::from("payment_method_data[shared_payment_granted_token]"),
        TOKEN.to_owned(),
    );
    for (name, value) in [
        ("amount", "60"),
        ("metadata[mpp_challenge_id]", "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk"),
    ] {
        *expected.get_mut(name).unwrap() = value.to_owned();
    }
    expected.insert(String::from("metadata[gateway_payment_id]"), intent().to_string());
    expected.insert(String::from("metadata[route]"), String::from("POST /launches"));
    assert_eq!(ours, expected);
}

#[test]
fn the_token_can_stand_at_the_top() {
    let mut config = config("http://127.0.0.1:1");
    config.spt_parameter = SptParameter::TopLevel;
    let rail = StripeRail::new(
        &config,
        std::sync::Arc::new(TestSealer),
        std::sync::Arc::new(TestClock(0.into())),
    )
    .unwrap();
    let plain =
        TestSealer.open(intent().to_string().as_bytes(), &saved(&rail).sealed_params).unwrap();
    let ours = form(std::str::from_utf8(&plain).unwrap());
    assert_eq!(ours.get("shared_payment_granted_token").map(String::as_str), Some(TOKEN));
    assert!(!ours.contains_key("payment_method_data[shared_payment_granted_token]"));
}

#[tokio::test]
async fn a_charge_is_sent_as_it_was_saved_and_under_one_key_however_often() {
    let (url, stripe) = CannedStripe::start(|_| Reply::json(200, &payment("succeeded"))).await;
    let rail = rail(&url);
    let charge = saved(&rail);
    for after_s in [1, 60, 23 * 3_600] {
        rail.charge(intent(), &charge, AMOUNT, SAVED_AT.plus_s(after_s)).await.unwrap();
    }
    let heard = stripe.heard();
    assert_eq!(stripe.lines(), ["POST /payment_intents"; 3]);
    let plain = TestSealer.open(intent().to_string().as_bytes(), &charge.sealed_params).unwrap();
    let published = published();
    for call in &heard {
        assert_eq!(call.body.as_bytes(), plain);
        assert_eq!(call.path, published["path"].as_str().unwrap());
        assert_eq!(call.header("idempotency-key"), Some(format!("tp_{}", intent()).as_str()));
        assert_eq!(call.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
        for name in ["content-type", "stripe-version"] {
            assert_eq!(call.header(name), published["headers"][name].as_str());
        }
    }
}

#[test]
fn what_is_kept_of_a_charge_shows_no_token() {
    let charge = saved(&rail("http://127.0.0.1:1"));
    assert!(!charge.sealed_params.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes()));
    assert_eq!((charge.stripe_key, charge.saved_at), (format!("tp_{}", intent()), SAVED_AT));
}

#[test]
fn an_amount_that_no_card_can_pay_is_not_prepared() {
    let mut charge = new_charge();
    charge.amount = UsdCents::new(u64::MAX);
    assert_eq!(
        rail("http://127.0.0.1:1").prepare(intent(), charge, SAVED_AT).unwrap_err(),
        PreparationError::Signing
    );
}
