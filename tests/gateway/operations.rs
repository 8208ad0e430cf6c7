//! What an operator relies on: health, readiness, a clean end, and one truth over restarts.

use std::time::Duration;

use crate::proof_shapes::one_paid;
use crate::support::moment::Stopwatch;
use crate::support::world::{Totals, launch};
use crate::support::{Call, Setup, World};

#[tokio::test(flavor = "multi_thread")]
async fn health_and_readiness_are_on_the_operators_listener_only() {
    let world = World::start().await;
    for target in ["/healthz", "/readyz"] {
        Call::get(target).send(world.gateway.operator).await.must(200);
        world.send(Call::get(target)).await.refused(404, "SERVER_003");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_is_withdrawn_while_the_chain_is_away_and_402s_go_on() {
    let world = Setup::paid().proxied().start().await;
    let wallet = world.agent().await;
    world.proxy().server.down().await;
    let operator = world.gateway.operator;
    let withdrawn = async || {
        let reply = Call::get("/readyz").send(operator).await;
        if reply.status == 503 { Ok(()) } else { Err(reply.brief()) }
    };
    world.gateway.until("readiness is withdrawn", Duration::from_secs(30), withdrawn).await;
    Call::get("/healthz").send(operator).await.must(200);
    world.send(Call::new("POST", "/launches").json(&launch("t"))).await.refused(402, "PAYMENT_001");
    let header = world.proof(&wallet).v2();
    let reply = world.create(&header, &launch("t")).await.must(503);
    assert!(reply.header("retry-after").is_some(), "{:?}", reply.headers);
    assert!(world.gateway.audit().view("intents").await.is_empty(), "something was claimed");
    world.proxy().server.up().await;
    let ready = async || {
        let reply = Call::get("/readyz").send(operator).await;
        if reply.status == 200 { Ok(()) } else { Err(reply.brief()) }
    };
    world.gateway.until("ready again", Duration::from_secs(60), ready).await;
    world.create(&header, &launch("t")).await.must(201);
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_request_in_flight_survives_the_end_of_its_process() {
    let mut world = Setup::paid().proxied().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    let mut hold = world.proxy().hold("eth_sendRawTransaction");
    let address = world.gateway.address;
    let call = crate::support::world::creation(&header, &launch("in flight"));
    world.secrets.add_header(header.0, &header.1);
    let request = tokio::spawn(async move { call.try_send(address).await });
    hold.reached().await;
    let watch = Stopwatch::start();
    let ended = world.gateway.sigterm();
    let release = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        hold.release();
    };
    let (status, ()) = tokio::join!(ended, release);
    assert!(status.success() && watch.elapsed() < Duration::from_secs(30), "{status}");
    // An answer that was given is 201 or "not known yet"; a broken connection is none.
    let answered = request.await.unwrap().ok();
    if let Some(reply) = &answered {
        assert!([201, 503].contains(&reply.status.as_u16()), "{}", reply.brief());
    }
    world.gateway.restart().await;
    let again = world.create(&header, &launch("in flight")).await.must(201);
    if let Some(reply) = answered.filter(|reply| reply.status == 201) {
        assert_eq!(again.body, reply.body);
    }
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_gateway_ends_at_once_on_sigterm() {
    let mut world = World::start().await;
    let watch = Stopwatch::start();
    let status = world.gateway.sigterm().await;
    assert!(status.success(), "{status}");
    assert!(watch.elapsed() < Duration::from_secs(10), "{:?}", watch.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn free_slots_and_launches_survive_kill_9() {
    let mut world = Setup::new().embedded().start().await;
    let wallet = world.agent().await;
    for at in 0..3 {
        world.launch(&wallet, &format!("free {at}")).await.must(201);
    }
    world.gateway.kill9();
    world.gateway.restart().await;
    let list = world.ask(&wallet, "GET", "/launches").await.must(200).json();
    assert_eq!(list["data"].as_array().unwrap().len(), 3, "{list}");
    let fourth = world.launch(&wallet, "free 3").await.must(201);
    assert!(fourth.charge().ends_with("remaining=1"), "{}", fourth.brief());
    let free = Totals { free_slots: 4, launches: 4, ..Totals::default() };
    world.settles_at(free).await;
}
