//! Only what the gateway signed is answered.
use super::*;

#[tokio::test]
async fn the_secret_must_not_be_empty() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path(), &Arc::new(AtomicI64::new(START_MS)));
    config.signing_secret.clear();
    assert!(matches!(LaunchCore::open(config).await, Err(CoreError::NoSecret)));
}

#[tokio::test]
async fn requests_without_a_good_identity_are_unauthorized() {
    let world = World::new().await;
    let good = || world.signed(ALICE, "GET", "/launches", "", "");
    assert_eq!(world.send(good()).await.status, 200);
    let bearer = Request::get("/launches")
        .header("authorization", "Bearer ds_live_x")
        .body(Body::empty())
        .unwrap();
    let bare = Request::get("/launches").body(Body::empty()).unwrap();
    let mut requests = vec![("API key", bearer), ("nothing", bare)];
    for header in ["x-turnpike-agent", "x-turnpike-timestamp", "x-turnpike-signature"] {
        let mut missing = good();
        missing.headers_mut().remove(header);
        requests.push((header, missing));
        let mut twice = good();
        twice.headers_mut().append(header, "wallet:0xcc".parse().unwrap());
        requests.push((header, twice));
    }
    let mut other_agent = good();
    other_agent.headers_mut().insert("x-turnpike-agent", BOB.parse().unwrap());
    let mut other_target = good();
    *other_target.uri_mut() = "/launches?page=2".parse().unwrap();
    let mut other_key = good();
    other_key.headers_mut().insert("idempotency-key", "k".parse().unwrap());
    let mut other_body = world.signed(ALICE, "POST", "/launches", "k", "{}");
    *other_body.body_mut() = Body::from("{ }");
    requests.extend([
        ("agent", other_agent),
        ("target", other_target),
        ("key", other_key),
        ("body", other_body),
    ]);
    for (name, request) in requests {
        assert_eq!(world.send(request).await.code(), (401, "AUTH_001".to_owned()), "{name}");
    }
    for skew_ms in [301_000, -301_000] {
        let request = good();
        world.advance_ms(skew_ms);
        assert_eq!(world.send(request).await.code(), (401, "AUTH_001".to_owned()), "{skew_ms}");
        world.advance_ms(-skew_ms);
    }
}

#[tokio::test]
async fn unknown_paths_methods_and_large_bodies() {
    let world = World::new().await;
    assert_eq!(world.get(ALICE, "/nowhere").await.code(), (404, "SERVER_003".to_owned()));
    let put = world.call(ALICE, "PUT", "/launches", Value::Null).await;
    assert_eq!(put.code(), (405, "SERVER_004".to_owned()));
    let large = "x".repeat(MAX_BODY_BYTES + 1);
    let request = world.signed(ALICE, "POST", "/launches", "k", &large);
    assert_eq!(world.send(request).await.code(), (413, "SERVER_002".to_owned()));
    assert_eq!(world.get(ALICE, "/v1/launches").await.status, 200);
}

#[tokio::test]
async fn the_gateways_own_routes_are_closed_to_agents() {
    let world = World::new().await;
    for target in ["/_core/launches", "/_core/launches/by-key/k", "/_core/health"] {
        assert_eq!(world.get(ALICE, target).await.code(), (403, "AUTH_002".to_owned()), "{target}");
    }
    assert_eq!(world.get("gateway", "/_core/health").await.status, 200);
}

#[tokio::test]
async fn another_agents_launch_does_not_exist() {
    let world = World::new().await;
    let id = world.create(json!({"dropspace_platforms": ["twitter"]})).await.id();
    let before = world.get(ALICE, &format!("/launches/{id}")).await.text;
    for (method, target) in [
        ("GET", format!("/launches/{id}")),
        ("GET", format!("/launches/{id}/status")),
        ("PATCH", format!("/launches/{id}")),
        ("DELETE", format!("/launches/{id}")),
        ("POST", format!("/launches/{id}/publish")),
    ] {
        let answer = world.call(BOB, method, &target, json!({"name": "mine"})).await;
        assert_eq!(answer.code(), (404, "LAUNCH_001".to_owned()), "{method}");
    }
    assert_eq!(world.get(BOB, "/launches").await.json()["pagination"]["total"], 0);
    assert_eq!(world.get(ALICE, &format!("/launches/{id}")).await.text, before);
    assert_eq!(
        world.get(ALICE, "/launches/not-a-uuid").await.code(),
        (404, "LAUNCH_001".to_owned())
    );
}
