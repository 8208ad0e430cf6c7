//! No credential, payment token, key or signature is ever written: not in logs at their most
//! talkative, not in metrics, not in what operators are answered. The judge of every other test
//! looks for the same in logs, books and upstream traffic.

use std::time::Duration;

use serde_json::{Value, json};

use crate::credits::{bought, on_credit};
use crate::support::card::unpaid;
use crate::support::fake_core::Behaviour;
use crate::support::metrics::Metrics;
use crate::support::moment::{eventually, random_bytes};
use crate::support::proof::encode_v2;
use crate::support::world::{creation, launch};
use crate::support::{Call, Card, Setup, World};

/// Commands whose output is looked through.
const COMMANDS: [&[&str]; 9] = [
    &["config"],
    &["doctor"],
    &["reconcile", "--full"],
    &["findings", "--all"],
    &["ledger", "ls"],
    &["ledger", "balance"],
    &["ledger", "verify"],
    &["refund", "ls"],
    &["migrate", "--dry-run"],
];
/// What operators may ask.
const TARGETS: [&str; 12] = [
    "/healthz",
    "/readyz",
    "/operator/api/overview",
    "/operator/api/payments",
    "/operator/api/requests",
    "/operator/api/owed",
    "/operator/api/credits",
    "/operator/api/journal",
    "/operator/api/balance",
    "/operator/api/findings",
    "/operator/api/runs",
    "/operator/api/config",
];

/// A world that says everything it can say.
async fn talkative() -> World {
    Setup::new()
        .cards()
        .set("RUST_LOG", "turnpike=trace,payments=trace,sandbox=trace")
        .set("pricing.free_launches_per_month", "1")
        .start()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_ever_written_whatever_happens_on_either_rail() {
    let world = talkative().await;
    world.hear_events();
    let payments = [by_wallet(&world).await, by_card(&world).await].concat();
    refusals(&world).await;
    // The work that goes on beside the requests has its say too.
    let done = async || {
        let logs = all_logs(&world);
        let missing: Vec<_> = payments
            .iter()
            .filter(|id| !logs.contains(&format!("\"payment_id\":\"{id}\"")))
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?}")) }
    };
    eventually("each payment is in the logs", Duration::from_secs(30), done).await;

    let logs = all_logs(&world);
    assert!(logs.contains("\"level\":\"DEBUG\""), "the logs are not at their most talkative");
    nothing_in("the logs", &world, &logs);
    for target in TARGETS {
        let reply = Call::get(target).send(world.gateway.operator).await.must(200);
        nothing_in(
            target,
            &world,
            &format!("{:?} {}", reply.headers, String::from_utf8_lossy(&reply.body)),
        );
    }
    nothing_in("the metrics", &world, &Metrics::of(&world).await.text);
    for command in COMMANDS {
        said(&world, command).await;
    }
    for id in &payments {
        said(&world, &["ledger", "show", id]).await;
        said(&world, &["explain", id]).await;
    }
}

/// The search itself must be able to find each kind of secret in a log line.
#[tokio::test(flavor = "multi_thread")]
async fn the_search_would_find_every_kind_of_secret() {
    let world = talkative().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    world.create(&header, &launch("seen")).await.must(201);
    let call = unpaid("seen");
    let credential = world.credential(&Card::new(), &call).await.authorization();
    world.secrets.add_header("authorization", &credential);
    let key = bearer();
    world.secrets.add_header("authorization", &key);
    let mut kinds = vec![header.1.clone(), signature(&header.1), wallet.key_hex(), credential, key];
    kinds.extend(
        ["x402.signer_key", "mpp.secret_keys", "mpp.account_key", "mpp.token_keys"]
            .map(|key| world.gateway.setting(key).to_owned()),
    );
    for secret in kinds {
        let line =
            json!({"message": "request.failed", "error": format!("it said {secret} and more")})
                .to_string();
        assert!(
            world.secrets.found_in(line.as_bytes()).is_some(),
            "a secret of {} characters is not found",
            secret.len()
        );
    }
    for shape in ["spt_1234567890abcdef", "whsec_1234567890abcdef", "sk_test_1234567890abcdef"] {
        assert!(world.secrets.found_in(format!("it said {shape}").as_bytes()).is_some(), "{shape}");
    }
}

/// Free, paid, again, refused, with too little money, and unknown for a while; the payments.
async fn by_wallet(world: &World) -> Vec<String> {
    let (wallet, poor) = (world.agent().await, world.agent_with(1).await);
    world.launch(&wallet, "free").await.must(201);
    let proof = world.proof(&wallet).v2();
    let paid = world.create(&proof, &launch("paid")).await.must(201);
    world.create(&proof, &launch("paid")).await.must(201);
    world.create(&proof, &launch("another")).await.must(409);
    world.core().behave_next([Behaviour::Reject]);
    world.launch(&wallet, "refused").await.must(400);
    world.core().behave_next([Behaviour::Fail, Behaviour::Truncate]);
    world.send(creation(&world.proof(&wallet).v1(), &launch("late"))).await.must(201);
    world.launch(&poor, "free").await;
    world.launch(&poor, "not covered").await.must(402);
    world.ask(&wallet, "GET", "/usage").await.must(200);
    vec![paid.payment_id().unwrap()]
}

/// Charged, again, declined, refused, a pack, a credit, a refund elsewhere; the payments.
async fn by_card(world: &World) -> Vec<String> {
    let (card, call) = (Card::new(), unpaid("by card"));
    let paid = world.credential(&card, &call).await.on(&call);
    let charged = world.send(paid.clone()).await.must(201);
    world.send(paid.clone()).await.must(201);
    let mut other = paid;
    other.body = launch("another body").to_string().into();
    world.send(other).await;
    world.pay(&Card::of("pm_card_chargeDeclined"), &unpaid("declined")).await.must(402);
    world.core().behave_next([Behaviour::Reject]);
    world.pay(&Card::new(), &unpaid("refused")).await.must(400);
    let token = bought(world, &Card::new()).await;
    let spent = world.send(on_credit(&token, "on credit")).await.must(201);
    world
        .send(Call::get("/credits").header("authorization", &format!("Bearer {token}")))
        .await
        .must(200);
    vec![charged.payment_id().unwrap(), spent.payment_id().unwrap()]
}

/// What is no payment, in every form that is refused on another line of the program.
async fn refusals(world: &World) {
    let wallet = world.agent().await;
    let (name, good) = world.proof(&wallet).v2();
    let mut forged = world.proof(&wallet);
    forged.signature[8] ^= 1;
    let broken = encode_v2(
        &json!({"x402Version": 2, "payload": {"signature": format!("0x{}", hex::encode(random_bytes::<65>()))}}),
    );
    let post = || unpaid("refused");
    let calls = [
        post().header(name, &format!("{good}=")),
        post().header(name, &good[..good.len() / 2]),
        post().header(name, &forged.v2().1),
        post().header(name, &broken.1),
        post().header(name, &good).header("x-payment", &good),
        post().header(name, &good).header("authorization", &bearer()),
        post().header("authorization", &format!("Bearer tpk_{}", "aB3_".repeat(10) + "xyz")),
        post().header(
            "authorization",
            "Payment eyJhbGciOiJub25lIn0_and_nothing_that_can_be_read_of_it",
        ),
        post().header("authorization", &format!("Basic {}", hex::encode(random_bytes::<24>()))),
        post().header("x-agent-token", &format!("tpk_{}", "short")),
        Call::get("/launches").header("authorization", &bearer()),
        Call::new("POST", "/webhooks/stripe")
            .header("stripe-signature", "t=1,v1=00")
            .json(&json!({"id": "evt_1"})),
    ];
    for call in calls {
        world.send(call).await;
    }
}

/// An API key of the upstream's own customers.
fn bearer() -> String {
    format!("Bearer ds_live_{}", hex::encode(random_bytes::<24>()))
}

/// The signature inside a payment header, as hex.
fn signature(header: &str) -> String {
    use base64::Engine as _;
    let payload: Value =
        serde_json::from_slice(&base64::engine::general_purpose::STANDARD.decode(header).unwrap())
            .unwrap();
    payload["payload"]["signature"].as_str().unwrap().to_owned()
}

fn all_logs(world: &World) -> String {
    world.gateways().map(|gateway| gateway.logs()).collect()
}

/// Runs a command and looks through all that it says.
async fn said(world: &World, command: &[&str]) {
    let output = world.gateway.run(command).await;
    for bytes in [&output.stdout, &output.stderr] {
        nothing_in(&command.join(" "), world, &String::from_utf8_lossy(bytes));
    }
}

fn nothing_in(place: &str, world: &World, text: &str) {
    if let Some(secret) = world.secrets.found_in(text.as_bytes()) {
        let line = text
            .lines()
            .find(|line| world.secrets.found_in(line.as_bytes()).is_some())
            .unwrap_or_default();
        panic!("{secret} in {place}: {line}");
    }
}
