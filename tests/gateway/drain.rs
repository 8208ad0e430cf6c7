//! SIGTERM under load: nothing is lost, and the process ends in time.

use std::time::Duration;

use futures::future::join_all;

use crate::support::fake_core::Behaviour;
use crate::support::moment::Stopwatch;
use crate::support::world::{Totals, creation, launch};
use crate::support::{Header, Reply, Setup, World};

/// So many agents, each with a signed payment.
pub async fn payments(world: &World, count: usize) -> Vec<Header> {
    let mut headers = Vec::new();
    for _ in 0..count {
        let header = world.proof(&world.agent().await).v2();
        world.secrets.add_header(header.0, &header.1);
        headers.push(header);
    }
    headers
}

/// Sends all of them at once, each from a task of its own; a broken connection is no answer.
pub fn send(world: &World, headers: &[Header]) -> Vec<tokio::task::JoinHandle<Option<Reply>>> {
    let address = world.gateway.address;
    let calls =
        headers.iter().enumerate().map(|(at, header)| creation(header, &launch(&format!("n{at}"))));
    calls.map(|call| tokio::spawn(async move { call.try_send(address).await.ok() })).collect()
}

/// Asks for every answer again until it is there.
pub async fn all_created(world: &World, headers: &[Header]) {
    for (at, header) in headers.iter().enumerate() {
        let mut reply = world.create(header, &launch(&format!("n{at}"))).await;
        for _ in 0..30 {
            if reply.status == 201 {
                break;
            }
            assert_eq!(reply.status, 503, "{}", reply.brief());
            tokio::time::sleep(Duration::from_secs(1)).await;
            reply = world.create(header, &launch(&format!("n{at}"))).await;
        }
        reply.must(201);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r109_sigterm_loses_none_of_fifty_paid_requests() {
    let mut world = Setup::paid().set("upstream.per_minute", "100000").start().await;
    let headers = payments(&world, 50).await;
    world.core().behave(Behaviour::Slow);
    let requests = send(&world, &headers);
    while world.core().forwarded().len() < 5 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let watch = Stopwatch::start();
    let status = world.gateway.sigterm().await;
    assert!(
        status.success() && watch.elapsed() < Duration::from_secs(30),
        "{status} {:?}",
        watch.elapsed()
    );
    let mut given = 0;
    for reply in join_all(requests).await {
        let Some(reply) = reply.unwrap() else { continue };
        match reply.status.as_u16() {
            201 => given += 1,
            503 => assert!(
                ["PAYMENT_005", "SERVER_001"].contains(&reply.code().as_str()),
                "{}",
                reply.brief()
            ),
            _ => panic!("{}", reply.brief()),
        }
    }
    assert!(given >= 5, "only {given} answers were given before the end");
    world.core().behave(Behaviour::Create);
    world.gateway.restart().await;
    all_created(&world, &headers).await;
    world
        .settles_at(Totals { settlements: 50, transactions: 50, launches: 50, ..Totals::default() })
        .await;
}

/// Those who wait for a block that does not come are told so within seconds of SIGTERM, and the
/// next process goes on at once.
#[tokio::test(flavor = "multi_thread")]
async fn r109_sigterm_shortens_the_wait_of_those_who_wait_already() {
    let mut world = Setup::paid().own_chain().set("server.drain_s", "9").start().await;
    let headers = payments(&world, 3).await;
    world.chain.set_automine(false).await;
    let requests = send(&world, &headers);
    let audit = world.gateway.audit();
    let submitted = async || match audit.view("attempts").await.len() {
        3 => Ok(()),
        count => Err(format!("{count} attempts")),
    };
    world.gateway.until("three transactions", Duration::from_secs(20), submitted).await;
    let watch = Stopwatch::start();
    let status = world.gateway.sigterm().await;
    assert!(
        status.success() && watch.elapsed() < Duration::from_secs(14),
        "{status} {:?}",
        watch.elapsed()
    );
    for reply in join_all(requests).await {
        let reply = reply.unwrap().expect("an answer before the end").refused(503, "PAYMENT_005");
        assert!(reply.header("payment-required").is_none());
    }
    world.chain.set_automine(true).await;
    world.chain.mine(1).await;
    world.gateway.restart().await;
    let watch = Stopwatch::start();
    all_created(&world, &headers).await;
    assert!(
        watch.elapsed() < Duration::from_secs(15),
        "the leases were not released: {:?}",
        watch.elapsed()
    );
    world
        .settles_at(Totals { settlements: 3, transactions: 3, launches: 3, ..Totals::default() })
        .await;
}
