//! The formats beside challenge and credential, as `tests/vectors/mpp.json` has them of the published
//! implementations: receipts, body digests, `Accept-Payment` and problem types.
#![allow(clippy::unwrap_used)]

mod mpp_support;

use mpp_support::{list, load};
use payments::{
    mpp::{
        accept, digest::BodyDigest, error::ProblemType, receipt::ReceivedReceipt,
        stripe::receipt::Receipt,
    },
    time::UnixMs,
};
use serde_json::Value;
use testkit::vectors::text;

#[test]
fn every_receipt_is_read_and_ours_are_the_same() {
    let vectors = load();
    let receipts = list(&vectors, "receipts");
    for entry in receipts {
        let json = &entry["json"];
        let read = ReceivedReceipt::decode(text(entry, "header")).unwrap();
        assert_eq!(
            (read.method.as_str(), read.reference.as_str()),
            (text(json, "method"), text(json, "reference"))
        );
        assert_eq!(read.timestamp, text(json, "timestamp"));
        assert_eq!(
            (read.external_id.as_deref(), read.challenge_id.as_deref()),
            (json["externalId"].as_str(), json["challengeId"].as_str())
        );
        if read.method != "stripe" {
            continue;
        }
        let ours = Receipt {
            settled_at: UnixMs::parse_rfc3339(&read.timestamp).unwrap(),
            reference: &read.reference,
            external_id: read.external_id.as_deref(),
            challenge_id: None,
        };
        assert_eq!(mpp_support::decoded(&ours.header_value()), *json);
    }
    assert_eq!(receipts.len(), 3);
}

#[test]
fn every_body_digest_is_theirs_in_both_forms() {
    let vectors = load();
    let digests = list(&vectors, "body_digest");
    for entry in digests {
        let digest = BodyDigest::of(text(entry, "body").as_bytes());
        assert_eq!(digest.as_str(), text(entry, "digest"));
        assert!(digest.matches(text(entry, "digest")) && digest.matches(text(entry, "rfc9530")));
        let other = BodyDigest::of(b"another body");
        assert!(
            !other.matches(text(entry, "digest"))
                && !other.matches(text(entry, "rfc9530"))
                && !digest.matches("")
        );
    }
    assert_eq!(digests.len(), 4);
}

#[test]
fn every_accept_payment_is_ranked_as_agreed() {
    let vectors = load();
    let offers: Vec<_> = list(&vectors["accept_payment"], "offers")
        .iter()
        .map(|offer| offer.as_str().unwrap().split_once('/').unwrap())
        .collect();
    let cases = list(&vectors["accept_payment"], "cases");
    for case in cases {
        let ranked = accept::rank(text(case, "header"), &offers);
        let methods = ranked.map(|places| {
            places.into_iter().map(|place| Value::from(offers[place].0)).collect::<Value>()
        });
        assert_eq!(
            methods.unwrap_or_else(|_| Value::from("malformed")),
            case["ranked"],
            "{}",
            text(case, "header")
        );
    }
    assert_eq!((cases.len(), offers.len()), (12, 2));
}

#[test]
fn every_problem_type_is_known() {
    let vectors = load();
    let problems = list(&vectors, "problems");
    for (problem, ours) in problems.iter().zip(ProblemType::ALL) {
        assert_eq!(
            (text(problem, "type"), problem["status"].as_u64()),
            (ours.uri(), Some(u64::from(ours.status())))
        );
        let title = ours
            .slug()
            .split('-')
            .map(|word| word[..1].to_uppercase() + &word[1..])
            .collect::<Vec<_>>()
            .join(" ");
        assert_eq!(ours.title(), title);
    }
    assert_eq!((problems.len(), ProblemType::ALL.len()), (11, 11));
}
