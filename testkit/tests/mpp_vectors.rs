//! Every entry of `tests/vectors/mpp.json` that concerns the core scheme and the method `stripe`.
//! The vectors were made by the published implementations; where they differ, `expect` says what a
//! gateway must answer.
#![allow(clippy::unwrap_used)]

mod mpp_support;

use mpp_support::{NOW, REALM, SECRET, credential, decode, list, load};
use payments::mpp::{
    client,
    decode::UnverifiedCredential,
    digest::BodyDigest,
    error::{MppError, ProblemType},
    jcs,
    secrets::{Secrets, Slots},
    stripe::{
        offer::Offer,
        verify::{LiveCharge, present, verify},
    },
};
use serde_json::Value;
use testkit::vectors::text;

#[test]
fn every_challenge_id_is_theirs() {
    let vectors = load();
    let cases = list(&vectors, "challenge_id");
    for case in cases {
        let (name, input) = (text(case, "name"), &case["input"]);
        let secrets = Secrets::new([text(input, "secretKey")]).unwrap();
        let request = jcs::encoded(&input["request"]).unwrap();
        let opaque =
            input.get("opaque").map(|opaque| jcs::encoded(opaque).unwrap()).unwrap_or_default();
        assert_eq!(request, text(case, "request_b64"), "{name}");
        assert_eq!(opaque, case["opaque_b64"].as_str().unwrap_or_default(), "{name}");
        let slots = Slots {
            realm: text(input, "realm"),
            method: text(input, "method"),
            intent: text(input, "intent"),
            request: &request,
            expires: input["expires"].as_str().unwrap_or_default(),
            digest: input["digest"].as_str().unwrap_or_default(),
            header: input["header"].as_str(),
            opaque: &opaque,
        };
        let id = secrets.sign(&slots);
        assert_eq!(id.to_string(), text(case, "id"), "{name}");
        assert_eq!(secrets.verify(&slots, text(case, "id")), Some(id), "{name}");
        check_their_headers(case, &slots);
    }
    assert_eq!(cases.len(), 20);
}

/// Our client reads from the header of each implementation what went into the id.
fn check_their_headers(case: &Value, slots: &Slots<'_>) {
    let headers = case["headers"].as_object().unwrap();
    for (sdk, header) in headers {
        let [Ok(read)] = &client::challenges(header.as_str().unwrap())[..] else {
            panic!("{sdk}: {header}")
        };
        let value = |name| read.parameter(name).unwrap_or_default();
        assert_eq!(value("id"), text(case, "id"), "{sdk}");
        let again = Slots {
            realm: value("realm"),
            method: value("method"),
            intent: value("intent"),
            request: value("request"),
            expires: value("expires"),
            digest: value("digest"),
            header: read.parameter("header"),
            opaque: value("opaque"),
        };
        assert_eq!(again, *slots, "{sdk}: {}", text(case, "name"));
    }
    assert!(!headers.is_empty());
}

#[test]
fn every_challenge_header_is_read_as_agreed() {
    let vectors = load();
    let cases = list(&vectors, "challenge_header");
    for case in cases {
        let name = text(case, "name");
        let read = client::challenges(&mpp_support::expand(&case["value"]));
        let good: Vec<_> = read.iter().flatten().collect();
        match &case["expect"] {
            Value::String(error) => {
                assert_eq!((error.as_str(), good.len()), ("error", 0), "{name}");
                // Ours: a field without any challenge holds no malformed one.
                assert_eq!(read.len(), usize::from(name != "empty field"), "{name}");
            }
            expected => {
                let expected = expected.as_array().unwrap();
                assert_eq!((good.len(), read.len()), (expected.len(), expected.len()), "{name}");
                for (challenge, expected) in good.iter().zip(expected) {
                    assert_eq!(challenge.parameter("id"), expected["id"].as_str(), "{name}");
                    assert_eq!(
                        challenge.parameter("method"),
                        expected["method"].as_str(),
                        "{name}"
                    );
                }
            }
        }
    }
    assert_eq!(cases.len(), 35);
}

/// The whole way of one credential: decode, verify, clock.
fn judge(case: &Value) -> Result<Option<LiveCharge>, MppError> {
    let route = &case["route"];
    let opaque = route["opaque"].as_object().into_iter().flatten();
    let binding: Vec<_> =
        opaque.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let offer = Offer::foreign(REALM, route["request"].clone(), &binding).unwrap();
    let body = route["body"].as_str().map(|body| BodyDigest::of(body.as_bytes()));
    let Some(credential) = decode(&credential(case))? else { return Ok(None) };
    let verified = verify(&credential, &Secrets::new([SECRET]).unwrap(), &offer, body.as_ref())?;
    verified.in_window(NOW).map(Some)
}

#[test]
fn every_credential_gets_its_verdict() {
    let vectors = load();
    let cases = list(&vectors, "verification");
    let (mut failures, mut accepted) = (Vec::new(), 0);
    for case in cases {
        let name = text(case, "name");
        let wanted = &case["expect"];
        let expected =
            wanted["problem"].as_str().map(|problem| (problem, wanted["status"].as_u64().unwrap()));
        assert_eq!(wanted["ok"] == true, expected.is_none(), "{name}");
        let got = match judge(case) {
            Ok(Some(live)) => {
                accepted += 1;
                assert_eq!(
                    live.amount().get().to_string(),
                    text(&case["route"]["request"], "amount"),
                    "{name}"
                );
                assert_eq!(live.source(), case["authorization"]["source"].as_str(), "{name}");
                None
            }
            Ok(None) => Some(ProblemType::PaymentRequired),
            Err(error) => {
                assert!(!error.to_string().contains("spt_v"), "{name}: shows the token: {error}");
                assert!(
                    !error.expected.is_empty() && !error.got.is_empty(),
                    "{name}: explains nothing: {error}"
                );
                Some(error.problem())
            }
        };
        if got.map(|problem| (problem.uri(), u64::from(problem.status()))) != expected {
            failures.push(format!("{name}: expected {expected:?}, got {got:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!((cases.len(), accepted), (59, 16));
}

/// What the rules alone decide of the sequences: which sendings have one identity, and which none.
/// The rest is the books'.
#[test]
fn every_sequence_has_the_identities_that_its_claims_need() {
    let vectors = load();
    let names: Vec<_> =
        list(&vectors, "sequences").iter().map(|sequence| text(sequence, "name")).collect();
    let (old, new) = (Secrets::new([SECRET]).unwrap(), "rotated-vector-secret-0123456789abcdef");
    let offer = mpp_support::launch_offer();
    let [first, fresh] = [1, 2].map(|byte| mpp_support::challenge(&offer, &old, [byte; 16]));
    let send = |challenge: &str, token: &str, secrets: &Secrets| {
        let credential: UnverifiedCredential =
            decode(&mpp_support::pay(challenge, token)).unwrap().unwrap();
        verify(&credential, secrets, &offer, None)?.in_window(NOW)
    };
    for name in &names {
        match *name {
            // The same bytes are the same challenge with the same token: one claim, however often
            // they come.
            "single use" | "concurrent use" | "outcome unknown" => {
                let [a, b] = [0, 1].map(|_| send(&first, "spt_a", &old).unwrap());
                assert_eq!(a, b, "{name}");
                assert_eq!(a.presented(), b.presented(), "{name}");
            }
            "same challenge, another SPT" => {
                let [a, b] = ["spt_a", "spt_b"].map(|token| send(&first, token, &old).unwrap());
                assert_eq!(a.challenge_id(), b.challenge_id());
                assert_ne!(a.presented(), b.presented());
            }
            "declined, then another card on a fresh challenge" => {
                assert_ne!(
                    send(&first, "spt_a", &old).unwrap().challenge_id(),
                    send(&fresh, "spt_b", &old).unwrap().challenge_id()
                );
            }
            "key rotation" => {
                assert!(send(&first, "spt_a", &Secrets::new([new, SECRET]).unwrap()).is_ok());
                let error = send(&first, "spt_a", &Secrets::new([new]).unwrap()).unwrap_err();
                assert_eq!(error.problem(), ProblemType::InvalidChallenge);
            }
            other => panic!("undecided: {other}"),
        }
    }
    assert_eq!(names.len(), 6);
}

/// The credential of the method `evm`, whose challenge is ours, proves nothing here: neither a
/// payment nor an account.
#[test]
fn a_credential_of_another_method_never_passes() {
    let vectors = load();
    let evm = &vectors["evm_charge"];
    let credential = decode(text(evm, "authorization")).unwrap().unwrap();
    let secrets = Secrets::new([SECRET]).unwrap();
    let request = mpp_support::decoded(&mpp_support::echoed(text(evm, "authorization"), "request"));
    let offer = Offer::foreign(REALM, request, &[]).unwrap();
    for error in [
        verify(&credential, &secrets, &offer, None).unwrap_err(),
        present(&credential, &secrets, REALM).unwrap_err(),
    ] {
        assert_eq!(
            (error.problem(), error.field),
            (ProblemType::InvalidChallenge, "challenge.method")
        );
    }
}
