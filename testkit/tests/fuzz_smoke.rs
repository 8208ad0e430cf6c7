//! The targets of `fuzz/` on bytes that a seeded generator makes out of the vectors: a fixed number
//! of tries, the same in every run.
#![allow(clippy::unwrap_used)]

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use testkit::mutation::mutated;
use testkit::parsers::mpp::ISSUED;
use testkit::parsers::{self, TARGETS, Target};
use testkit::sim::rng::Rng;
use testkit::vectors;

/// Tries per target, counted and not timed: a slow machine tests as much as a fast one.
const TRIES: u64 = 12_000;

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let entries = || vectors::VECTORS["positive"].as_array().unwrap().iter();
    let own = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    match name {
        "x402_header" => {
            entries().map(|entry| vectors::text(entry, "headerValue").as_bytes().to_vec()).collect()
        }
        "x402_json" => entries()
            .map(|entry| STANDARD.decode(vectors::text(entry, "headerValue")).unwrap())
            .collect(),
        "texts" => own(&[
            "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
            "wallet:0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
            "card:0123456789abcdef0123456789abcdef",
            "pay_0190163d8694739b8b5c1a0b6c3d2e1f",
            "0x1111111111111111111111111111111111111111111111111111111111111111",
            "eip155:8453/0x833589fcd6edb6e08f4c7c32d4f71b54bda02913/0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266/\
             0x1111111111111111111111111111111111111111111111111111111111111111",
            "0.55",
            "12.00",
            "18446744073709551615",
            "18446744073709.551615",
        ]),
        "challenge_402" => own(&[
            "https://api.example.com/launches?a=1&b=%22the \"message\" \\ \u{0} \u{1f600}",
            "application/x402+json;1",
        ]),
        "mpp_header" => ISSUED
            .credentials
            .iter()
            .map(|json| format!("Bearer a, Payment {}", URL_SAFE_NO_PAD.encode(json)).into_bytes())
            .collect(),
        "mpp_json" => ISSUED.credentials.iter().map(|json| json.as_bytes().to_vec()).collect(),
        "mpp_texts" => {
            let mut texts: Vec<_> =
                ISSUED.challenges.iter().map(|text| text.as_bytes().to_vec()).collect();
            texts.extend(own(&[
                "Negotiate abc==, Payment id=\"a\", realm=r, method=\"stripe\", intent=charge, request=\"e30\", description=\"\\u2014 \\\"\"",
                "evm/charge;q=0.5, stripe/*, */*;q=0",
                "eyJtZXRob2QiOiJzdHJpcGUiLCJyZWZlcmVuY2UiOiJwaV8zUTFhYmMiLCJzdGF0dXMiOiJzdWNjZXNzIiwidGltZXN0YW1wIjoiMjAyNi0xMS0yMVQyMzowNTozOVoifQ",
                "kvRVuLJdJuLrUomWOG4RlxoeCtfmXkzo9o60KQJE_BQ",
                "tpk_kvRVuLJdJuLrUomWOG4RlxoeCtfmXkzo9o60KQJE_BQ",
                "spt_1Q_abcdefghijklmnopqrstuvwxyz",
            ]));
            texts
        }
        other => panic!("no corpus for {other}"),
    }
}

fn try_all(name: &str, target: Target, seed: u64) {
    let corpus = corpus(name);
    for input in &corpus {
        target(input);
    }
    let mut rng = Rng::seeded(seed);
    for number in 0..TRIES {
        let input = mutated(&mut rng, &corpus);
        if std::panic::catch_unwind(|| target(&input)).is_err() {
            panic!("{name} breaks on try {number}: {}", STANDARD.encode(&input));
        }
    }
}

#[test]
fn payment_headers() {
    try_all(TARGETS[0].0, TARGETS[0].1, 1);
}

#[test]
fn payment_json() {
    try_all(TARGETS[1].0, TARGETS[1].1, 2);
}

#[test]
fn texts() {
    try_all(TARGETS[2].0, TARGETS[2].1, 3);
}

#[test]
fn challenges() {
    try_all(TARGETS[3].0, TARGETS[3].1, 4);
}

#[test]
fn card_headers() {
    try_all(TARGETS[4].0, TARGETS[4].1, 5);
}

#[test]
fn card_json() {
    try_all(TARGETS[5].0, TARGETS[5].1, 6);
}

#[test]
fn card_texts() {
    try_all(TARGETS[6].0, TARGETS[6].1, 7);
}

/// Every digit of every signature: none may change and still verify.
#[test]
fn no_digit_of_a_signature_may_change() {
    for json in corpus("x402_json") {
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let signature = vectors::text(&json["payload"], "signature").to_owned();
        for at in 2..signature.len() {
            let digit =
                signature[at..=at].chars().next().and_then(|digit| digit.to_digit(16)).unwrap();
            let mut changed = signature.clone();
            changed.replace_range(at..=at, &format!("{:x}", digit ^ 1));
            let mut json = json.clone();
            json["payload"]["signature"] = changed.into();
            parsers::x402_json(json.to_string().as_bytes());
        }
    }
}
