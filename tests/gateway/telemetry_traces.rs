//! W3C trace context: the agent's trace in our log lines and at the upstream, also where the work
//! goes on without the request.

use crate::support::world::{creation, launch};
use crate::support::{Call, Setup, World};
use crate::telemetry::events;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The one creation that the core saw last.
fn last_creation(world: &World) -> (String, Vec<String>) {
    let seen = world.core().seen();
    let created = seen.iter().rev().find(|seen| seen.method == "POST").unwrap();
    let parents = created.values("traceparent");
    assert_eq!(parents.len(), 1, "{created:?}");
    (parents[0].to_owned(), created.values("tracestate").into_iter().map(str::to_owned).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agents_trace_goes_on_at_the_upstream_under_a_span_of_ours() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let call = creation(&world.proof(&wallet).v2(), &launch("traced"))
        .header("traceparent", PARENT)
        .header("tracestate", "rojo=1,congo=2");
    let id = world.send(call).await.must(201).payment_id().unwrap();
    let (parent, state) = last_creation(&world);
    assert!(parent.starts_with(&format!("00-{TRACE}-")) && parent.ends_with("-01"), "{parent}");
    assert!(!parent.contains("b7ad6b7169203331"), "the span is not the agent's: {parent}");
    assert_eq!(state, ["rojo=1,congo=2"]);
    let events = events(&world);
    let of_it = events.iter().filter(|event| {
        event["payment_id"] == id.as_str() || event["span"]["payment_id"] == id.as_str()
    });
    let mut count = 0;
    for event in of_it {
        assert_eq!(event["span"]["trace_id"], TRACE, "{event:#}");
        count += 1;
    }
    assert!(count >= 4, "{count} lines name the payment");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_trace_is_dropped_and_a_new_one_starts() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    for (at, bad) in [
        "",
        "00-0",
        &PARENT.to_uppercase(),
        &PARENT.replace(TRACE, &"0".repeat(32)),
        &PARENT.replacen("00", "ff", 1),
    ]
    .into_iter()
    .enumerate()
    {
        let call = creation(&world.proof(&wallet).v2(), &launch(&format!("bad {at}")));
        world.send(call.header("traceparent", bad).header("tracestate", "rojo=1")).await.must(201);
        let (parent, state) = last_creation(&world);
        let parts: Vec<&str> = parent.split('-').collect();
        assert_eq!(
            (parts[0], parts[1].len(), parts[2].len(), parts[3]),
            ("00", 32, 16, "01"),
            "{parent}"
        );
        assert!(!parent.contains(TRACE) && parts[1].bytes().any(|byte| byte != b'0'), "{parent}");
        assert!(state.is_empty(), "{state:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_costs_nothing_is_traced_too_and_each_one_by_itself() {
    let world = World::start().await;
    let wallet = world.agent().await;
    let (name, value) = world.identity(&wallet).v2();
    world
        .send(Call::get("/launches").header(name, &value).header("traceparent", PARENT))
        .await
        .must(200);
    world.ask(&wallet, "GET", "/launches").await.must(200);
    let seen = world.core().seen();
    let parents: Vec<String> = seen
        .iter()
        .filter(|seen| seen.target.contains("/launches"))
        .flat_map(|seen| seen.values("traceparent"))
        .map(str::to_owned)
        .collect();
    assert!(parents.len() >= 2 && parents[0].contains(TRACE), "{parents:?}");
    assert!(!parents[1].contains(TRACE), "{parents:?}");
}
