#![allow(clippy::unwrap_used)]

use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Request;
use serde_json::{Value, json};

use super::super::{Agent, Reading, Transport, TransportError};
use super::*;

const EXPIRES: &str = "2033-05-18T03:33:20Z";

fn field(change: impl FnOnce(&mut Value)) -> String {
    let mut request = json!({"amount": "60", "currency": "usd", "methodDetails": {"networkId": "profile_1", "paymentMethodTypes": ["card"]}});
    change(&mut request);
    let request = URL_SAFE_NO_PAD.encode(request.to_string());
    format!(
        r#"Payment id="abc", realm="shop", method="stripe", intent="charge", request="{request}", expires="{EXPIRES}""#
    )
}

fn challenged(fields: &[String]) -> Response<Bytes> {
    let response = fields.iter().fold(Response::builder().status(402), |built, field| {
        built.header("www-authenticate", field)
    });
    response.body(Bytes::new()).unwrap()
}

fn choose(fields: &[String]) -> Result<CardAgreed, CardRefusal> {
    CardSpending { most: UsdCents::new(100) }.choose(&challenged(fields))
}

#[test]
fn it_agrees_to_a_charge_within_its_limit_and_to_nothing_else() {
    let agreed = choose(&[field(|_| ())]).unwrap();
    assert_eq!((agreed.amount().get(), agreed.network_id()), (60, "profile_1"));
    assert_eq!(agreed.expires.unwrap().unix_s(), 2_000_000_000);
    let refused = |fields: &[String]| choose(fields).unwrap_err();
    let dear = field(|request| request["amount"] = "101".into());
    assert_eq!(
        refused(&[dear]),
        CardRefusal::AboveLimit { asked: UsdCents::new(101), most: UsdCents::new(100) }
    );
    assert_eq!(
        refused(&[field(|request| request["currency"] = "jpy".into())]),
        CardRefusal::Currency("jpy".to_owned())
    );
    assert_eq!(refused(&[]), CardRefusal::NoOffer);
    assert_eq!(refused(&["Bearer realm=\"x\"".to_owned()]), CardRefusal::NoOffer);
    assert_eq!(refused(&[field(|_| ()).replace("\"stripe\"", "\"tempo\"")]), CardRefusal::NoOffer);
    assert!(matches!(
        refused(&[field(|_| ()).replace(EXPIRES, "soon")]),
        CardRefusal::Malformed(_)
    ));
}

#[test]
fn among_several_challenges_it_takes_the_one_that_it_may_pay() {
    let dear = field(|request| request["amount"] = "900".into());
    assert_eq!(choose(&[dear.clone(), field(|_| ())]).unwrap().amount().get(), 60);
    assert_eq!(choose(&[format!("{}, {}", dear, field(|_| ()))]).unwrap().amount().get(), 60);
}

/// Answers from a list, and keeps what it was sent.
struct Script {
    answers: Mutex<Vec<Result<Response<Bytes>, TransportError>>>,
    sent: Mutex<Vec<Request<Bytes>>>,
}

impl Script {
    fn of(mut answers: Vec<Result<Response<Bytes>, TransportError>>) -> Self {
        answers.reverse();
        Self { answers: Mutex::new(answers), sent: Mutex::default() }
    }
}

impl Transport for Script {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.sent.lock().unwrap().push(request);
        self.answers.lock().unwrap().pop().unwrap()
    }
}

fn answer(status: u16, body: &Value) -> Result<Response<Bytes>, TransportError> {
    Ok(Response::builder()
        .status(status)
        .header("retry-after", "0")
        .body(body.to_string().into())
        .unwrap())
}

fn mint() -> Mint {
    Mint {
        url: "http://stripe/mint".parse().unwrap(),
        key: "sk_test_k3y".to_owned(),
        api_version: "v".to_owned(),
    }
}

#[tokio::test]
async fn a_token_is_minted_for_the_price_the_seller_and_the_time_that_were_agreed() {
    let agreed = choose(&[field(|_| ())]).unwrap();
    let card = Card { method: "pm_card_visa".to_owned(), customer: Some("cus_1".to_owned()) };
    let script = Script::of(vec![answer(200, &json!({"id": "spt_1"}))]);
    assert_eq!(mint().token(&script, &card, &agreed).await.unwrap().expose(), "spt_1");
    let sent = script.sent.lock().unwrap();
    let form: Vec<(String, String)> = form_urlencoded::parse(sent[0].body()).into_owned().collect();
    for (name, value) in [
        ("payment_method", "pm_card_visa"),
        ("customer", "cus_1"),
        ("usage_limits[currency]", "usd"),
        ("usage_limits[max_amount]", "60"),
        ("usage_limits[expires_at]", "2000000000"),
        ("seller_details[network_id]", "profile_1"),
    ] {
        assert!(form.contains(&(name.to_owned(), value.to_owned())), "{name} in {form:?}");
    }
}

#[tokio::test]
async fn a_mint_that_makes_no_token_is_told_without_its_key() {
    let agreed = choose(&[field(|_| ())]).unwrap();
    let card = Card { method: "pm_card_nope".to_owned(), customer: None };
    let (host, why) = (String::from("stripe"), String::from("refused"));
    let unreachable = TransportError::Unreachable { host, why };
    for (said, expected) in [
        (
            answer(400, &json!({"error": {"message": "No such PaymentMethod"}})),
            "400 No such PaymentMethod",
        ),
        (answer(200, &json!({"id": "pi_1"})), "200 and no token"),
        (Err(unreachable), "cannot reach stripe: refused"),
    ] {
        let error =
            mint().token(&Script::of(vec![said]), &card, &agreed).await.unwrap_err().to_string();
        assert!(
            error.contains(expected)
                && error.contains("nothing was paid")
                && !error.contains("k3y"),
            "{error}"
        );
    }
    assert!(!format!("{:?}", mint()).contains("k3y"));
}

#[tokio::test]
async fn while_nobody_knows_the_very_same_credential_goes_out_again() {
    let agreed = choose(&[field(|_| ())]).unwrap();
    let proof = CardProof::new(&agreed, &PaymentToken::parse("spt_s3cr3t").unwrap(), None);
    assert!(
        !format!("{proof:?}").contains(proof.header_value().to_str().unwrap()),
        "a credential is shown"
    );
    let unknown = || answer(503, &json!({"error": {"code": "PAYMENT_005", "message": ""}}));
    let agent = Agent {
        reading: Reading::NewestFirst,
        transport: Script::of(vec![unknown(), unknown(), answer(201, &json!({}))]),
    };
    let response =
        agent.present_card(&Request::new(Bytes::new()), &proof, Some("tpk_1")).await.unwrap();
    assert_eq!(response.status(), 201);
    let sent = agent.transport.sent.lock().unwrap();
    assert_eq!(sent.len(), 3);
    for request in sent.iter() {
        assert_eq!(request.headers()["authorization"], proof.header_value());
        assert_eq!(request.headers()["x-agent-token"], "tpk_1");
    }
    let text = proof.header_value();
    let credential =
        URL_SAFE_NO_PAD.decode(text.to_str().unwrap().strip_prefix("Payment ").unwrap()).unwrap();
    let credential: Value = serde_json::from_slice(&credential).unwrap();
    assert_eq!(
        (credential["payload"]["spt"].as_str(), credential["challenge"]["id"].as_str()),
        (Some("spt_s3cr3t"), Some("abc"))
    );
}

#[tokio::test]
async fn an_agent_token_is_sent_again_only_under_a_key_of_the_request() {
    let unknown = || answer(503, &json!({"error": {"code": "PAYMENT_005", "message": ""}}));
    for (key, status, sendings) in [(None, 503, 1), (Some("k"), 201, 2)] {
        let agent = Agent {
            reading: Reading::NewestFirst,
            transport: Script::of(vec![unknown(), answer(201, &json!({}))]),
        };
        let mut request = Request::new(Bytes::new());
        if let Some(key) = key {
            request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        }
        assert_eq!(agent.present_token(&request, "tpk_1").await.unwrap().status(), status);
        let sent = agent.transport.sent.lock().unwrap();
        assert_eq!(
            (sent.len(), &sent[0].headers()["authorization"]),
            (sendings, &HeaderValue::from_static("Bearer tpk_1"))
        );
    }
}
