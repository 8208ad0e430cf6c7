//! The requests that published MPP servers really send, byte by byte, with a token of ours in place
//! of theirs.

use http::Request;
use http_body_util::Full;
use sandbox::stripe::SECRET_KEY;
use serde_json::Value;

use crate::support::*;

/// Sends the call that was captured from a server, as it was sent.
async fn replay(world: &World, server: &str) -> Answer {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../tests/vectors/mpp.json")).unwrap();
    let call = &vectors["stripe"]["payment_intent_calls"][server];
    let body = call["body"].as_str().unwrap();
    let theirs = body
        .split('&')
        .find_map(|pair| pair.strip_prefix("shared_payment_granted_token="))
        .unwrap();
    let limits = [
        ("payment_method", "pm_card_visa"),
        ("usage_limits[currency]", "usd"),
        ("usage_limits[max_amount]", "1200"),
    ];
    let token = world.post(GRANT, &limits).await.body["id"].as_str().unwrap().to_owned();
    let mut request = Request::post(world.url(call["path"].as_str().unwrap()));
    for (name, value) in call["headers"].as_object().unwrap() {
        if name != "authorization" {
            request = request.header(name, value.as_str().unwrap());
        }
    }
    let request = request.header("authorization", format!("Bearer {SECRET_KEY}"));
    send(request.body(Full::from(body.replace(theirs, &token))).unwrap()).await.unwrap()
}

#[tokio::test]
async fn what_mppx_and_pympp_send_pays() {
    let world = World::new().await;
    for server in ["mppx", "pympp"] {
        let paid = replay(&world, server).await;
        assert_eq!(
            (paid.status, &paid.body["status"], &paid.body["amount_received"]),
            (200, &"succeeded".into(), &1200.into()),
            "{server}"
        );
        assert_eq!(paid.body["metadata"]["mpp_intent"], "charge", "{server}");
        assert_eq!(paid.body["metadata"]["machine_payment"], "true", "{server}");
    }
}

/// It names no version, and a shared payment token needs a preview.
#[tokio::test]
async fn what_mpp_rs_sends_is_told_which_parameter_is_unknown() {
    let world = World::new().await;
    let refused = replay(&world, "mpp-rs").await;
    assert_eq!((refused.status, refused.error()), (400, "parameter_unknown"), "{}", refused.body);
    assert_eq!(refused.message(), "Received unknown parameter: shared_payment_granted_token");
}
