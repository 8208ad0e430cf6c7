#![allow(clippy::unwrap_used)]

use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use payments::agent::Wallet;
use payments::money::UsdcUnits;
use payments::x402::offer::{Requirements, Token};
use payments::x402::{decode, verify};
use serde_json::{Value, json};

use super::*;
use crate::wallet::DevWallet;

const USDC: &str = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
const SHOP: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

fn token() -> Token {
    Token::new(USDC.parse().unwrap(), "USDC", "2", 84_532)
}

fn spending() -> Spending {
    Spending { token: token(), most: "1.00".parse().unwrap() }
}

fn v2_offer() -> Value {
    json!({"scheme": "exact", "network": "eip155:84532", "amount": "550000", "asset": USDC, "payTo": SHOP, "maxTimeoutSeconds": 300,
           "extra": {"name": "USDC", "version": "2"}})
}

fn v1_offer() -> Value {
    json!({"scheme": "exact", "network": "base-sepolia", "maxAmountRequired": "550000", "asset": USDC.to_lowercase(), "payTo": SHOP,
           "resource": "http://shop/launches", "description": "", "mimeType": "application/json", "maxTimeoutSeconds": 300,
           "extra": {"name": "USDC", "version": "2"}})
}

/// A 402 with these offers in the header of version 2, and the usual one in the body of version 1.
fn challenge(offers: &[Value]) -> Response<Bytes> {
    let required =
        json!({"x402Version": 2, "resource": {"url": "http://shop/launches"}, "accepts": offers});
    let body = json!({"x402Version": 1, "accepts": [v1_offer()]}).to_string();
    let header = STANDARD.encode(required.to_string());
    Response::builder().status(402).header("payment-required", header).body(body.into()).unwrap()
}

fn choose(offer: Value) -> Result<Agreed, Refusal> {
    let response = challenge(&[offer]);
    spending().choose(&Challenge::read(&response, Reading::NewestFirst).unwrap())
}

/// The usual offer with one member changed.
fn with(pointer: &str, value: Value) -> Value {
    let mut offer = v2_offer();
    *offer.pointer_mut(pointer).unwrap() = value;
    offer
}

#[test]
fn what_it_signs_is_what_a_gateway_verifies_in_both_versions() {
    let shop: Wallet = SHOP.parse().unwrap();
    let requirements = Requirements::new(
        token(),
        shop,
        UsdcUnits::new(550_000),
        300,
        "a launch",
        "application/json",
    );
    let wallet = DevWallet::from_index(3).unwrap();
    for (reading, header) in
        [(Reading::NewestFirst, "payment-signature"), (Reading::OnlyV1, "x-payment")]
    {
        let challenge = Challenge::read(&challenge(&[v2_offer()]), reading).unwrap();
        let agreed = spending().choose(&challenge).unwrap();
        let proof = Proof::sign(
            wallet.signer(),
            &agreed,
            &Moment { now_unix_s: 1_700_000_000, nonce: [7; 32] },
        );
        assert_eq!(proof.header_name(), header);
        let payment = decode::decode(proof.header_value().as_bytes()).unwrap().unwrap();
        let transfer = verify::verify(&payment, &verify::Offers::exactly(&requirements)).unwrap();
        assert_eq!(transfer.from().as_bytes(), &wallet.address().into_array());
        assert_eq!(
            (transfer.valid_after_unix_s(), transfer.valid_before_unix_s()),
            (1_699_999_400, 1_700_000_300)
        );
        assert_eq!(transfer.nonce(), &[7; 32]);
    }
}

#[test]
fn no_authorization_stays_open_longer_than_an_hour() {
    let agreed = choose(with("/maxTimeoutSeconds", json!(31_536_000))).unwrap();
    let signer = DevWallet::from_index(0).unwrap().signer().clone();
    let proof =
        Proof::sign(&signer, &agreed, &Moment { now_unix_s: 1_700_000_000, nonce: [1; 32] });
    assert_eq!(proof.json()["payload"]["authorization"]["validBefore"], "1700003600");
}

#[test]
fn it_pays_up_to_its_limit_and_not_a_unit_more() {
    assert_eq!(choose(with("/amount", json!("1000000"))).unwrap().amount().get(), 1_000_000);
    let above = choose(with("/amount", json!("1000001"))).unwrap_err();
    assert!(
        matches!(above, Refusal::AboveLimit { asked, .. } if asked.get() == 1_000_001),
        "{above}"
    );
    for odd in [
        json!("-1"),
        json!("+1"),
        json!("0x10"),
        json!("1e3"),
        json!(""),
        json!(550_000),
        json!("18446744073709551616"),
    ] {
        assert_eq!(choose(with("/amount", odd)).unwrap_err(), Refusal::Unusable("amount"));
    }
}

#[test]
fn it_pays_with_its_token_on_its_chain_only() {
    for network in ["eip155:8453", "base", "eip155:084532", "84532", "solana"] {
        let refusal = choose(with("/network", json!(network))).unwrap_err();
        assert!(
            matches!(&refusal, Refusal::Network { asked, .. } if asked == network),
            "{refusal}"
        );
    }
    for (pointer, value) in [
        ("/asset", json!(SHOP)),
        ("/extra/name", json!("USD Coin")),
        ("/extra/version", json!("1")),
    ] {
        let refusal = choose(with(pointer, value)).unwrap_err();
        assert!(matches!(refusal, Refusal::Asset { .. }), "{refusal}");
    }
    assert_eq!(
        choose(with("/scheme", json!("upto"))).unwrap_err(),
        Refusal::Scheme("upto".to_owned())
    );
    assert_eq!(choose(with("/payTo", json!("0x1"))).unwrap_err(), Refusal::Unusable("payTo"));
    assert_eq!(
        choose(with("/maxTimeoutSeconds", json!(0))).unwrap_err(),
        Refusal::Unusable("maxTimeoutSeconds")
    );
}

#[test]
fn among_several_offers_it_takes_the_one_that_it_may_pay() {
    let offers =
        [with("/network", json!("eip155:8453")), with("/amount", json!("9000000")), v2_offer()];
    let read = Challenge::read(&challenge(&offers), Reading::NewestFirst).unwrap();
    assert_eq!(spending().choose(&read).unwrap().amount().get(), 550_000);
    let read = Challenge::read(&challenge(&offers[..2]), Reading::NewestFirst).unwrap();
    assert!(
        matches!(spending().choose(&read).unwrap_err(), Refusal::AboveLimit { .. }),
        "the offer that came furthest"
    );
}

#[test]
fn a_402_that_says_nothing_is_named_as_such() {
    let read = |header: Option<String>, body: Value| {
        let mut response = Response::builder().status(402);
        if let Some(header) = header {
            response = response.header("payment-required", header);
        }
        let response = response.body(Bytes::from(body.to_string())).unwrap();
        Challenge::read(&response, Reading::NewestFirst).map(drop)
    };
    assert_eq!(read(None, json!({"error": "pay"})), Err(ChallengeError::None));
    assert_eq!(
        read(None, json!({"x402Version": 2, "accepts": [v2_offer()]})),
        Err(ChallengeError::None)
    );
    assert_eq!(read(None, json!({"x402Version": 1, "accepts": []})), Err(ChallengeError::NoOffer));
    // A broken header is not passed over: the server meant it.
    let body = json!({"x402Version": 1, "accepts": [v1_offer()]});
    assert_eq!(read(Some(String::from("%%")), body.clone()), Err(ChallengeError::Header));
    assert_eq!(read(Some(STANDARD.encode("{}")), body.clone()), Err(ChallengeError::Header));
    assert_eq!(read(None, body), Ok(()));
}

/// Answers from a list, and keeps what it was sent.
struct Script {
    answers: Mutex<Vec<Result<Response<Bytes>, TransportError>>>,
    sent: Mutex<Vec<String>>,
}

impl Script {
    fn agent(mut answers: Vec<Result<Response<Bytes>, TransportError>>) -> Agent<Self> {
        answers.reverse();
        let transport = Self { answers: Mutex::new(answers), sent: Mutex::default() };
        Agent { reading: Reading::NewestFirst, transport }
    }
}

impl Transport for Script {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let proof = request
            .headers()
            .get("payment-signature")
            .map(|value| value.to_str().unwrap().to_owned());
        self.sent.lock().unwrap().push(proof.unwrap_or_default());
        self.answers.lock().unwrap().pop().unwrap()
    }
}

fn proof() -> Proof {
    let signer = DevWallet::from_index(0).unwrap().signer().clone();
    Proof::sign(
        &signer,
        &choose(v2_offer()).unwrap(),
        &Moment { now_unix_s: 1_700_000_000, nonce: [9; 32] },
    )
}

fn no_connection() -> TransportError {
    TransportError::Unreachable { host: String::from("host"), why: String::from("refused") }
}

fn answer(status: u16, code: &str) -> Result<Response<Bytes>, TransportError> {
    let body = json!({"error": {"code": code, "message": ""}}).to_string();
    Ok(Response::builder().status(status).header("retry-after", "0").body(body.into()).unwrap())
}

#[tokio::test]
async fn while_nobody_knows_the_very_same_proof_goes_out_again() {
    let unknown = || answer(503, "PAYMENT_005");
    let agent = Script::agent(vec![unknown(), unknown(), answer(201, "")]);
    let proof = proof();
    let response = agent.present(&Request::new(Bytes::new()), &proof).await.unwrap();
    assert_eq!(response.status(), 201);
    let sent = agent.transport.sent.lock().unwrap();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|header| header == proof.header_value().to_str().unwrap()));
}

#[tokio::test]
async fn it_gives_up_after_some_tries_and_does_not_try_again_for_other_answers() {
    let agent = Script::agent((0..10).map(|_| answer(503, "PAYMENT_005")).collect());
    assert_eq!(agent.present(&Request::new(Bytes::new()), &proof()).await.unwrap().status(), 503);
    assert_eq!(agent.transport.sent.lock().unwrap().len(), 6);
    for (status, code) in [(503, "SERVER_001"), (402, "PAYMENT_002"), (409, "SERVER_009")] {
        let agent = Script::agent(vec![answer(status, code)]);
        assert_eq!(
            agent.present(&Request::new(Bytes::new()), &proof()).await.unwrap().status().as_u16(),
            status
        );
    }
}

#[tokio::test]
async fn an_answer_without_a_price_is_taken_as_it_is() {
    let agent =
        Script::agent(vec![answer(200, ""), Ok(challenge(&[v2_offer()])), Err(no_connection())]);
    let request = Request::new(Bytes::new());
    assert!(matches!(agent.ask(&request).await.unwrap(), Asked::Answered(_)));
    assert!(matches!(agent.ask(&request).await.unwrap(), Asked::Challenged(..)));
    assert!(matches!(agent.ask(&request).await.unwrap_err(), AgentError::Connection(_)));
    assert!(
        agent.transport.sent.lock().unwrap().iter().all(String::is_empty),
        "a proof was sent unasked"
    );
}
