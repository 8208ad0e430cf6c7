//! Odd spellings, other terms, edges of the window, and proofs that come back from the books.
#![allow(clippy::unwrap_used)]

use alloy_primitives::U256;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use payments::error::Reason;
use payments::money::UsdcUnits;
use payments::x402::decode;
use payments::x402::offer::Requirements;
use payments::x402::verify::{Offers, VerifiedTransfer, check_chain_state, verify};
use serde_json::{Value, json};
use testkit::vectors::{self, VECTORS, offer, positive, prove, v2};

fn reason_of(json: &Value) -> Reason {
    prove(STANDARD.encode(json.to_string()).as_bytes()).unwrap_err().reason
}

#[test]
fn odd_signature_shapes_are_refused() {
    let good = vectors::text(&v2()["decoded"]["payload"], "signature").to_owned();
    let last = |byte: &str| format!("{}{byte}", &good[..130]);
    let zero_r = format!("0x{}{}", "00".repeat(32), &good[66..]);
    for signature in [
        last("1d"),
        last(""),
        last("1b00"),
        format!("0x{}", "00".repeat(65)),
        "0x".to_owned(),
        zero_r,
    ] {
        let mut json = v2()["decoded"].clone();
        json["payload"]["signature"] = json!(signature);
        assert_eq!(reason_of(&json), Reason::Signature, "{signature}");
    }
    for signature in [json!(""), json!("0xzz"), json!("00"), json!(7), json!(null)] {
        let mut json = v2()["decoded"].clone();
        json["payload"]["signature"] = signature;
        assert_eq!(reason_of(&json), Reason::InvalidPayload);
    }
}

#[test]
fn odd_numbers_are_refused() {
    for value in ["0550000", "+550000", " 550000", "550000.0", "", "0x86470", "5.5e5", "\u{665}"] {
        let mut json = v2()["decoded"].clone();
        json["payload"]["authorization"]["value"] = json!(value);
        assert_eq!(reason_of(&json), Reason::InvalidPayload, "{value:?}");
    }
    for (member, reason) in
        [("validBefore", Reason::ValidBefore), ("validAfter", Reason::ValidAfter)]
    {
        let mut json = v2()["decoded"].clone();
        json["payload"]["authorization"][member] = json!(U256::MAX.to_string());
        assert_eq!(reason_of(&json), reason);
    }
}

#[test]
fn hostile_json_is_refused() {
    let text = v2()["decoded"].to_string();
    let twice =
        text.replacen("\"value\":\"550000\"", "\"value\":\"550000\",\"value\":\"550000\"", 1);
    let nul = text.replacen("launch", "laun\0ch", 1);
    let deep = text.replacen(
        "\"x402Version\":2",
        &format!("\"a\":{}{},\"x402Version\":2", "[".repeat(4_000), "]".repeat(4_000)),
        1,
    );
    for (name, json) in [("twice", &twice), ("nul", &nul), ("deep", &deep)] {
        assert_ne!(json, &text, "{name}");
        assert_eq!(
            prove(STANDARD.encode(json).as_bytes()).unwrap_err().reason,
            Reason::InvalidPayload,
            "{name}"
        );
    }
    assert_eq!(prove(&[0; 16]).unwrap_err().reason, Reason::InvalidPayload);
    assert_eq!(prove(&[b'A'; 17 * 1024]).unwrap_err().status_hint(), 431);
    assert_eq!(prove(&[b'A'; 16 * 1024]).unwrap_err().reason, Reason::InvalidPayload);
}

#[test]
fn other_terms_are_refused_by_name() {
    let other_method = |method: &str| {
        let mut json = v2()["decoded"].clone();
        json["accepted"]["extra"]["assetTransferMethod"] = json!(method);
        json
    };
    assert!(prove(STANDARD.encode(other_method("eip3009").to_string()).as_bytes()).is_ok());
    assert_eq!(reason_of(&other_method("permit2")), Reason::AcceptedMismatch);
    let error = prove(STANDARD.encode(other_method("permit2").to_string()).as_bytes()).unwrap_err();
    assert_eq!(
        (error.field, error.expected.as_str(), error.got.as_str()),
        ("accepted.extra.assetTransferMethod", "eip3009", "permit2")
    );
    let mut delegated = v2()["decoded"].clone();
    delegated["payload"] =
        json!({"delegationManager": "0x", "permissionContext": "0x", "delegator": "0x"});
    assert_eq!(reason_of(&delegated), Reason::UnsupportedPayloadType);
}

/// A free route advertises 0 and takes the launch price as identity; nothing else, and v2 must sign
/// what it accepted.
#[test]
fn a_free_route_takes_zero_or_the_launch_price() {
    let priced = offer();
    let free =
        Requirements::new(priced.token().clone(), *priced.pay_to(), UsdcUnits::ZERO, 300, "", "");
    let launch = [priced.amount()];
    let v1_offer =
        vectors::requirements(&VECTORS, &positive("v1-base-x402js-1.2.0")["requirements"]);
    assert_eq!(v1_offer.token(), priced.token());
    for entry in [v2(), positive("v1-base-x402js-1.2.0")] {
        let payment =
            decode::decode(vectors::text(entry, "headerValue").as_bytes()).unwrap().unwrap();
        assert_eq!(
            verify(&payment, &Offers::or_also(&free, &launch)).unwrap().value(),
            priced.amount()
        );
        let refused = verify(&payment, &Offers::exactly(&free)).unwrap_err().reason;
        assert!(matches!(refused, Reason::AcceptedMismatch | Reason::ValueMismatch));
    }
    let mut rewritten = v2()["decoded"].clone();
    rewritten["accepted"]["amount"] = json!("0");
    let payment =
        decode::decode(STANDARD.encode(rewritten.to_string()).as_bytes()).unwrap().unwrap();
    let error = verify(&payment, &Offers::or_also(&free, &launch)).unwrap_err();
    assert_eq!((error.reason, error.expected.as_str()), (Reason::ValueMismatch, "0"));
}

#[test]
fn the_window_has_exact_edges() {
    let transfer = prove(vectors::text(v2(), "headerValue").as_bytes()).unwrap();
    let before = transfer.valid_before_unix_s();
    let reason = |now, max| transfer.within_window(now, max).err().map(|error| error.reason);
    assert_eq!(reason(before - 6, 3900), None);
    assert_eq!(reason(before - 5, 3900), Some(Reason::ValidBefore));
    assert_eq!(reason(before - 3900, 3900), None);
    assert_eq!(reason(before - 3901, 3900), Some(Reason::ValidBefore));
    assert_eq!(reason(u64::MAX, u64::MAX), Some(Reason::ValidBefore));
    assert_eq!(reason(0, u64::MAX), Some(Reason::ValidAfter));
    assert_eq!(reason(1, u64::MAX), None);
    assert!(check_chain_state(&transfer, false, U256::from(550_000)).is_ok());
}

#[test]
fn saved_authorizations_are_proven_again_and_never_shown() {
    let transfer = prove(vectors::text(v2(), "headerValue").as_bytes()).unwrap();
    let saved = transfer.to_saved();
    let shown = format!("{transfer:?} {saved:?} {:?}", transfer.key());
    for secret in [hex::encode(saved.r), hex::encode(saved.s), hex::encode(saved.nonce)] {
        assert!(!shown.contains(&secret), "{shown}");
    }
    let token = offer().token().clone();
    let mut forged = saved.clone();
    forged.value_units = UsdcUnits::new(1);
    assert_eq!(VerifiedTransfer::from_saved(forged, &token).unwrap_err().reason, Reason::Signature);
    let elsewhere = vectors::requirements(
        &VECTORS,
        &positive("v2-base-sepolia-x402core-2.27.0")["requirements"],
    );
    assert_eq!(
        VerifiedTransfer::from_saved(saved, elsewhere.token()).unwrap_err().reason,
        Reason::InvalidNetwork
    );
}
