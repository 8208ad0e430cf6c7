//! Keys, versions, headers and malformed requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use http_body_util::Full;
use sandbox::stripe::{Emulator, EmulatorConfig, EmulatorError, SECRET_KEY};
use serde_json::{Value, json};

use crate::support::*;

const ACCOUNT: &str = "/v1/account";

async fn with_key(world: &World, authorization: Option<String>) -> Answer {
    let mut request = Request::get(world.url(ACCOUNT));
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    send(request.body(Full::default()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn the_test_key_opens_it_and_no_other() {
    let world = World::new().await;
    let basic = |key: &str| format!("Basic {}", STANDARD.encode(key));
    let good =
        [format!("Bearer {SECRET_KEY}"), basic(&format!("{SECRET_KEY}:")), basic(SECRET_KEY)];
    for authorization in good {
        let answer = with_key(&world, Some(authorization)).await;
        assert_eq!((answer.status, &answer.body["object"]), (200, &json!("account")));
    }
    let live = "Bearer sk_live_abcdefgh".to_owned();
    let bad = [
        None,
        Some("Bearer sk_test_other".into()),
        Some(live),
        Some(basic(":")),
        Some(format!("Token {SECRET_KEY}")),
    ];
    for authorization in bad {
        let answer = with_key(&world, authorization).await;
        assert_eq!(
            (answer.status, &answer.body["error"]["type"]),
            (401, &json!("invalid_request_error"))
        );
        assert!(!answer.body.to_string().contains("sk_"), "no key is repeated: {}", answer.body);
    }
}

#[tokio::test]
async fn shared_payment_tokens_need_a_preview_version() {
    let world = World::new().await;
    let token = world.token("pm_card_visa").await;
    let below = "payment_method_data[shared_payment_granted_token]";
    let nested =
        [("amount", "60"), ("currency", "usd"), ("confirm", "true"), (below, token.as_str())];
    for version in [None, Some("2026-09-30.endive"), Some("preview")] {
        for (path, form, param) in [
            (INTENTS, paying(&token), "shared_payment_granted_token"),
            (INTENTS, nested.to_vec(), below),
            (GRANT, granting("pm_card_visa"), "usage_limits[currency]"),
        ] {
            let mut request = Request::post(world.url(path))
                .header("authorization", format!("Bearer {SECRET_KEY}"));
            request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .header("idempotency-key", "key");
            if let Some(version) = version {
                request = request.header("stripe-version", version);
            }
            let answer = send(request.body(Full::from(encoded(&form))).unwrap()).await.unwrap();
            assert_eq!(
                (answer.status, answer.error()),
                (400, "parameter_unknown"),
                "{path} {version:?}"
            );
            assert_eq!(answer.message(), format!("Received unknown parameter: {param}"));
        }
    }
    assert_eq!(
        world.post_key(INTENTS, &paying(&token), "key").await.status,
        200,
        "the key was left free"
    );
}

#[tokio::test]
async fn answers_carry_stripes_headers() {
    let world = World::new().await;
    let answer = world.post_key(GRANT, &granting("pm_card_visa"), "key").await;
    assert!(answer.header("request-id").unwrap().starts_with("req_"));
    assert_eq!(answer.header("stripe-version"), Some(PREVIEW));
    assert_eq!(answer.header("idempotency-key"), Some("key"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-turnpike-mode"), Some("sandbox"));
    let one = world.get(ACCOUNT).await;
    assert_ne!(one.header("request-id"), answer.header("request-id"));
}

#[tokio::test]
async fn a_malformed_request_names_its_parameter() {
    let world = World::new().await;
    let token = world.token("pm_card_visa").await;
    let long = "x".repeat(501);
    let cases: [(&str, &str, &str); 8] = [
        ("amount", "", "parameter_missing"),
        ("amount", "6.0", "parameter_invalid_integer"),
        ("amount", "-60", "parameter_invalid_integer"),
        ("amount", "100000000", "amount_too_large"),
        ("currency", "xyz", "invalid_request_error"),
        ("confirm", "false", "invalid_request_error"),
        ("metadata", &long, "invalid_request_error"),
        ("metadata[a][b]", "c", "invalid_request_error"),
    ];
    for (name, value, error) in cases {
        let name = if name == "metadata" { "metadata[note]" } else { name };
        let answer = world.post(INTENTS, &[&paying(&token)[..], &[(name, value)]].concat()).await;
        // An empty value after a good one takes its place.
        assert_eq!(
            (answer.status, answer.error()),
            (400, error),
            "{name}={value}: {}",
            answer.body
        );
    }
    let json = world
        .request("POST", INTENTS)
        .header("content-type", "application/json")
        .body(Full::from("{}"))
        .unwrap();
    assert_eq!(send(json).await.unwrap().status, 400);
    assert_eq!(world.get("/v1/nonsense").await.status, 404);
    assert_eq!(world.post("/v1/account", &[]).await.status, 404);
    assert_eq!(
        world.get("/v1/shared_payment/granted_tokens/spt_none").await.error(),
        "resource_missing"
    );
    assert_eq!(world.get("/v1/charges/pi_none").await.error(), "resource_missing");
}

#[tokio::test]
async fn metadata_and_currency_come_back() {
    let world = World::new().await;
    let token = world.token("pm_card_visa").await;
    let mut form = paying(&token);
    form.extend([
        ("metadata[gateway_payment_id]", "pay_1"),
        ("metadata[note]", "a&b=c[d] ü"),
        ("currency", "USD"),
        ("description", "a launch"),
    ]);
    form.extend([
        ("automatic_payment_methods[enabled]", "true"),
        ("automatic_payment_methods[allow_redirects]", "never"),
    ]);
    let paid = world.post(INTENTS, &form).await.body;
    assert_eq!(paid["metadata"], json!({"gateway_payment_id": "pay_1", "note": "a&b=c[d] ü"}));
    assert_eq!(
        (&paid["currency"], &paid["description"], &paid["customer"]),
        (&json!("usd"), &json!("a launch"), &Value::Null)
    );
}

#[tokio::test]
async fn it_starts_on_loopback_with_a_test_key_only() {
    let time = Arc::new(AtomicU64::new(NOW));
    let live = EmulatorConfig { secret_key: "sk_live_x".into(), ..config(&time) };
    assert!(matches!(Emulator::start(live).await, Err(EmulatorError::NotATestKey)));
    let everywhere =
        EmulatorConfig { listen: SocketAddr::from(([0, 0, 0, 0], 0)), ..config(&time) };
    assert!(matches!(Emulator::start(everywhere).await, Err(EmulatorError::NotLoopback(_))));
    let tls = EmulatorConfig { webhook_url: Some("https://gateway.test/".into()), ..config(&time) };
    assert!(matches!(Emulator::start(tls).await, Err(EmulatorError::Target(_))));
    let emulator = Emulator::start(config(&time)).await.unwrap();
    let address = emulator.address();
    emulator.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
