//! The doors: paths, methods, headers and sizes that try to slip past the till.

use serde_json::json;

use crate::support::world::{Totals, creation, launch};
use crate::support::{Call, Setup, World, raw};

#[tokio::test(flavor = "multi_thread")]
async fn r096_no_spelling_of_the_path_slips_past_the_price() {
    let world = World::start().await;
    let body = launch("free lunch").to_string();
    let absolute = format!("http://{}/launches", world.gateway.address);
    let elsewhere = "http://core.internal/launches";
    let targets = [
        "//launches",
        "/launches/",
        "/./launches",
        "/x/../launches",
        "/%6Caunches",
        "/launches%2F",
        "/LAUNCHES",
        "/launches;a=1",
        "/launches%00",
        "/launches%20",
        "/%2e/launches",
        "/launches/.",
        "/launches/..;/launches",
        "/v1//launches",
        "/v1/v1/launches",
        "/v1/../launches",
        "/\\launches",
        "/launches?x=%00",
        "/launches#x",
        "launches",
        "*",
        &absolute,
        elsewhere,
    ];
    for target in targets {
        let headers = [("content-type", "application/json"), ("connection", "close")];
        let bytes = raw::request("POST", target, &headers, body.as_bytes());
        let answer = raw::exchange(world.gateway.address, &bytes).await;
        let statuses = raw::statuses(&answer);
        let clean = statuses.iter().all(|status| [400, 402, 404].contains(status));
        let text = String::from_utf8_lossy(&answer);
        assert!(clean && statuses.len() <= 1, "{target}: {statuses:?} {text}");
    }
    let wallet = world.agent().await;
    for target in ["//launches", "/LAUNCHES", "/launches%2F", "/nothing", "/launches/a/b/c"] {
        let mut call = creation(&world.proof(&wallet).v2(), &launch("paid"));
        call.target = target.to_owned();
        let reply = world.send(call).await;
        assert!([400, 404].contains(&reply.status.as_u16()), "{target}: {}", reply.brief());
    }
    assert!(world.core().forwarded().is_empty(), "{:?}", world.core().forwarded());
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r097_no_method_slips_past_the_price() {
    let world = World::start().await;
    let wallet = world.agent().await;
    for method in ["HEAD", "TRACE", "PUT", "DELETE", "PATCH", "BREW"] {
        let reply = world.send(Call::new(method, "/launches").json(&launch("free"))).await;
        assert!([400, 402, 405].contains(&reply.status.as_u16()), "{method}: {}", reply.brief());
    }
    for (name, value) in [
        ("x-http-method-override", "POST"),
        ("x-http-method", "POST"),
        ("x-method-override", "POST"),
    ] {
        let (proof, payment) = world.identity(&wallet).v2();
        let call = Call::get("/launches").json(&launch("free")).header(proof, &payment);
        world.send(call.header(name, value)).await.must(200);
    }
    let (proof, payment) = world.identity(&wallet).v2();
    let call = Call::get("/launches?_method=POST").json(&launch("free"));
    world.send(call.header(proof, &payment)).await.must(200);
    let posts = world.core().forwarded().iter().filter(|seen| seen.method != "GET").count();
    assert_eq!(posts, 0, "{:?}", world.core().forwarded());
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_method_is_405_with_allow_and_an_unknown_path_404() {
    let world = World::start().await;
    let reply = world.send(Call::new("PUT", "/launches")).await.refused(405, "SERVER_004");
    let allow = reply.header("allow").expect("Allow").to_owned();
    let allowed: Vec<&str> = allow.split(',').map(str::trim).collect();
    assert!(allowed.contains(&"GET") && allowed.contains(&"POST"), "{allow}");
    assert!(!allowed.contains(&"PUT"), "{allow}");
    let one = world.send(Call::new("PUT", "/v1/launches/abc")).await.refused(405, "SERVER_004");
    assert!(one.header("allow").expect("Allow").contains("DELETE"));
    for target in
        ["/", "/nothing", "/v1", "/v2/launches", "/launches/a/nothing", "/operator", "/readyz"]
    {
        world.send(Call::get(target)).await.refused(404, "SERVER_003");
    }
    assert!(world.core().forwarded().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn r099_identity_headers_of_the_client_never_pass() {
    let world = World::start().await;
    let wallet = world.agent().await;
    let mut call = creation(&world.proof(&wallet).v2(), &launch("spoofed"));
    let names = [
        "x-turnpike-agent",
        "x-turnpike-timestamp",
        "x-turnpike-request-id",
        "x-turnpike-signature",
        "x_turnpike_agent",
        "x-turnpike_agent",
        "x_turnpike_signature",
        "x-turnpike-admin",
        "x-agent-token",
        "idempotency_key",
        "x-forwarded-for",
        "x_forwarded_for",
        "x-forwarded-host",
        "x-real-ip",
        "forwarded",
    ];
    for name in names {
        call = call.header(name, "wallet:0x00000000000000000000000000000000deadbeef");
    }
    let reply = world.send(call).await;
    // An agent token beside a payment names an account; this one names nobody.
    if reply.status != 201 {
        assert!([400, 401].contains(&reply.status.as_u16()), "{}", reply.brief());
    }
    let mut call = creation(&world.proof(&wallet).v2(), &launch("spoofed again"));
    for name in names.iter().filter(|name| **name != "x-agent-token") {
        call = call.header(name, "wallet:0x00000000000000000000000000000000deadbeef");
    }
    world.send(call).await.must(201);
    for seen in world.core().forwarded() {
        assert_eq!(seen.values("x-turnpike-agent"), [wallet.payer().as_str()]);
        for name in ["x-turnpike-timestamp", "x-turnpike-request-id", "x-turnpike-signature"] {
            assert_eq!(seen.values(name).len(), 1, "{name}: {:?}", seen.headers);
        }
        let spoofed = seen.headers.iter().find(|(_, value)| value.contains("deadbeef"));
        assert_eq!(spoofed, None);
        for name in ["x-payment", "payment-signature", "authorization", "cookie"] {
            assert!(seen.values(name).is_empty(), "{name}: {:?}", seen.headers);
        }
    }
    crate::support::oracle::check(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r100_a_connection_header_removes_nothing_of_ours() {
    let world = World::start().await;
    let wallet = world.agent().await;
    let nominated = "close, x-turnpike-agent, x-turnpike-signature, x-turnpike-timestamp, idempotency-key, x-mine";
    let call = creation(&world.proof(&wallet).v2(), &launch("nominated"))
        .header("connection", nominated)
        .header("x-mine", "must not pass")
        .header("te", "trailers")
        .header("keep-alive", "timeout=5");
    world.send(call).await.must(201);
    let seen = world.core().forwarded();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].values("x-turnpike-agent"), [wallet.payer().as_str()]);
    assert_eq!(seen[0].values("x-turnpike-signature").len(), 1);
    assert_eq!(seen[0].values("idempotency-key").len(), 1);
    for name in ["x-mine", "te", "keep-alive"] {
        assert!(seen[0].values(name).is_empty(), "{name}: {:?}", seen[0].headers);
    }
    let free = Totals { free_slots: 1, launches: 1, ..Totals::default() };
    world.settles_at(free).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r101_a_body_over_the_limit_is_refused_before_any_claim() {
    let world = Setup::paid().set("limits.body_bytes", "65536").start().await;
    let wallet = world.agent().await;
    let mut body = launch("large");
    body["product_description"] = json!("x".repeat(65_536));
    let header = world.proof(&wallet).v2();
    let reply = world.create(&header, &body).await;
    assert_eq!(reply.status, 413, "{}", reply.brief());
    let head = format!(
        "POST /launches HTTP/1.1\r\nhost: gateway.test\r\ncontent-type: application/json\r\n{}: {}\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n",
        header.0, header.1
    );
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let bytes = format!("{head}{}0\r\n\r\n", chunk.repeat(5));
    let answer = raw::exchange(world.gateway.address, bytes.as_bytes()).await;
    let statuses = raw::statuses(&answer);
    assert!(statuses == [413] || statuses.is_empty(), "{statuses:?}");
    assert!(world.gateway.audit().view("intents").await.is_empty());
    world.settles_at(Totals::default()).await;
    // Nothing has used the proof up.
    world.create(&header, &launch("small")).await.must(201);
}
