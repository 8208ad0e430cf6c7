//! Deliveries, judged by what Stripe's own Node SDK takes for its own.

use hmac::{Hmac, Mac};
use payments::{
    ports::{CardEvent, CardEvents, EventRefusal, EventSubject},
    time::UnixMs,
};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    super::Webhooks,
    world::{SAVED_AT, intent},
};

const SECRET: &str = "whsec_test_secret";

fn hooks() -> Webhooks {
    Webhooks::new(SECRET, false).unwrap()
}

fn signed(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{}.{body}", SAVED_AT.unix_s()).as_bytes());
    format!("t={},v1={}", SAVED_AT.unix_s(), hex::encode(mac.finalize().into_bytes()))
}

fn read(body: &Value) -> Result<CardEvent, EventRefusal> {
    let body = body.to_string();
    hooks().read(&signed(&body), body.as_bytes(), SAVED_AT)
}

#[test]
fn a_signature_is_judged_as_the_published_sdk_judges_it() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../../tests/vectors/mpp.json")).unwrap();
    let webhook = &vectors["stripe"]["webhook"];
    let cases = webhook["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 17);
    for case in cases {
        let text = |name: &str| case[name].as_str().unwrap();
        let hooks = Webhooks::new(webhook["secret"].as_str().unwrap(), false).unwrap();
        let now = UnixMs::from_s(case["now"].as_i64().unwrap());
        let judged = hooks.verify(text("header"), text("body").as_bytes(), now);
        // The SDK takes any time ahead of ours; a delivery from the future is nobody's.
        let expected =
            case["ok"].as_bool().unwrap() && text("name") != "timestamp in the future by 600 s";
        assert_eq!(judged.is_ok(), expected, "{}: {judged:?}", text("name"));
    }
}

#[test]
fn a_delivery_is_of_now_within_five_minutes_either_way() {
    let header = signed("{}");
    for (seconds, taken) in [(-301, false), (-300, true), (0, true), (300, true), (301, false)] {
        let judged = hooks().verify(&header, b"{}", SAVED_AT.plus_s(seconds));
        assert_eq!(judged, if taken { Ok(()) } else { Err(EventRefusal::Time) }, "{seconds}");
    }
}

#[test]
fn a_header_of_another_form_is_refused() {
    let good = signed("{}");
    let signature = good.split_once(",v1=").unwrap().1;
    let at = SAVED_AT.unix_s();
    for header in [
        String::new(),
        String::from("t=,v1=00"),
        format!("t=-{at},v1={signature}"),
        format!("t=+{at},v1={signature}"),
        format!("t={at},t={at},v1={signature}"),
        format!("t={at};v1={signature}"),
        String::from("t=99999999999999999999999,v1=00"),
    ] {
        assert!(hooks().verify(&header, b"{}", SAVED_AT).is_err(), "{header}");
    }
    assert!(Webhooks::new("", false).is_none(), "everybody could sign with no secret");
    assert!(!format!("{:?}", hooks()).contains(SECRET));
}

#[test]
fn events_name_their_payment_however_little_they_hold() {
    let ours = json!({"gateway_payment_id": intent().to_string()});
    let (payment, refund, dispute, other) =
        (EventSubject::Payment, EventSubject::Refund, EventSubject::Dispute, EventSubject::Other);
    for (kind, object, what, payment_intent, payment_id) in [
        (
            "payment_intent.succeeded",
            json!({"id": "pi_1", "metadata": ours}),
            payment,
            Some("pi_1"),
            Some(intent()),
        ),
        ("payment_intent.of_tomorrow", json!({"id": "pi_1"}), payment, Some("pi_1"), None),
        (
            "charge.refunded",
            json!({"id": "ch_1", "payment_intent": "pi_1", "metadata": ours}),
            refund,
            Some("pi_1"),
            Some(intent()),
        ),
        ("refund.updated", json!({"payment_intent": {"id": "pi_1"}}), refund, Some("pi_1"), None),
        ("charge.refund.updated", json!({"payment_intent": null}), refund, None, None),
        (
            "charge.dispute.created",
            json!({"id": "du_1", "payment_intent": "pi_1"}),
            dispute,
            Some("pi_1"),
            None,
        ),
        ("charge.dispute.closed", json!(null), dispute, None, None),
        ("charge.updated", json!({"payment_intent": "pi_1"}), other, Some("pi_1"), None),
        ("shared_payment.granted_token.used", json!({"id": "spt_1"}), other, None, None),
        ("of.tomorrow", json!([1]), other, None, None),
        (
            "payment_intent.succeeded",
            json!({"id": "../x", "metadata": {"gateway_payment_id": "x"}}),
            payment,
            None,
            None,
        ),
    ] {
        let event = read(
            &json!({"id": "evt_1", "type": kind, "livemode": false, "data": {"object": object}}),
        )
        .unwrap();
        let payment_intent = payment_intent.map(str::to_owned);
        let named = object["id"].as_str().filter(|id| !id.contains('/')).map(str::to_owned);
        let expected = CardEvent {
            id: String::from("evt_1"),
            kind: kind.to_owned(),
            livemode: false,
            object: named,
            payment_intent,
            payment_id,
            what,
        };
        assert_eq!(event, expected);
    }
    assert_eq!(read(&json!({"id": "evt_1"})).unwrap().what, other);
    assert_eq!(
        read(&json!({"id": "evt_1", "type": null, "livemode": null, "data": null})).unwrap().what,
        other
    );
    let thin = json!({"id": "du_1", "type": "dispute", "url": "/v1/disputes/du_1"});
    let event =
        read(&json!({"id": "evt_1", "object": "v2.core.event", "type": "v1.charge.dispute.created", "related_object": thin})).unwrap();
    assert_eq!(
        (event.what, event.object.as_deref(), event.payment_intent),
        (dispute, Some("du_1"), None)
    );
}

#[test]
fn what_is_signed_and_no_event_of_ours_is_refused() {
    for body in [json!({}), json!([]), json!("x"), json!({"id": "evt 1"}), json!({"id": 1})] {
        assert_eq!(read(&body), Err(EventRefusal::Body), "{body}");
    }
    assert_eq!(read(&json!({"id": "evt_1", "livemode": true})), Err(EventRefusal::Mode));
    assert_eq!(hooks().read(&signed("{}"), b"{} ", SAVED_AT), Err(EventRefusal::Signature));
}
