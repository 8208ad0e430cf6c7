//! Proofs that are odd in form: signatures, numbers, encodings, and too many of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::proofs::refused_with_challenge;
use crate::support::proof::{encode_v1, encode_v2};
use crate::support::world::{PRICE, Totals, creation, launch};
use crate::support::{Reply, Setup, World, raw};

/// Refused for what it is: 400, or 402 PAYMENT_002; never a fault of ours, never an answer of
/// success.
#[track_caller]
fn cleanly_refused(reply: &Reply, what: &str) {
    let payment_refused = reply.status == 402 && reply.code() == "PAYMENT_002";
    let refused = reply.status == 400 || payment_refused;
    assert!(refused, "{what}: {}", reply.brief());
}

#[tokio::test(flavor = "multi_thread")]
async fn r007_the_high_s_twin_is_no_second_proof() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let proof = world.proof(&wallet);
    let twin = proof.high_s_twin().v2();
    refused_with_challenge(world.create(&twin, &launch("twin")).await, "before");
    world.settles_at(Totals::default()).await;
    let first = world.create(&proof.v2(), &launch("good")).await.must(201);
    let after = world.create(&twin, &launch("good")).await;
    let replay = after.status == 201 && after.replayed() && after.body == first.body;
    let refused = after.status == 409 || (after.status == 402 && after.code() == "PAYMENT_002");
    assert!(replay || refused, "{}", after.brief());
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r008_odd_signature_shapes_are_refused_and_v_0_is_normalised() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let proof = world.proof(&wallet);
    let good = proof.signature.clone();
    let with_v = |v: u8| [&good[..64], &[v]].concat();
    let shapes = [
        ("v 29", with_v(29)),
        ("v 255", with_v(255)),
        ("64 bytes", good[..64].to_vec()),
        ("66 bytes", [good.as_slice(), &[0]].concat()),
        ("empty", Vec::new()),
        ("all zero", vec![0; 65]),
        ("all ones", vec![0xff; 65]),
    ];
    for (what, signature) in shapes {
        let odd = proof.signed_with(signature);
        cleanly_refused(&world.create(&odd.v2(), &launch("odd")).await, what);
        cleanly_refused(&world.create(&odd.v1(), &launch("odd")).await, what);
    }
    for text in ["", "0x", "0xzz", "no hex at all"] {
        let mut payload = proof.json_v2();
        payload["payload"]["signature"] = json!(text);
        cleanly_refused(&world.create(&encode_v2(&payload), &launch("odd")).await, text);
    }
    world.settles_at(Totals::default()).await;
    let normalised = proof.signed_with(with_v(good[64] - 27));
    world.create(&normalised.v2(), &launch("v 0 or 1")).await.must(201);
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r012_numeric_tricks_are_refused() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let beyond = format!("1{}", "0".repeat(78));
    let values = [
        json!(PRICE),
        json!(550000.0),
        json!("0x86470"),
        json!("0550000"),
        json!("+550000"),
        json!("5.5e5"),
        json!("-1"),
        json!(" 550000"),
        json!("550000.0"),
        json!(""),
        json!("115792089237316195423570985008687907853269984665640564039457584007913129639936"),
        json!(beyond),
        Value::Null,
    ];
    for value in values {
        let proof = world.proof(&wallet);
        for (payload, encode) in
            [(proof.json_v2(), encode_v2 as fn(&Value) -> _), (proof.json_v1(), encode_v1)]
        {
            let mut payload = payload;
            payload["payload"]["authorization"]["value"] = value.clone();
            let reply = world.create(&encode(&payload), &launch("number")).await;
            cleanly_refused(&reply, &format!("value {value}"));
        }
    }
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r013_malformed_headers_are_refused_without_a_fault_of_ours() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let proof = world.proof(&wallet);
    let text = proof.json_v2().to_string();
    let twice = text.replacen("\"value\":", "\"value\":\"1\",\"value\":", 1);
    let encode = |bytes: &[u8]| STANDARD.encode(bytes);
    let values = [
        ("no base64", "%%%not-base64%%%".to_owned()),
        ("cut base64", encode(text.as_bytes())[..101].to_owned()),
        ("no JSON", encode(b"not json")),
        ("NUL bytes", encode(b"{\"x402Version\":2\0}")),
        ("no UTF-8", encode(&[0xff, 0xfe, 0xfd])),
        ("value twice", encode(twice.as_bytes())),
        ("an array", encode(b"[1,2,3]")),
        ("version 3", encode(text.replace("\"x402Version\":2", "\"x402Version\":3").as_bytes())),
        ("empty object", encode(b"{}")),
    ];
    for (what, value) in values {
        for name in ["x-payment", "payment-signature"] {
            let reply = world.create(&(name, value.clone()), &launch("bad")).await;
            cleanly_refused(&reply, what);
        }
    }
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let reply =
        world.create(&("payment-signature", encode(deep.as_bytes())), &launch("deep")).await;
    assert!([400, 402, 431].contains(&reply.status.as_u16()), "{}", reply.brief());
    let long = "A".repeat(17 * 1024);
    let reply = world.create(&("payment-signature", long), &launch("long")).await;
    assert!([400, 431].contains(&reply.status.as_u16()), "{}", reply.brief());
    let body = launch("NUL").to_string();
    let headers = [("x-payment", "abc\0def"), ("content-type", "application/json")];
    let bytes = raw::request("POST", "/launches", &headers, body.as_bytes());
    let statuses = raw::statuses(&raw::exchange(world.gateway.address, &bytes).await);
    assert!(statuses.iter().all(|s| (400..500).contains(s)), "{statuses:?}");
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r014_several_credentials_are_refused() {
    let world = World::start().await;
    let wallet = world.agent().await;
    let (one, other) = (world.proof(&wallet), world.proof(&wallet));
    let x_payment = one.v1();
    let second_headers = [
        ("x-payment", x_payment.1.clone()),
        ("x-payment", other.v1().1),
        ("payment-signature", other.v2().1),
        ("payment-signature", one.v2().1),
        ("authorization", "Payment eyJjaGFsbGVuZ2UiOnt9fQ".to_owned()),
        ("authorization", "Bearer ds_live_0123456789abcdef0123456789abcdef".to_owned()),
    ];
    for (name, value) in second_headers {
        let call = creation(&x_payment, &launch("two")).header(name, &value);
        let reply = world.send(call).await;
        assert_eq!(reply.status, 400, "beside {name}: {}", reply.brief());
        assert_eq!(reply.code(), "SERVER_002", "beside {name}: {}", reply.brief());
    }
    assert!(world.core().forwarded().is_empty());
    world.settles_at(Totals::default()).await;
    // None of it has used the proof up.
    world.create(&x_payment, &launch("one")).await.must(201);
}

/// One launch, paid once.
pub fn one_paid() -> Totals {
    Totals { settlements: 1, transactions: 1, launches: 1, ..Totals::default() }
}
