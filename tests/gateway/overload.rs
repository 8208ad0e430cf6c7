//! Too much at once is refused before anything is claimed, with the time to come back.

use std::time::Duration;

use crate::support::fake_core::Behaviour;
use crate::support::moment::Stopwatch;
use crate::support::world::{Totals, creation, launch};
use crate::support::{Call, Reply, Setup, raw};

/// Why these tests want one process.
const BOUNDS: &str = "each process bounds what it holds itself";

#[track_caller]
fn shed(reply: Reply, reason: &str) {
    let reply = reply.refused(503, "SERVER_001");
    assert_eq!(reply.json()["reason"], reason, "{}", reply.brief());
    assert!(
        reply.header("retry-after").is_some() && reply.header("payment-required").is_none(),
        "{:?}",
        reply.headers
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn creations_without_an_outcome_are_bounded() {
    let world = Setup::paid().alone(BOUNDS).set("limits.open_intents", "2").proxied().start().await;
    let wallets = [world.agent().await, world.agent().await, world.agent().await];
    let headers = wallets.map(|wallet| world.proof(&wallet).v2());
    let hold = world.proxy().hold("eth_sendRawTransaction");
    let bodies = [launch("0"), launch("1"), launch("2")];
    let third = async {
        while world.gateway.audit().view("intents").await.len() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        shed(world.create(&headers[2], &bodies[2]).await, "too_many_open_payments");
        assert_eq!(world.gateway.audit().view("intents").await.len(), 2, "something was claimed");
        // A repeat begins nothing: it waits for its own.
        hold.release();
        assert_eq!(world.create(&headers[0], &bodies[0]).await.must(201).status, 201);
    };
    let (one, two, ()) = tokio::join!(
        world.create(&headers[0], &bodies[0]),
        world.create(&headers[1], &bodies[1]),
        third
    );
    one.must(201);
    two.must(201);
    world.create(&headers[2], &bodies[2]).await.must(201);
    world
        .settles_at(Totals { settlements: 3, transactions: 3, launches: 3, ..Totals::default() })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_requests_are_bounded() {
    let world = Setup::new().alone(BOUNDS).set("limits.open_requests", "1").start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    world.core().behave(Behaviour::Slow);
    let body = launch("slow");
    let others = async {
        while world.core().forwarded().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        shed(world.send(Call::new("POST", "/launches").json(&launch("t"))).await, "overloaded");
        shed(world.ask(&wallet, "GET", "/launches").await, "overloaded");
        Call::get("/healthz").send(world.gateway.operator).await.must(200);
    };
    let (slow, ()) = tokio::join!(world.create(&header, &body), others);
    slow.must(201);
    world.ask(&wallet, "GET", "/launches").await.must(200);
    world.settles_at(Totals { free_slots: 1, launches: 1, ..Totals::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_all_requests_share_one_memory() {
    let setup = Setup::new()
        .alone(BOUNDS)
        .set("limits.body_bytes", "65536")
        .set("limits.open_body_bytes", "65536");
    let world = setup.set("server.body_timeout_s", "3").start().await;
    // Held by a body that does not end; what was announced and never sent counts for nothing.
    let head = "POST /launches HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 65000\r\n\r\n";
    let held = [head.as_bytes(), &[b' '; 60_000]].concat();
    let watch = Stopwatch::start();
    let holding = tokio::spawn({
        let address = world.gateway.address;
        async move {
            raw::send_and_hang_up(address, &held, tokio::time::sleep(Duration::from_secs(6))).await
        }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let call = || {
        Call::new("POST", "/launches")
            .header("content-type", "application/json")
            .bytes(vec![b' '; 10_000])
    };
    shed(world.send(call()).await, "overloaded");
    world.send(Call::get("/launches")).await.must(402);
    let freed = async || match world.send(call()).await.status.as_u16() {
        402 => Ok(()),
        status => Err(format!("{status}")),
    };
    world.gateway.until("the slow body is given up", Duration::from_secs(10), freed).await;
    assert!(watch.elapsed() < Duration::from_secs(6), "{:?}", watch.elapsed());
    holding.await.unwrap();
    let paid = creation(&world.proof(&world.agent().await).v2(), &launch("t"));
    world.send(paid).await.must(201);
}
