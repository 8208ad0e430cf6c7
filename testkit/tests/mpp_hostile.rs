//! What a client must not get away with, on our own challenges: every echoed value is bound, every
//! check is made, and no error or debug text shows the token.
#![allow(clippy::unwrap_used)]

mod mpp_support;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mpp_support::{NOW, REALM, SECRET, challenge, decode, decoded, launch_offer, pay};
use payments::money::UsdCents;
use payments::mpp::decode;
use payments::mpp::digest::BodyDigest;
use payments::mpp::error::{MppError, ProblemType, Reason};
use payments::mpp::secrets::Secrets;
use payments::mpp::stripe::offer::Offer;
use payments::mpp::stripe::verify::{VerifiedCredential, present, verify};
use serde_json::{Value, json};

const TYPES: [&str; 2] = ["card", "link"];

fn secrets() -> Secrets {
    Secrets::new([SECRET]).unwrap()
}

fn paid() -> String {
    pay(&challenge(&launch_offer(), &secrets(), [7; 16]), "spt_secret")
}

fn json_of(authorization: &str) -> Value {
    decoded(authorization.strip_prefix("Payment ").unwrap())
}

fn header_of(json: &str) -> String {
    format!("Payment {}", URL_SAFE_NO_PAD.encode(json))
}

fn check(
    authorization: &str,
    offer: &Offer,
    body: Option<&BodyDigest>,
) -> Result<VerifiedCredential, MppError> {
    verify(&decode(authorization)?.unwrap(), &secrets(), offer, body)
}

#[test]
fn no_character_of_the_echo_may_change() {
    let json = json_of(&paid());
    for (member, value) in json["challenge"].as_object().unwrap() {
        let text = value.as_str().unwrap();
        for at in 0..text.len() {
            let mut changed = text.as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let mut json = json.clone();
            json["challenge"][member] = String::from_utf8(changed).unwrap().into();
            let error = check(&header_of(&json.to_string()), &launch_offer(), None).unwrap_err();
            assert_eq!(error.reason, Reason::ChallengeNotOurs, "{member} {at}");
        }
        let mut json = json.clone();
        json["challenge"].as_object_mut().unwrap().remove(member);
        assert!(check(&header_of(&json.to_string()), &launch_offer(), None).is_err(), "{member}");
    }
}

/// Values may not move from one slot of the MAC into the next.
#[test]
fn a_value_cannot_move_into_another_slot() {
    let json = json_of(&paid());
    let value = |name: &str| json["challenge"][name].as_str().unwrap();
    let moved = json!({
        "id": value("id"), "realm": format!("{}|stripe", value("realm")), "method": "charge", "intent": value("request"),
        "request": value("expires"), "expires": "", "digest": value("opaque"),
    });
    let header = json!({
        "id": value("id"), "realm": value("realm"), "method": "stripe", "intent": "charge", "request": value("request"),
        "expires": value("expires"), "header": "", "opaque": value("opaque"),
    });
    for challenge in [moved, header] {
        let mut json = json.clone();
        json["challenge"] = challenge;
        let error = check(&header_of(&json.to_string()), &launch_offer(), None).unwrap_err();
        assert_eq!(error.reason, Reason::ChallengeNotOurs);
    }
}

#[test]
fn a_credential_is_good_for_its_own_route_and_terms_alone() {
    let reason = |offer: Offer| check(&paid(), &offer, None).unwrap_err().reason;
    let offer = |realm, route, cents, network: &str, types: &[&str]| {
        Offer::new(realm, route, UsdCents::new(cents), network, types).unwrap()
    };
    let (route, network) = ("POST /launches", "profile_test_dropspace");
    assert!(check(&paid(), &offer(REALM, route, 60, network, &TYPES), None).is_ok());
    assert_eq!(reason(offer("other.example", route, 60, network, &TYPES)), Reason::RealmMismatch);
    assert_eq!(
        reason(offer(REALM, "POST /credits/purchase", 60, network, &TYPES)),
        Reason::RouteMismatch
    );
    assert_eq!(reason(offer(REALM, route, 61, network, &TYPES)), Reason::TermsMismatch);
    assert_eq!(reason(offer(REALM, route, 60, "profile_other", &TYPES)), Reason::TermsMismatch);
    assert_eq!(reason(offer(REALM, route, 60, network, &["card"])), Reason::TermsMismatch);
    let error = check(&paid(), &offer(REALM, route, 1200, network, &TYPES), None).unwrap_err();
    assert_eq!((error.expected.as_str(), error.got.as_str()), ("amount \"1200\"", "amount \"60\""));
}

/// A challenge of an older kind, without our `opaque`, could be of any route.
#[test]
fn a_challenge_that_names_no_route_is_refused() {
    let request = decoded(launch_offer().request_encoded());
    for members in [vec![], vec![("r", "POST /other")], vec![("route", "POST /launches")]] {
        let foreign = Offer::foreign(REALM, request.clone(), &members).unwrap();
        let paid = pay(&challenge(&foreign, &secrets(), [1; 16]), "spt_a");
        assert_eq!(
            check(&paid, &launch_offer(), None).unwrap_err().reason,
            Reason::RouteMismatch,
            "{members:?}"
        );
    }
}

#[test]
fn a_body_bound_challenge_is_good_for_its_body_alone() {
    let (offer, body) = (launch_offer(), BodyDigest::of(b"{\"title\":\"a\"}"));
    let bound = pay(
        &offer.challenge(&secrets(), NOW.plus_s(1), Some(&body), &[1; 16]).header_value(),
        "spt_a",
    );
    assert!(check(&bound, &offer, Some(&body)).is_ok());
    assert_eq!(
        check(&bound, &offer, Some(&BodyDigest::of(b"{}"))).unwrap_err().reason,
        Reason::BodyMismatch
    );
    assert_eq!(check(&paid(), &offer, Some(&body)).unwrap_err().reason, Reason::BodyMismatch);
}

#[test]
fn a_challenge_ends_on_the_second_and_is_recognised_afterwards() {
    let offer = launch_offer();
    let verified = check(
        &pay(&offer.challenge(&secrets(), NOW, None, &[1; 16]).header_value(), "spt_a"),
        &offer,
        None,
    )
    .unwrap();
    assert!(verified.in_window(NOW.plus_ms(-1)).is_ok());
    for late in [NOW, NOW.plus_s(1), NOW.plus_s(1_000_000_000)] {
        let error = verified.in_window(late).unwrap_err();
        assert_eq!((error.problem(), error.status_hint()), (ProblemType::PaymentExpired, 402));
    }
    assert_eq!(i64::try_from(verified.expires_unix_s()), Ok(NOW.unix_s()));
}

/// What paid once names its account on every route and for ever, but only with our id, our realm
/// and its own token.
#[test]
fn a_payment_is_presented_without_route_or_clock() {
    let (first, other) =
        (decode(&paid()).unwrap().unwrap(), "other-vector-secret-0123456789abcdefgh");
    let presented = present(&first, &secrets(), REALM).unwrap();
    let verified = check(&paid(), &launch_offer(), None).unwrap();
    assert_eq!(presented, verified.presented());
    assert_eq!(presented.challenge_id().to_string(), json_of(&paid())["challenge"]["id"]);
    assert_eq!(
        present(&first, &secrets(), "other.example").unwrap_err().reason,
        Reason::RealmMismatch
    );
    assert_eq!(
        present(&first, &Secrets::new([other]).unwrap(), REALM).unwrap_err().reason,
        Reason::ChallengeNotOurs
    );
    let again = pay(&challenge(&launch_offer(), &secrets(), [7; 16]), "spt_other");
    assert_ne!(
        present(&decode(&again).unwrap().unwrap(), &secrets(), REALM).unwrap().token_sha256(),
        presented.token_sha256()
    );
}

#[test]
fn one_request_carries_one_credential() {
    let (paid, bearer) = (paid(), "Bearer abc");
    let read = |fields: &[&str]| decode::decode(fields.iter().map(|field| field.as_bytes()));
    assert!(read(&[bearer, &paid]).unwrap().is_some());
    assert!(read(&[bearer, "", "Payment", "Payments abc", "PaymentX"]).unwrap().is_none());
    for several in [vec![paid.as_str(), paid.as_str()], vec![paid.as_str(), "payment !!!"]] {
        let error = read(&several).unwrap_err();
        assert_eq!((error.reason, error.status_hint()), (Reason::SeveralCredentials, 400));
    }
}

#[test]
fn json_that_two_readers_could_read_differently_is_refused() {
    let json = json_of(&paid()).to_string();
    let twice = json.replacen('{', "{\"payload\":{\"spt\":\"spt_secret\"},", 1);
    let token_as_key = json.replacen('{', "{\"spt_secret\":1,\"spt_secret\":2,", 1);
    let deep = json.replacen('{', &format!("{{\"x\":{}{},", "[".repeat(40), "]".repeat(40)), 1);
    let bomb = format!("{{\"a\":{}", "[".repeat(40_000));
    for text in [twice, token_as_key, deep, bomb, String::from("{}"), format!("{json} {json}")] {
        let error = decode(&header_of(&text)).unwrap_err();
        assert_eq!(error.problem(), ProblemType::MalformedCredential);
        assert!(!error.to_string().contains("spt_"), "{error}");
    }
    assert!(decode(&header_of(&json)).is_ok());
}

#[test]
fn nothing_shows_the_token() {
    let unverified = decode(&paid()).unwrap().unwrap();
    let verified = check(&paid(), &launch_offer(), None).unwrap();
    let live = verified.in_window(NOW).unwrap();
    assert_eq!(live.token().expose(), "spt_secret");
    for shown in [
        format!("{unverified:?}"),
        format!("{verified:?}"),
        format!("{live:?}"),
        live.presented().to_string(),
    ] {
        assert!(!shown.contains("spt_"), "{shown}");
    }
    for token in ["spt_", "spt_secret&amount=1", "spt_secret spt_secret", "\u{0}spt_secret"] {
        let mut json = json_of(&paid());
        json["payload"]["spt"] = token.into();
        let error = check(&header_of(&json.to_string()), &launch_offer(), None).unwrap_err();
        assert_eq!(error.problem(), ProblemType::InvalidPayload);
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

/// The documented body of the 402, and a header that fits beside the other challenge.
#[test]
fn the_card_half_of_the_402_is_the_golden_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/x402.json");
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let golden = &vectors["golden402"];
    let offer = launch_offer();
    assert_eq!(serde_json::from_str::<Value>(offer.body_object()).unwrap(), golden["body"]["mpp"]);
    assert_eq!(
        offer.body_object(),
        golden["body"]["mpp"].to_string(),
        "members are in the documented order"
    );
    assert!(offer.header_value_len() < 1024, "{}", offer.header_value_len());
}
