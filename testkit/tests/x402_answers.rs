//! What we say of ourselves: the 402, the receipts and the constants, against the same vectors.
#![allow(clippy::unwrap_used)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use payments::agent::Wallet;
use payments::challenge::{
    ErrorShape, MAX_CHALLENGE_BYTES, Phase, Prepared402, Problem, Render, Rendered, Retry,
};
use payments::money::UsdcUnits;
use payments::x402::offer::{Network, Requirements, Token};
use payments::x402::receipt::{Outcome, Receipt};
use payments::x402::{X402Version, eip712};
use serde_json::{Value, json};
use testkit::vectors::{self, bytes32, text};

const URL: &str = "https://api.example.com/launches";
const PAYER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const MESSAGE: &str = "payment required: $0.55 (x402) or $0.60 (MPP) per launch";

fn problem() -> Problem<'static> {
    Problem { code: "PAYMENT_001", message: MESSAGE, ..Problem::default() }
}

fn render(offer: &Requirements, url: &str, problem: Problem<'_>, shape: ErrorShape) -> Rendered {
    let prepared = Prepared402::new("POST /launches", URL, offer).unwrap();
    prepared.render(&Render { resource_url: url, problem, shape, card: None })
}

fn header_json(rendered: &Rendered) -> Value {
    serde_json::from_slice(
        &STANDARD.decode(rendered.header_payment_required.as_ref().unwrap()).unwrap(),
    )
    .unwrap()
}

fn body_json(rendered: &Rendered) -> Value {
    serde_json::from_slice(&rendered.body).unwrap()
}

fn golden_offer(vectors: &Value) -> Requirements {
    vectors::requirements(vectors, &vectors["golden402"]["body"]["accepts"][0])
}

#[test]
fn the_402_is_the_golden_one_without_the_card_half() {
    let vectors = vectors::load();
    let golden = &vectors["golden402"];
    let rendered = render(&golden_offer(&vectors), URL, problem(), ErrorShape::Object);

    let mut body = golden["body"].clone();
    body.as_object_mut().unwrap().remove("mpp").unwrap();
    assert_eq!(body_json(&rendered), body);

    let encoded = text(&golden["headers"], "PAYMENT-REQUIRED");
    let mut header: Value = serde_json::from_slice(&STANDARD.decode(encoded).unwrap()).unwrap();
    header["error"] = json!(format!("PAYMENT_001: {MESSAGE}"));
    assert_eq!(header_json(&rendered), header);
    assert_eq!(
        header.to_string(),
        header_json(&rendered).to_string(),
        "members are in the documented order"
    );
}

#[test]
fn header_values_are_the_published_bytes() {
    let vectors = vectors::load();
    let headers = &vectors["headers"];
    for name in ["paymentRequired", "utf8"] {
        let wanted = &headers[name]["json"];
        let element = &wanted["accepts"][0];
        let described = vectors::requirements(&vectors, element);
        let offer = Requirements::new(
            described.token().clone(),
            *described.pay_to(),
            described.amount(),
            described.max_timeout_s(),
            text(&wanted["resource"], "description"),
            "application/json",
        );
        // The vectors' error has no code: rendered with one, then compared with the code taken out.
        let ours = header_json(&render(&offer, URL, problem(), ErrorShape::Object));
        let mut ours = ours.as_object().unwrap().clone();
        ours.insert("error".to_owned(), wanted["error"].clone());
        assert_eq!(
            STANDARD.encode(Value::Object(ours).to_string()),
            text(&headers[name], "headerValue"),
            "{name}"
        );
    }
}

#[test]
fn receipts_are_the_published_bytes() {
    let vectors = vectors::load();
    let headers = &vectors["headers"];
    let network = Network::new(8453);
    let payer = Some(Wallet::parse(PAYER).unwrap());
    let settled = Outcome::Settled { transaction: [0xab; 32], amount: UsdcUnits::new(550_000) };
    let failed = Outcome::Failed { reason: "invalid_exact_evm_insufficient_balance" };
    for (name, outcome, version) in [
        ("paymentResponseSuccess", settled, X402Version::V2),
        ("paymentResponseFailure", failed, X402Version::V2),
        ("xPaymentResponseV1", settled, X402Version::V1),
    ] {
        let value = Receipt { network: &network, payer, outcome }.header_value(version);
        assert_eq!(value.as_deref(), headers[name]["headerValue"].as_str(), "{name}");
    }
    assert_eq!(headers.as_object().unwrap().len(), 5, "a vector without a test");
}

#[test]
fn a_pending_receipt_keeps_the_transaction() {
    let network = Network::new(84532);
    let receipt = |transaction| Receipt {
        network: &network,
        payer: None,
        outcome: Outcome::Pending { transaction },
    };
    let read = |value: Option<String>| -> Value {
        serde_json::from_slice(&STANDARD.decode(value.unwrap()).unwrap()).unwrap()
    };
    let hash = format!("0x{}", "cd".repeat(32));
    assert_eq!(
        read(receipt(Some([0xcd; 32])).header_value(X402Version::V2)),
        json!({"success": false, "errorReason": "settlement_pending", "transaction": hash, "network": "eip155:84532"})
    );
    let unsent = read(receipt(None).header_value(X402Version::V1));
    assert_eq!((&unsent["transaction"], &unsent["network"]), (&json!(""), &json!("base-sepolia")));
    let local = Receipt {
        network: &Network::new(31337),
        payer: None,
        outcome: Outcome::Pending { transaction: None },
    };
    assert_eq!(local.header_value(X402Version::V1), None);
}

#[test]
fn strict_parsers_get_a_string_and_everybody_the_members() {
    let vectors = vectors::load();
    let full = Problem {
        code: "PAYMENT_002",
        message: "the \"value\" is wrong",
        reason: Some("invalid_exact_evm_payload_authorization_value_mismatch"),
        phase: Some(Phase::Verify),
        retry: Some(Retry::PayAgain),
        field: Some("payload.authorization.value"),
        expected: Some("550000"),
        got: Some("1"),
        payment_id: Some("p1"),
        docs: Some("https://api.example.com/llms.txt"),
    };
    let rendered = render(&golden_offer(&vectors), URL, full, ErrorShape::String);
    let body = body_json(&rendered);
    let detail = json!({"code": "PAYMENT_002", "message": "the \"value\" is wrong"});
    assert_eq!(body["error"], "PAYMENT_002: the \"value\" is wrong");
    assert_eq!(body["error_detail"], detail);
    assert_eq!(header_json(&rendered)["error"], body["error"]);
    for (member, value) in [
        ("reason", "invalid_exact_evm_payload_authorization_value_mismatch"),
        ("phase", "verify"),
        ("retry", "pay_again"),
        ("field", "payload.authorization.value"),
        ("expected", "550000"),
        ("got", "1"),
        ("payment_id", "p1"),
        ("docs", "https://api.example.com/llms.txt"),
    ] {
        assert_eq!(body[member], value, "{member}");
    }
    let plain: Value = serde_json::from_slice(&problem().body(ErrorShape::Object)).unwrap();
    assert_eq!(plain, json!({"error": {"code": "PAYMENT_001", "message": MESSAGE}}));
}

#[test]
fn a_chain_without_a_v1_name_offers_version_2_alone() {
    let token = Token::new(Wallet::new([1; 20]), "USD Coin", "2", 31337);
    let offer = Requirements::new(
        token,
        Wallet::new([2; 20]),
        UsdcUnits::ZERO,
        300,
        "list",
        "application/json",
    );
    let rendered = render(&offer, URL, problem(), ErrorShape::Object);
    let body = body_json(&rendered);
    assert!(body.get("x402Version").is_none() && body.get("accepts").is_none());
    assert_eq!(body["x402"]["amount"], "0.00");
    assert_eq!(header_json(&rendered)["accepts"][0]["amount"], "0");
}

#[test]
fn the_header_stays_small_whatever_the_client_calls() {
    let vectors = vectors::load();
    let offer = golden_offer(&vectors);
    let long_query = format!("{URL}?q={}", "a".repeat(8_000));
    let long_path = format!("{URL}/{}", "\"".repeat(3_000));
    let long_message = "\u{1}é".repeat(5_000);
    for (url, expected) in [
        (long_query.as_str(), URL),
        (long_path.as_str(), URL),
        ("https://x.example/v1/launches?a=\"b\"", "https://x.example/v1/launches?a=\"b\""),
    ] {
        let loud = Problem { message: &long_message, ..problem() };
        let rendered = render(&offer, url, loud, ErrorShape::Object);
        assert!(rendered.header_payment_required.as_ref().unwrap().len() <= MAX_CHALLENGE_BYTES);
        assert_eq!(header_json(&rendered)["resource"]["url"], expected);
        assert_eq!(body_json(&rendered)["accepts"][0]["resource"], expected);
        assert_eq!(body_json(&rendered)["error"]["message"], long_message.as_str());
    }
    let talkative = Requirements::new(
        offer.token().clone(),
        *offer.pay_to(),
        offer.amount(),
        300,
        &"x".repeat(4_000),
        "",
    );
    let error = Prepared402::new("POST /launches", URL, &talkative).unwrap_err();
    assert!(error.bytes > MAX_CHALLENGE_BYTES && error.to_string().contains("POST /launches"));
}

#[test]
fn published_constants_are_ours() {
    let vectors = vectors::load();
    let constants = &vectors["constants"];
    assert_eq!(eip712::DOMAIN_TYPE_HASH.0, bytes32(text(constants, "typeHashDomain")));
    assert_eq!(
        eip712::TRANSFER_TYPE_HASH.0,
        bytes32(text(constants, "typeHashTransferWithAuthorization"))
    );
    let networks = vectors["networks"].as_object().unwrap();
    for (caip2, network) in networks {
        let contract = text(network, "verifyingContract").parse().unwrap();
        let chain_id = network["chainId"].as_u64().unwrap();
        let (name, version) = (text(network, "name"), text(network, "version"));
        let separator = eip712::domain_separator(name, version, chain_id, &contract);
        assert_eq!(separator.0, bytes32(text(network, "domainSeparator")), "{caip2}");
        let ours = Network::new(chain_id);
        assert_eq!((ours.caip2(), ours.v1_name()), (caip2.as_str(), network["v1"].as_str()));
    }
    assert_eq!(networks.len(), 3);
}

#[test]
fn a_challenge_that_takes_identifiers_stays_small_and_otherwise_the_same() {
    let vectors = vectors::load();
    let offer = golden_offer(&vectors);
    let plain = Prepared402::new("POST /launches", URL, &offer).unwrap();
    let render =
        Render { resource_url: URL, problem: problem(), shape: ErrorShape::Object, card: None };
    let named = plain.clone().taking_identifiers("POST /launches").unwrap().render(&render);
    assert!(named.header_payment_required.as_ref().unwrap().len() <= MAX_CHALLENGE_BYTES);
    assert_eq!(named.body, plain.render(&render).body);
    let mut header = header_json(&named);
    let extensions = header.as_object_mut().unwrap().remove("extensions").unwrap();
    assert_eq!(header, header_json(&plain.render(&render)));
    let extension = &extensions["payment-identifier"];
    assert_eq!(extension["info"], json!({"required": false}));
    assert_eq!(extension["schema"]["properties"]["id"]["pattern"], "^[a-zA-Z0-9_-]+$");
}
