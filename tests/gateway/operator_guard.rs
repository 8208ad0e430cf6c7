//! Who may come in to the operators' side: the token, a session that was begun with it, or this
//! machine under its own names.

use serde_json::json;

use crate::support::{Call, Reply, Setup, World};

/// A page that shows nothing of the books, and an action that changes nothing.
const CONFIG: &str = "/operator/api/config";
const DRY: &str = "/operator/api/reconcile";
const TOKEN: &str = "an-operators-token-of-32-letters";

async fn with_token() -> World {
    let world = Setup::new()
        .set("operator.token", TOKEN)
        .alone("a wrong token costs a place at its process")
        .start()
        .await;
    world.secrets.add(TOKEN);
    world
}

async fn send(world: &World, call: Call) -> Reply {
    call.send(world.gateway.operator).await
}

fn dry() -> Call {
    Call::new("POST", DRY).json(&json!({"reason": "a test", "dry_run": true}))
}

/// The session that a login begins, as a browser sends it back, and the mark of its forms.
async fn session(world: &World) -> (String, String) {
    let login = Call::new("POST", "/operator/login").json(&json!({"token": TOKEN}));
    let reply = send(world, login).await.must(200);
    let cookie = reply.header("set-cookie").unwrap().to_owned();
    for part in ["; Path=/operator", "; Max-Age=43200", "; HttpOnly", "; SameSite=Strict"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains(TOKEN), "{cookie}");
    (
        cookie.split(';').next().unwrap().to_owned(),
        reply.json()["csrf"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_only_names_of_this_machine_are_served() {
    let world = World::start().await;
    let port = world.gateway.operator.port();
    for host in [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        format!("[::1]:{port}"),
        "LOCALHOST".to_owned(),
    ] {
        send(&world, Call::get(CONFIG).header("host", &host)).await.must(200);
    }
    for host in [
        "rebound.example",
        "127.0.0.1.rebound.example",
        "localhost.rebound.example:80",
        "127.0.0.1:80@rebound.example",
        "10.0.0.1",
    ] {
        let call = Call::get(CONFIG).header("host", host);
        let reply = send(&world, call.clone()).await.refused(403, "AUTH_002");
        assert!(
            reply.json()["error"]["message"].as_str().unwrap().contains("operator.token"),
            "{}",
            reply.brief()
        );
        for (name, value) in [
            ("forwarded", "for=127.0.0.1;host=localhost"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-host", "localhost"),
        ] {
            send(&world, call.clone().header(name, value)).await.refused(403, "AUTH_002");
        }
        send(&world, call.header("host", "localhost")).await.refused(403, "AUTH_002");
        for open in ["/healthz", "/readyz"] {
            send(&world, Call::get(open).header("host", host)).await.must(200);
        }
    }
    // Whatever the path is.
    for path in ["/operator/login", "/operator/assets/x", "/operator/api/nothing", "/metrics"] {
        send(&world, Call::get(path).header("host", "rebound.example"))
            .await
            .refused(403, "AUTH_002");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_from_another_site_is_refused() {
    let world = World::start().await;
    let (own, form) = (("x-turnpike-desk", "1"), "application/x-www-form-urlencoded");
    send(&world, dry()).await.refused(403, "AUTH_002");
    send(&world, dry().header(own.0, "0")).await.refused(403, "AUTH_002");
    for site in ["cross-site", "same-site"] {
        send(&world, dry().header(own.0, own.1).header("sec-fetch-site", site))
            .await
            .refused(403, "AUTH_002");
    }
    for body in ["reason=x&dry_run=on", "reason=x&dry_run=on&csrf=", "reason=x&dry_run=on&csrf=00"]
    {
        let call = Call::new("POST", DRY).bytes(body).header("content-type", form);
        send(&world, call).await.refused(403, "AUTH_002");
    }
    for site in ["same-origin", "none"] {
        send(&world, dry().header(own.0, own.1).header("sec-fetch-site", site)).await.must(200);
    }
    send(&world, dry().header(own.0, own.1)).await.must(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_nobody_comes_in_without_it() {
    let world = with_token().await;
    let bearer = format!("Bearer {TOKEN}");
    let reply = send(&world, Call::get(CONFIG)).await.refused(401, "AUTH_001");
    assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer"), "{:?}", reply.headers);
    for wrong in [
        "Bearer",
        "Bearer an-operators-token-of-32-letterS",
        "Bearer an-operators-token",
        &format!("Basic {TOKEN}"),
        TOKEN,
    ] {
        send(&world, Call::get(CONFIG).header("authorization", wrong))
            .await
            .refused(401, "AUTH_001");
    }
    for cookie in ["turnpike_desk=", "turnpike_desk=1.2.3", "turnpike_desk=9999999999.00.00"] {
        send(&world, Call::get(CONFIG).header("cookie", cookie)).await.refused(401, "AUTH_001");
    }
    // Under any name, and without a mark: no browser sends the token by itself.
    let call = Call::get(CONFIG).header("authorization", &bearer).header("host", "desk.example");
    send(&world, call).await.must(200);
    send(&world, dry().header("authorization", &bearer)).await.must(200);
    send(&world, Call::get("/healthz")).await.must(200);
    let page = Call::get("/operator").header("accept", "text/html");
    assert_eq!(send(&world, page).await.must(303).header("location"), Some("/operator/login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_tokens_are_bounded_and_never_logged() {
    let world = with_token().await;
    let guess = |token: &str| Call::new("POST", "/operator/login").json(&json!({"token": token}));
    let mut answers = Vec::new();
    for at in 0..30 {
        answers.push(
            send(&world, guess(&format!("a-guess-that-must-not-be-logged-{at}")))
                .await
                .status
                .as_u16(),
        );
    }
    assert_eq!(answers[..10], [401; 10], "{answers:?}");
    assert!(
        answers.contains(&429) && answers.iter().all(|status| [401, 429].contains(status)),
        "{answers:?}"
    );
    let bearer =
        Call::get(CONFIG).header("authorization", "Bearer a-guess-that-must-not-be-logged");
    assert!([401, 429].contains(&send(&world, bearer).await.status.as_u16()));
    // Whoever has the token is not locked out by whoever has not.
    session(&world).await;
    let logs = world.gateway.logs();
    assert!(
        logs.contains("operator.wrong_token") && !logs.contains("a-guess") && !logs.contains(TOKEN),
        "{logs}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_reads_and_changes_with_its_own_mark_only() {
    let world = with_token().await;
    let (cookie, mark) = session(&world).await;
    let (_, others_mark) = session(&world).await;
    send(&world, Call::get(CONFIG).header("cookie", &format!("other=1; {cookie}"))).await.must(200);
    let mut forged = cookie.clone();
    let last = if forged.pop() == Some('0') { '1' } else { '0' };
    forged.push(last);
    send(&world, Call::get(CONFIG).header("cookie", &forged)).await.refused(401, "AUTH_001");
    send(&world, dry().header("cookie", &cookie)).await.refused(403, "AUTH_002");
    send(&world, dry().header("cookie", &cookie).header("x-turnpike-desk", "1")).await.must(200);
    let form = |mark: &str| {
        let body = format!("reason=a+test&dry_run=on&csrf={mark}");
        Call::new("POST", DRY)
            .bytes(body)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", &cookie)
    };
    send(&world, form(&mark)).await.must(200);
    send(&world, form(&others_mark)).await.refused(403, "AUTH_002");
    send(&world, form(&mark).header("sec-fetch-site", "cross-site")).await.refused(403, "AUTH_002");
    let left = send(
        &world,
        Call::new("POST", "/operator/logout")
            .header("cookie", &cookie)
            .header("x-turnpike-desk", "1"),
    )
    .await
    .must(200);
    assert!(
        left.header("set-cookie").unwrap().starts_with("turnpike_desk=; "),
        "{:?}",
        left.headers
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_after_twelve_hours() {
    let dir = tempfile::TempDir::new().unwrap();
    let clock = dir.path().join("clock");
    let set = |time: &str| {
        std::fs::write(clock.with_extension("next"), time).unwrap();
        std::fs::rename(clock.with_extension("next"), &clock).unwrap();
    };
    set("2027-03-01T00:00:00Z");
    let path = clock.display().to_string();
    let world =
        Setup::new().set("operator.token", TOKEN).set("test.clock_file", &path).start().await;
    let (cookie, _) = session(&world).await;
    let call = Call::get(CONFIG).header("cookie", &cookie);
    set("2027-03-01T11:59:59Z");
    send(&world, call.clone()).await.must(200);
    set("2027-03-01T12:00:00Z");
    send(&world, call).await.refused(401, "AUTH_001");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_how_a_browser_must_treat_it() {
    let world = World::start().await;
    for call in [
        Call::get(CONFIG),
        Call::get("/operator/api/nothing"),
        dry(),
        Call::get(CONFIG).header("host", "rebound.example"),
    ] {
        let reply = send(&world, call).await;
        let headers = [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
        ];
        for (name, value) in headers {
            assert_eq!(reply.header(name), Some(value), "{}", reply.brief());
        }
        assert!(
            reply.header("content-security-policy").unwrap().starts_with("default-src 'none';"),
            "{:?}",
            reply.headers
        );
    }
}
