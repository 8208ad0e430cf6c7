//! The books are compared with the world: what is planted is found, and closes when its cause is
//! gone. What all cases share, the rhythm, and an operator's close.

use std::time::Duration;

use serde_json::Value;

use crate::support::audit::text;
use crate::support::moment::eventually;
use crate::support::rpc_proxy::Fault;
use crate::support::{Setup, World};

/// Long enough for several turns of a loop that is told to run every second.
const SOON: Duration = Duration::from_secs(30);

/// Runs `reconcile` with these arguments; the report and the exit code.
pub async fn reconcile(world: &World, arguments: &[&str]) -> (Value, i32) {
    let output = world.gateway.run(&[&["reconcile", "--json"], arguments].concat()).await;
    let report = serde_json::from_slice(&output.stdout);
    let report =
        report.unwrap_or_else(|_| panic!("no report: {}", String::from_utf8_lossy(&output.stderr)));
    (report, output.status.code().unwrap())
}

/// One run that must find nothing.
pub async fn agrees(world: &World, arguments: &[&str]) -> Value {
    let (report, code) = reconcile(world, arguments).await;
    assert_eq!((code, &report["differences"]), (0, &Value::Array(Vec::new())), "{report}");
    report
}

/// One run that must find exactly these, each as `kind key`.
pub async fn finds(world: &World, arguments: &[&str], expected: &[(&str, &str)]) -> Value {
    let (report, code) = reconcile(world, arguments).await;
    let found = report["differences"].as_array().unwrap().iter();
    let mut found: Vec<(&str, &str)> =
        found.map(|it| (it["kind"].as_str().unwrap(), it["key"].as_str().unwrap())).collect();
    found.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected, "{report}");
    assert_eq!(code, 1, "{report}");
    report
}

/// The open findings of the view, each as kind and key.
pub async fn open(world: &World) -> Vec<(String, String)> {
    let findings = world.gateway.audit().view("findings").await;
    let open = findings.iter().filter(|it| text(it, "closed_at").is_empty());
    let mut open: Vec<(String, String)> =
        open.map(|it| (text(it, "kind"), text(it, "key"))).collect();
    open.sort();
    open
}

/// The books agree with themselves.
pub async fn verified(world: &World) {
    let output = world.gateway.run(&["ledger", "verify"]).await;
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{report}");
}

/// How a source fared in a report.
pub fn outcome<'a>(report: &'a Value, source: &str) -> &'a str {
    let sources = report["sources"].as_array().unwrap();
    sources.iter().find(|it| it["source"] == source).unwrap()["outcome"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_world_that_agrees_is_compared_and_nothing_is_found() {
    let world = Setup::new().cards().set("pricing.free_launches_per_month", "1").start().await;
    let wallet = world.agent().await;
    for title in ["free", "paid", "paid too"] {
        world.launch(&wallet, title).await.must(201);
    }
    world
        .pay(&crate::support::Card::new(), &crate::support::card::unpaid("by card"))
        .await
        .must(201);
    for arguments in [&[][..], &["--full"], &["--since", "1h"], &[]] {
        let report = agrees(&world, arguments).await;
        for source in ["books", "chain", "stripe", "core"] {
            assert_eq!(outcome(&report, source), "checked", "{report}");
        }
    }
    let (report, code) = reconcile(&world, &["--dry-run", "--full"]).await;
    assert_eq!((code, report["dry_run"].as_bool()), (10, Some(true)), "{report}");
    assert_eq!(open(&world).await, []);
    let listed = world.gateway.run(&["findings"]).await;
    assert_eq!(
        (listed.status.code(), String::from_utf8_lossy(&listed.stdout).trim()),
        (Some(0), "[]")
    );
}

/// The loop of the gateway itself; readiness says nothing of findings.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_source_is_a_finding_and_closes_when_it_answers() {
    let world = Setup::new().proxied().set("reconcile.every_s", "1").start().await;
    world.proxy().fault("eth_getLogs", Fault::Refuse(100_000));
    let silent = async || match open(&world).await {
        found if found == [(String::from("could_not_check"), String::from("chain"))] => Ok(()),
        found => Err(format!("{found:?}")),
    };
    // Something to be asked about.
    let wallet = world.agent().await;
    world.chain.mint(wallet.address, 1).await;
    world.gateway.until("the silent chain is a finding", SOON, silent).await;
    let ready = crate::support::Call::get("/readyz").send(world.gateway.operator).await;
    assert_eq!(ready.status, 200, "{}", ready.brief());
    let closing = world
        .gateway
        .run(&["findings", "close", "could_not_check", "chain", "--reason", "never mind"])
        .await;
    assert_eq!(closing.status.code(), Some(4), "{}", String::from_utf8_lossy(&closing.stderr));
    world.proxy().fault("eth_getLogs", Fault::Refuse(0));
    let back = async || match open(&world).await {
        found if found.is_empty() => Ok(()),
        found => Err(format!("{found:?}")),
    };
    world.gateway.until("it is closed", SOON, back).await;
}

/// A node that gives few blocks at once is asked for fewer.
#[tokio::test(flavor = "multi_thread")]
async fn a_range_that_the_node_refuses_is_asked_for_in_halves() {
    let world = Setup::paid().own_chain().proxied().start().await;
    agrees(&world, &[]).await;
    world.launch(&world.agent().await, "paid").await.must(201);
    world.chain.mine(40).await;
    world.proxy().fault("eth_getLogs", Fault::Refuse(3));
    let before = world.proxy().calls("eth_getLogs");
    let report = agrees(&world, &[]).await;
    assert_eq!(outcome(&report, "chain"), "checked", "{report}");
    assert!(world.proxy().calls("eth_getLogs") - before > 4, "it was not asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_closed_stays_closed_with_the_reason() {
    let world = Setup::paid().start().await;
    agrees(&world, &[]).await;
    world.core().invent("a-stranger");
    finds(&world, &[], &[("extra_launch", "launch-of-a-stranger")]).await;
    let close = [
        "findings",
        "close",
        "extra_launch",
        "launch-of-a-stranger",
        "--reason",
        "made by hand for a partner",
    ];
    let dry = world.gateway.run(&[&close[..], &["--dry-run"]].concat()).await;
    assert_eq!((dry.status.code(), open(&world).await.len()), (Some(10), 1));
    assert_eq!(world.gateway.run(&close).await.status.code(), Some(0));
    assert_eq!(world.gateway.run(&close).await.status.code(), Some(4), "it is closed already");
    let unknown = ["findings", "close", "extra_launch", "nobody", "--reason", "none"];
    assert_eq!(world.gateway.run(&unknown).await.status.code(), Some(5));
    reconcile(&world, &["--full"]).await;
    assert_eq!(open(&world).await, [], "it was looked at");
    let all = world.gateway.run(&["findings", "--all"]).await;
    let all: Value = serde_json::from_slice(&all.stdout).unwrap();
    assert_eq!(all[0]["closed_reason"], "made by hand for a partner", "{all}");
}

/// One turn over all processes: a command waits for the gateway's own.
#[tokio::test(flavor = "multi_thread")]
async fn runs_at_the_same_time_take_turns() {
    let world = Setup::paid().set("reconcile.every_s", "1").start().await;
    let runs = (0..4).map(|_| reconcile(&world, &[]));
    for (report, code) in futures::future::join_all(runs).await {
        assert_eq!(code, 0, "{report}");
    }
    let ended = async || match world.gateway.logs().matches("reconcile.done").count() {
        0 => Err(String::from("no run of its own")),
        _ => Ok(()),
    };
    eventually("a run of its own", SOON, ended).await;
    assert!(!world.gateway.logs().contains("reconcile.failed"), "{}", world.gateway.logs());
}
