//! `doctor` and `explain`: what an operator is told, by the real program beside a running gateway.

use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};

use crate::launch_api::{Launches, body};
use crate::support::gateway::{Gateway, Settings};
use crate::support::moment::{now_unix_s, random_bytes};
use crate::support::world::{creation, launch};
use crate::support::{Call, Setup, World};

/// The report that a command printed, and its exit code.
pub fn report(output: &Output) -> (Value, i32) {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let report = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    (report, output.status.code().unwrap())
}

/// Each check with its result.
pub fn results(report: &Value) -> Vec<(&str, &str)> {
    let checks = report["checks"].as_array().unwrap_or_else(|| panic!("{report}"));
    checks
        .iter()
        .map(|check| (check["check"].as_str().unwrap(), check["level"].as_str().unwrap()))
        .collect()
}

/// Runs doctor with one thing changed; the checks that fail, or warn.
async fn doctor(gateway: &Gateway, changes: &[&str], level: &str) -> Vec<String> {
    let mut arguments = vec!["doctor"];
    changes.iter().for_each(|change| arguments.extend(["--set", change]));
    let output = gateway.run(&arguments).await;
    let (report, code) = report(&output);
    let failed = results(&report).iter().any(|(_, level)| *level == "FAIL");
    assert_eq!((code, &report["ok"]), (i32::from(failed), &json!(!failed)), "{report}");
    for check in report["checks"].as_array().unwrap() {
        assert_eq!(
            check["do"].is_string(),
            check["level"] != "ok",
            "what to do is said when something is to be done: {check}"
        );
    }
    let bad = results(&report).into_iter().filter(|(_, of)| *of == level);
    bad.map(|(check, _)| check.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_nothing_beside_a_healthy_gateway() {
    let world = World::start().await;
    let (report, code) = report(&world.gateway.run(&["doctor"]).await);
    let mut ok = vec![
        "config",
        "sandbox_keys",
        "database",
        "migrations",
        "trial_balance",
        "books_chain",
        "chain",
        "gas",
        "node_limits",
        "clock",
        "pay_to",
        "seal",
        "signer",
        "core",
    ];
    if world.gateway.database.name().is_some() {
        // Only a cache that processes share can be away.
        ok.push("cache");
    }
    let ok: Vec<_> = ok.into_iter().map(|check| (check, "ok")).collect();
    assert_eq!((results(&report), code), (ok, 0), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_what_is_broken() {
    let world = World::start().await;
    let gateway = &world.gateway;
    let clock = |name: &str, unix_s: u64| {
        std::fs::write(gateway.path(name), (unix_s * 1000).to_string()).unwrap();
        format!("test.clock_file={}", gateway.path(name).display())
    };
    let poor = format!("x402.signer_key={}", hex::encode(random_bytes::<32>()));
    std::fs::write(
        gateway.path("broken.db"),
        "these are no books, and there are more than a hundred bytes of them ".repeat(9),
    )
    .unwrap();
    let broken = format!("store.url=sqlite://{}", gateway.path("broken.db").display());
    for (change, failing) in [
        ("x402.rpc_url=http://127.0.0.1:1", vec!["chain"]),
        ("x402.domain_name=Dollar", vec!["chain"]),
        ("x402.chain_id=11155111", vec!["books_chain", "chain"]),
        (poor.as_str(), vec!["gas"]),
        (&clock("slow", now_unix_s() - 3_600), vec!["clock"]),
        (&broken, vec!["database"]),
        ("upstream.url=http://127.0.0.1:1", vec!["core"]),
    ] {
        let changes = if change.starts_with("x402.chain_id") {
            vec![change, "x402.domain_name=USDC"]
        } else {
            vec![change]
        };
        assert_eq!(doctor(gateway, &changes, "FAIL").await, failing, "{change}");
    }
    let fast = clock("fast", now_unix_s() + 3_600);
    assert_eq!(doctor(gateway, &[&fast], "warn").await, ["config", "clock"]);
    let rich = ["x402.require_balance_for_free=false", "server.listen=0.0.0.0:8402"];
    assert_eq!(doctor(gateway, &rich, "warn").await, ["config", "config", "config"]);
    assert_eq!(
        doctor(gateway, &["limits.agent_per_minute=0", "pricing.launch_usdc=0"], "FAIL").await,
        ["config", "config"]
    );
    let missing = format!("store.url=sqlite://{}", gateway.path("none.db").display());
    assert_eq!(doctor(gateway, &[&missing], "FAIL").await, [""; 0]);
    assert!(!gateway.path("none.db").exists(), "doctor made books");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn doctor_knows_a_sandbox_before_during_and_after_its_life() {
    use std::os::unix::fs::PermissionsExt;
    let mut gateway = Gateway::prepare(Settings::new());
    assert_eq!(doctor(&gateway, &[], "ok").await, ["config", "database", "chain", "core"]);
    assert!(!gateway.path("sandbox").exists(), "doctor made a sandbox");
    gateway.spawn();
    gateway.wait_ready().await;
    assert_eq!(doctor(&gateway, &[], "ok").await.len(), 13);
    gateway.kill9();
    assert_eq!(doctor(&gateway, &[], "warn").await, ["chain"]);
    let keys = gateway.path("sandbox/keys.toml");
    std::fs::set_permissions(keys, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(doctor(&gateway, &[], "FAIL").await, ["sandbox_keys"]);
}

/// What `explain` says of an id, once the note is written.
async fn explained(world: &World, id: &str) -> Value {
    let told = async || {
        let output = world.gateway.run(&["explain", id]).await;
        if output.status.success() {
            Ok(report(&output).0)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    };
    crate::support::moment::eventually("the request is noted", Duration::from_secs(20), told).await
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_tells_why_a_request_was_answered_as_it_was() {
    let api = Launches::start(Setup::new()).await;
    let world = &api.world;
    let wallet = world.agent().await;
    let id = |reply: &crate::support::Reply| reply.header("x-request-id").unwrap().to_owned();

    let free = api.create(&wallet, &body(json!({}))).await.must(201);
    let story = explained(world, &id(&free)).await;
    assert_eq!(story["identity"]["payer"], wallet.payer());
    assert_eq!(
        (&story["tier"], &story["free_launches_left"], &story["charged"]),
        (&json!("free_tier"), &json!(4), &json!("none"))
    );
    assert_eq!(
        (&story["answer"]["status"], &story["route"]),
        (&json!(201), &json!("POST /launches"))
    );

    let refused = api.create(&wallet, &body(json!({"title": ""}))).await.must(400);
    let story = explained(world, &id(&refused)).await;
    assert_eq!(
        story["answer"],
        json!({"status": 400, "code": "SERVER_002", "reason": "invalid_body"})
    );
    assert!(story["why"].as_str().unwrap().contains("before anything was claimed"), "{story}");

    let unknown =
        api.get(&wallet, "/launches/0b6f2f1c-57a7-4d0e-9f5e-0d9f6f0b7a11").await.must(404);
    let story = explained(world, &id(&unknown)).await;
    assert_eq!(
        (&story["answer"]["code"], &story["tier"]),
        (&json!("LAUNCH_001"), &json!("free_route"))
    );

    for at in 1..5 {
        api.create(&wallet, &body(json!({"title": format!("free {at}")}))).await.must(201);
    }
    let paid = api.create(&wallet, &body(json!({"title": "paid"}))).await.must(201);
    let payment = paid.payment_id().unwrap();
    let by_request = explained(world, &id(&paid)).await;
    let by_payment = explained(world, &payment).await;
    assert_eq!(
        (&by_request["tier"], &by_request["charged"]),
        (&json!("paid"), &json!("0.55 USDC"))
    );
    assert_eq!(by_request["payment"]["payment_id"], json!(payment));
    assert_eq!(by_payment["state"], "created");
    assert!(by_payment["tier"].as_str().unwrap().starts_with("paid 0.55 USDC"), "{by_payment}");
    assert_eq!(by_payment["journal"].as_array().map(Vec::len), Some(4), "{by_payment}");
    assert!(
        by_payment["timeline"].as_array().unwrap().len() >= 3
            && by_payment["transaction"].is_string(),
        "{by_payment}"
    );
    assert!(
        by_payment["next"].is_string() && by_payment["checked"].as_array().unwrap().len() == 9,
        "{by_payment}"
    );
    crate::support::oracle::check(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_leave_no_trace_in_the_books() {
    let world = World::start().await;
    let wallet = world.agent().await;
    let unpaid = world.send(Call::new("POST", "/launches").json(&launch("t"))).await.must(402);
    let (name, value) = world.proof(&wallet).v2();
    let forged = creation(&(name, value.replace('a', "b")), &launch("t"));
    let forged = world.send(forged).await;
    assert!(forged.status.is_client_error(), "{}", forged.brief());
    let known = world.launch(&wallet, "t").await.must(201);
    explained(&world, known.header("x-request-id").unwrap()).await;
    let noted = world.gateway.audit().rows("SELECT * FROM request_log").await;
    assert_eq!(noted.len(), 1, "{noted:?}");
    for stranger in [unpaid, forged] {
        let output =
            world.gateway.run(&["explain", stranger.header("x-request-id").unwrap()]).await;
        assert_eq!(output.status.code(), Some(5));
    }
    for nobody in ["pay_00000000000000000000000000000000", "' OR 1=1 --"] {
        assert_eq!(world.gateway.run(&["explain", nobody]).await.status.code(), Some(5));
    }
}
