//! What Prometheus reads: every count follows what happened, and nothing in it names a payer.
#![allow(clippy::float_arithmetic, reason = "Prometheus' values are floats")]

use std::time::Duration;

use serde_json::Value;

use crate::support::audit::text;
use crate::support::card::unpaid;
use crate::support::fake_core::Behaviour;
use crate::support::metrics::Metrics;
use crate::support::moment::eventually;
use crate::support::world::{creation, launch};
use crate::support::{Call, Card, Setup, World};

/// A few seconds pass between two readings of the books, and a moment until what ended is looked
/// at.
const SOON: Duration = Duration::from_secs(45);

/// Waits until the series sum up to this.
pub async fn shows(world: &World, name: &str, labels: &[(&str, &str)], expected: f64) {
    let what = format!("{name} {labels:?} is {expected}");
    let check = async || {
        let sum = Metrics::of(world).await.sum(name, labels);
        if (sum - expected).abs() < 1e-9 { Ok(()) } else { Err(format!("it is {sum}")) }
    };
    eventually(&what, SOON, check).await;
}

/// No payer, payment, transaction or token is a label.
pub async fn names_nobody(world: &World, metrics: &Metrics) {
    let mut names = Vec::new();
    for intent in world.gateway.audit().view("intents").await {
        names.extend([text(&intent, "id"), text(&intent, "payer"), text(&intent, "launch_id")]);
    }
    let lower = metrics.text.to_lowercase();
    for name in names.iter().filter(|name| !name.is_empty()) {
        let bare = name.split_once(':').map_or(name.as_str(), |(_, bare)| bare).to_lowercase();
        assert!(!lower.contains(&bare), "{name} is in the metrics");
    }
    assert!(!lower.contains("0x"), "an address is in the metrics");
    assert_eq!(world.secrets.found_in(metrics.text.as_bytes()), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_sends_makes_no_new_series() {
    let world = World::start().await;
    // Those that requests make: others come with the first reading of the books.
    let of_requests = |line: &&str| {
        ["http_server_", "gateway_challenges", "gateway_verif", "gateway_rate"]
            .iter()
            .any(|name| line.starts_with(name))
    };
    let series = async || Metrics::of(&world).await.text.lines().filter(of_requests).count();
    let send = async |name: &str| {
        // Each process in turn gets each of them.
        for _ in world.gateways() {
            world.send(Call::get(&format!("/{name}"))).await.must(404);
        }
        for _ in world.gateways() {
            world.send(Call::new("BREW", "/launches")).await.must(405);
        }
        for _ in world.gateways() {
            world
                .send(Call::get("/launches").header("x-payment", &format!("{name}!")))
                .await
                .must(402);
        }
        for _ in world.gateways() {
            world
                .send(unpaid("t").header("user-agent", name).header("traceparent", name))
                .await
                .must(402);
        }
    };
    send("first").await;
    let before = series().await;
    assert!(before > 0);
    for at in 0..20 {
        send(&format!("other{at}")).await;
    }
    assert_eq!(series().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_debt_that_vanishes_and_a_launch_that_nobody_paid_are_counted() {
    let mut world = Setup::paid().start().await;
    let wallet = world.agent().await;
    world.launch(&wallet, "served").await.must(201);
    world.core().behave_next([Behaviour::Reject]);
    world.launch(&wallet, "refused").await.must(400);
    for name in ["gateway_paid_not_served_total", "gateway_served_not_paid_total"] {
        shows(&world, name, &[], 0.0).await;
    }
    for change in [
        "DELETE FROM obligations",
        "DELETE FROM settlements WHERE intent_id IN (SELECT id FROM intents WHERE state = 'created')",
    ] {
        let on_file = format!("PRAGMA foreign_keys = OFF; {change}");
        let on_server = format!("SET session_replication_role = replica; {change}");
        world.gateway.database.writer().await.execute(&on_file, &on_server).await;
    }
    // What happened while nobody looked is said by the next process.
    let status = world.gateway.sigterm().await;
    assert!(status.success(), "{status}");
    world.gateway.restart().await;
    let one = async || {
        let text = Call::get("/metrics").send(world.gateway.operator).await.must(200);
        let text = String::from_utf8(text.body.to_vec()).unwrap();
        let said = ["gateway_paid_not_served_total 1", "gateway_served_not_paid_total 1"];
        if said.iter().all(|said| text.lines().any(|line| line == *said)) {
            Ok(())
        } else {
            Err(text)
        }
    };
    eventually("both broken promises are counted", SOON, one).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_payment_shows_with_its_age_until_it_is_decided() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    world.core().behave(Behaviour::Fail);
    let request = world.begin(creation(&world.proof(&wallet).v2(), &launch("unknown")));
    let processes = if world.others.is_empty() { 1.0 } else { 2.0 };
    shows(&world, "gateway_settlements_unknown", &[], processes).await;
    let aged = async || {
        let age = Metrics::of(&world).await.sum("gateway_unknown_oldest_seconds", &[]);
        if age > 0.0 { Ok(()) } else { Err(format!("{age} s")) }
    };
    eventually("the oldest has an age", SOON, aged).await;
    world.core().behave(Behaviour::Create);
    request.await.unwrap().unwrap().must(201);
    shows(&world, "gateway_settlements_unknown", &[], 0.0).await;
    shows(&world, "gateway_unknown_oldest_seconds", &[], 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn challenges_are_kept_by_the_day_also_when_the_process_ends() {
    let mut world = Setup::new().alone("it ends and starts again").start().await;
    let kept = async |world: &World| {
        let overview =
            Call::get("/operator/api/overview").send(world.gateway.operator).await.must(200).json();
        overview["days"].as_array().unwrap().last().unwrap()["challenges"].as_u64().unwrap()
    };
    for _ in 0..3 {
        world.send(unpaid("asked")).await.must(402);
    }
    let three = async || {
        let count = kept(&world).await;
        if count == 3 { Ok(()) } else { Err(format!("{count}")) }
    };
    eventually("three challenges are in the books", SOON, three).await;
    world.send(Call::get("/launches")).await.must(402);
    let status = world.gateway.sigterm().await;
    assert!(status.success(), "{status}");
    world.gateway.restart().await;
    assert_eq!(kept(&world).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_payment_ends_with_one_line_that_says_how_it_went() {
    let world = Setup::paid().cards().start().await;
    let wallet = world.agent().await;
    let proof = world.proof(&wallet).v2();
    let paid = world.create(&proof, &launch("paid")).await.must(201).payment_id().unwrap();
    world.create(&proof, &launch("paid")).await.must(201);
    let charged = world.pay(&Card::new(), &unpaid("charged")).await.must(201).payment_id().unwrap();
    let events = events(&world);
    for (id, rail, funding, amount) in
        [(&paid, "x402", "x402", 550_000), (&charged, "mpp", "mpp_charge", 60)]
    {
        let of_it: Vec<&Value> = events.iter().filter(|event| names(event, id)).collect();
        let said = |message: &str| of_it.iter().filter(|event| event["message"] == message).count();
        for message in ["payment.claimed", "payment.moved", "request.answered"] {
            assert!(said(message) > 0, "no line {message} names {id}: {of_it:#?}");
        }
        assert_eq!(said("payment.done"), 1, "{of_it:#?}");
        let done = of_it.iter().find(|event| event["message"] == "payment.done").unwrap();
        let is = |name: &str, expected: Value| assert_eq!(done[name], expected, "{done:#}");
        is("rail", rail.into());
        is("funding", funding.into());
        is("route", "POST /launches".into());
        is("state", "created".into());
        is("amount_minor", amount.into());
        is("attempts", 1.into());
        is("recovered", false.into());
        for name in ["accept_ms", "settle_ms", "forward_ms", "total_ms"] {
            assert!(done[name].is_u64(), "{name}: {done:#}");
        }
        let trace = done["trace_id"].as_str().unwrap();
        for event in of_it.iter().filter(|event| event["message"] != "payment.asked_again") {
            let its_own = event["span"]["trace_id"].as_str();
            assert!(
                its_own == Some(trace) || event["message"] == "request.answered",
                "another trace: {event:#}"
            );
        }
    }
}

/// The log lines of every process.
pub fn events(world: &World) -> Vec<Value> {
    let logs: Vec<String> = world.gateways().map(|gateway| gateway.logs()).collect();
    logs.iter()
        .flat_map(|logs| logs.lines())
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// Whether a line is about this payment.
fn names(event: &Value, id: &str) -> bool {
    event["payment_id"] == id || event["span"]["payment_id"] == id
}
