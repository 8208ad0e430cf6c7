//! What a request must say before anything is asked of anybody, and what an answer tells caches and
//! browsers.

use serde_json::{Value, json};

use crate::proof_shapes::one_paid;
use crate::support::world::{Totals, creation, launch};
use crate::support::{Call, Reply, Setup, World};

#[tokio::test(flavor = "multi_thread")]
async fn r108_a_request_is_validated_before_money() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let with = |member: &str, value: Value| {
        let mut body = launch("valid otherwise");
        body[member] = value;
        body
    };
    let mut scheduled = with("publish", json!(true));
    scheduled["scheduled_date"] = json!("2099-01-01T00:00:00Z");
    let ten: Vec<String> = (0..10).map(|at| format!("platform{at}")).collect();
    let bodies = [
        ("a title of 201 characters", with("title", json!("t".repeat(201)))),
        ("an empty title", with("title", json!(""))),
        ("a title that is a number", with("title", json!(5))),
        ("no title", json!({"product_description": "d", "platforms": ["twitter"]})),
        ("ten platforms", with("platforms", json!(ten))),
        ("an unknown platform", with("platforms", json!(["myspace"]))),
        ("no platform", with("platforms", json!([]))),
        ("publish and scheduled_date", scheduled),
        ("a description of 2001 characters", with("product_description", json!("d".repeat(2001)))),
        ("an array", json!([1, 2])),
    ];
    for (what, body) in bodies {
        let header = world.proof(&wallet).v2();
        let reply = world.create(&header, &body).await;
        assert_eq!(reply.status, 400, "{what}: {}", reply.brief());
        assert_eq!(reply.code(), "SERVER_002", "{what}: {}", reply.brief());
        // The proof is as good as new.
        if what == "no title" {
            world.create(&header, &launch("corrected")).await.must(201);
        }
    }
    let no_json = creation(&world.proof(&wallet).v2(), &json!({})).bytes("{\"title\": ");
    world.send(no_json).await.refused(400, "SERVER_002");
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_post_to_official_accounts_only() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let mut own = launch("own account");
    own["user_platform_accounts"] = json!({"twitter": "0b6f2f1c-57a7-4d0e-9f5e-0d9f6f0b7a11"});
    let header = world.proof(&wallet).v2();
    world.create(&header, &own).await.refused(403, "AUTH_002");
    let mut unconnected = launch("unconnected");
    unconnected["dropspace_platforms"] = json!(["reddit"]);
    world.create(&header, &unconnected).await.refused(400, "LAUNCH_007");
    let mut persona = launch("persona");
    persona["persona_id"] = json!("0b6f2f1c-57a7-4d0e-9f5e-0d9f6f0b7a11");
    world.create(&header, &persona).await.refused(404, "SERVER_003");
    world.settles_at(Totals::default()).await;
    let mut official = launch("official");
    official["dropspace_platforms"] = json!(["twitter"]);
    world.create(&header, &official).await.must(201);
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_accounts_are_shown_to_anyone() {
    let world = Setup::new().embedded().start().await;
    for target in ["/dropspace/status", "/v1/dropspace/status"] {
        let body = world.send(Call::get(target)).await.must(200).json();
        let connected = body["data"]["connected_platforms"].as_array().unwrap().clone();
        assert!(connected.contains(&json!("twitter")), "{body}");
        assert_eq!(body["data"]["platforms"].as_array().unwrap().len(), 7, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_is_unknown_to_the_embedded_core() {
    let world = Setup::new().embedded().start().await;
    let key = "Bearer ds_live_0123456789abcdef0123456789abcdef";
    let calls = [
        Call::get("/launches"),
        Call::new("POST", "/launches").json(&launch("with a key")),
        Call::get("/launches/0b6f2f1c-57a7-4d0e-9f5e-0d9f6f0b7a11"),
    ];
    for call in calls {
        world.send(call.header("authorization", key)).await.refused(401, "AUTH_001");
    }
    world.settles_at(Totals::default()).await;
}

/// Nobody between us and the agent may keep this answer for others.
#[track_caller]
fn not_shared(reply: &Reply, what: &str) {
    let policy = reply.header("cache-control").unwrap_or_default();
    let kept = policy.split(',').any(|word| ["private", "no-store"].contains(&word.trim()));
    assert!(kept && !policy.contains("public"), "{what}: cache-control {policy:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r112_no_shared_cache_may_keep_an_answer() {
    let world = Setup::paid().start().await;
    let (wallet, other) = (world.agent().await, world.agent().await);
    let unpaid = world.send(Call::new("POST", "/launches").json(&launch("t"))).await;
    assert_eq!(unpaid.must(402).header("cache-control"), Some("no-store"));
    let unidentified = world.send(Call::get("/launches")).await;
    assert_eq!(unidentified.must(402).header("cache-control"), Some("no-store"));
    let header = world.proof(&wallet).v2();
    not_shared(&world.create(&header, &launch("t")).await.must(201), "201");
    not_shared(&world.create(&header, &launch("t")).await.must(201), "the stored answer");
    not_shared(&world.create(&header, &launch("u")).await.must(409), "409");
    not_shared(&world.ask(&wallet, "GET", "/usage").await.must(200), "usage");
    let mine = world.ask(&wallet, "GET", "/launches").await.must(200);
    not_shared(&mine, "the list");
    let theirs = world.ask(&other, "GET", "/launches").await.must(200);
    assert_ne!(theirs.body, mine.body, "the first wallet's answer");
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_may_pay_too() {
    let world = World::start().await;
    let preflight = Call::new("OPTIONS", "/launches")
        .header("origin", "https://agent.example")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "content-type,payment-signature,access-control-expose-headers",
        );
    let reply = world.send(preflight).await;
    assert!(reply.status.is_success(), "{}", reply.brief());
    assert!(reply.header("access-control-allow-origin").is_some(), "{:?}", reply.headers);
    let allowed =
        reply.header("access-control-allow-headers").expect("allowed headers").to_lowercase();
    let request_headers = [
        "content-type",
        "authorization",
        "x-payment",
        "payment-signature",
        "idempotency-key",
        "access-control-expose-headers",
        "payment-retry",
    ];
    for name in request_headers {
        assert!(
            allowed == "*" && name != "authorization" || allowed.contains(name),
            "{name}: {allowed}"
        );
    }
    let unpaid = Call::new("POST", "/launches")
        .header("origin", "https://agent.example")
        .json(&launch("from a page"));
    let reply = world.send(unpaid).await.must(402);
    assert!(reply.header("access-control-allow-origin").is_some(), "on the 402 itself");
    let exposed =
        reply.header("access-control-expose-headers").expect("exposed headers").to_lowercase();
    for name in [
        "payment-required",
        "payment-response",
        "x-payment-response",
        "www-authenticate",
        "retry-after",
    ] {
        assert!(exposed.contains(name), "{name}: {exposed}");
    }
    world.settles_at(Totals::default()).await;
}
