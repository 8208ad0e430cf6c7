#![allow(clippy::unwrap_used)]

use payments::{
    agent::Wallet,
    money::{Credits, UsdCents},
    rail::RailsHere,
    x402::offer::Token,
};
use serde_json::Value;

use super::{llms, openapi::document, subject::Subject};
use crate::{
    gateway::{CardTerms, Challenges, Pack},
    upstream::profile::{LaunchPrices, OwnRoute, Profile, RouteTable, Target},
};

/// Crawlers read no more.
const MAX_BYTES: usize = 64 * 1024;

/// The profile with other prices than its own; the document and the text of a gateway that charges
/// them.
fn described(prices: LaunchPrices, cards: bool) -> (Value, String) {
    let mut profile = Profile::load("dropspace", &|_| None).unwrap();
    assert!(profile.override_launch_price(prices));
    profile.settle_offers(RailsHere { cards }).unwrap();
    let table = RouteTable::new(&profile, &OwnRoute::ALL).unwrap();
    let wallet = |digit: &str| Wallet::parse(&format!("0x{}", digit.repeat(40))).unwrap();
    let token = Token::new(wallet("1"), "USDC", "2", 84532);
    let pack = Pack { id: "pack_20", credits: Credits::new(20), price: UsdCents::new(1300) };
    let terms = CardTerms {
        realm: "api.example".to_owned(),
        network_id: "profile_test_x".to_owned(),
        pack: pack.price,
    };
    let url = "https://api.example";
    let challenges =
        Challenges::prepare(&table, url, &token, wallet("2"), 300, cards.then_some(&terms))
            .unwrap();
    let pack = cards.then_some(pack);
    let subject = Subject {
        service: "dropspace",
        public_url: url,
        table: &table,
        challenges: &challenges,
        cards,
        pack,
        sandbox: false,
    };
    (document(&subject), llms::text(&subject, &profile.codes))
}

fn dearer() -> LaunchPrices {
    LaunchPrices { usdc_units: Some(710_000), usd_cents: Some(820), free_count: Some(3) }
}

#[test]
fn the_document_names_the_price_that_is_charged_in_both_dialects() {
    let (document, text) = described(dearer(), true);
    let info = &document["paths"]["/launches"]["post"]["x-payment-info"];
    assert_eq!(info["offers"][0]["amount"], "820");
    assert_eq!(info["offers"][0]["currency"], "usd");
    assert_eq!(
        (&info["price"]["amount"], &info["price"]["currency"]),
        (&"0.71".into(), &"USD".into())
    );
    assert_eq!(info["protocols"].as_array().unwrap().len(), 2);
    let pack = &document["paths"]["/credits/purchase"]["post"]["x-payment-info"];
    assert_eq!(
        (&pack["offers"][0]["amount"], &pack["price"]["amount"]),
        (&"1300".into(), &"13.00".into())
    );
    assert!(
        pack["protocols"].as_array().unwrap().iter().all(|protocol| protocol.get("x402").is_none()),
        "{pack}"
    );
    for price in ["0.71 USDC", "8.20 USD", "13.00 USD", "The first 3 a month"] {
        assert!(text.contains(price), "{price} is not in\n{text}");
    }
}

#[test]
fn where_no_cards_are_taken_none_are_offered() {
    let (document, text) = described(LaunchPrices::default(), false);
    let info = &document["paths"]["/launches"]["post"]["x-payment-info"];
    assert_eq!((info.get("offers"), &info["price"]["amount"]), (None, &"0.55".into()));
    assert!(
        document["paths"].get("/credits").is_none()
            && document["paths"].get("/credits/purchase").is_none()
    );
    assert!(!text.contains("mppx") && !text.contains("tpk_"), "{text}");
}

#[test]
fn every_route_of_the_table_is_described_and_small_enough() {
    let (document, text) = described(LaunchPrices::default(), true);
    let paths = document["paths"].as_object().unwrap();
    let count: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
    let profile = Profile::load("dropspace", &|_| None).unwrap();
    let webhook = 1;
    assert_eq!(count, profile.routes.len() + OwnRoute::ALL.len() - webhook);
    assert!(paths.contains_key("/launches/{id}/publish"));
    assert!(
        document.to_string().len() < MAX_BYTES && text.len() < 8 * 1024,
        "{} {}",
        document.to_string().len(),
        text.len()
    );
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 50);
    for reference in references {
        assert!(
            document.pointer(reference.trim_start_matches('#')).is_some(),
            "{reference} leads nowhere"
        );
    }
}

#[test]
fn paid_operations_answer_402_without_a_scheme_and_free_ones_carry_no_price() {
    let (document, _) = described(LaunchPrices::default(), true);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let paid =
                ["/launches", "/credits/purchase"].contains(&path.as_str()) && method == "post";
            assert_eq!(operation.get("x-payment-info").is_some(), paid, "{method} {path}");
            if paid {
                assert_eq!(operation["security"], serde_json::json!([]), "{method} {path}");
                assert!(
                    operation["responses"].get("402").is_some()
                        && operation.get("requestBody").is_some(),
                    "{method} {path}"
                );
            }
        }
    }
}

#[test]
fn the_examples_are_bodies_that_are_accepted() {
    let profile = Profile::load("dropspace", &|_| None).unwrap();
    let mut seen = 0;
    for route in &profile.routes {
        let Target::Upstream(upstream) = &route.target else { continue };
        let Some(body) = &upstream.body else { continue };
        let example = body.contract.schema().pointer("/examples/0").unwrap().to_string();
        assert!(body.contract.check(example.as_bytes()).is_ok(), "{}: {example}", route.key);
        seen += 1;
    }
    assert_eq!(seen, 2);
}

fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| collect(member, references));
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, references)),
        _ => {}
    }
}
