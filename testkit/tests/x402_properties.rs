//! What must hold for any header: nothing panics, nothing but the payer's own signature verifies,
//! and one authorization has one identity however it is spelled.
#![allow(clippy::unwrap_used)]

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use payments::money::{UsdCents, UsdcUnits};
use payments::x402::decode;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use testkit::vectors::{self, prove, v2};

/// The same object with its members in another order, at every level.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members.iter().rev().map(|(k, v)| (k.clone(), reversed(v))).collect::<Map<_, _>>(),
        ),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = decode::decode(&bytes);
        let _ = decode::decode(STANDARD.encode(&bytes).as_bytes());
    }

    #[test]
    fn a_changed_byte_never_changes_who_pays(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut json = v2()["decoded"].to_string().into_bytes();
        let at = at.index(json.len());
        json[at] = byte;
        if let Ok(transfer) = prove(STANDARD.encode(&json).as_bytes()) {
            let whole = prove(vectors::text(v2(), "headerValue").as_bytes()).unwrap();
            prop_assert_eq!(transfer.key(), whole.key());
            prop_assert_eq!(transfer.value(), whole.value());
        }
    }

    #[test]
    fn one_authorization_has_one_key(engine in 0..4_usize, pretty: bool, reverse: bool, case in 0..3_u8, parity: bool) {
        let mut json = v2()["decoded"].clone();
        for member in ["from", "to", "nonce"] {
            let text = vectors::text(&json["payload"]["authorization"], member)[2..].to_owned();
            let text = [text.clone(), text.to_lowercase(), text.to_uppercase()][usize::from(case)].clone();
            json["payload"]["authorization"][member] = json!(format!("0x{text}"));
        }
        if parity {
            let signature = vectors::text(&json["payload"], "signature").to_owned();
            let v = u8::from_str_radix(&signature[130..], 16).unwrap() - 27;
            json["payload"]["signature"] = json!(format!("{}{v:02x}", &signature[..130]));
        }
        let json = if reverse { reversed(&json) } else { json };
        let text = if pretty { serde_json::to_string_pretty(&json).unwrap() } else { json.to_string() };
        let header = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD][engine].encode(text);
        let plain = prove(vectors::text(v2(), "headerValue").as_bytes()).unwrap();
        prop_assert_eq!(prove(header.as_bytes()).unwrap(), plain);
    }

    #[test]
    fn money_survives_its_text(units: u64) {
        prop_assert_eq!(UsdcUnits::new(units).to_string().parse(), Ok(UsdcUnits::new(units)));
        prop_assert_eq!(UsdCents::new(units).to_string().parse(), Ok(UsdCents::new(units)));
    }

    #[test]
    fn sums_are_exact_or_refused(a: u64, b: u64) {
        let (x, y) = (UsdcUnits::new(a), UsdcUnits::new(b));
        prop_assert_eq!(x.checked_add(y).map(UsdcUnits::get), a.checked_add(b));
        prop_assert_eq!(x.checked_sub(y).map(UsdcUnits::get), a.checked_sub(b));
        if let Some(sum) = x.checked_add(y) {
            prop_assert_eq!(sum.checked_sub(y), Some(x));
        }
    }

    #[test]
    fn arbitrary_text_is_never_money_by_accident(text in "[0-9+. eE_-]{0,12}") {
        if let Ok(units) = UsdcUnits::parse_decimal(&text) {
            prop_assert!(text.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
            prop_assert_eq!(UsdcUnits::parse_decimal(&units.to_string()), Ok(units));
        }
    }
}
