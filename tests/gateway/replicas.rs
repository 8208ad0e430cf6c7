//! Several processes on the same books: each finishes and answers what another began.

use std::time::Duration;

use futures::future::join_all;

use crate::drain::{all_created, payments, send};
use crate::proof_shapes::one_paid;
use crate::settlement::until_created;
use crate::support::fake_core::Behaviour;
use crate::support::moment::Stopwatch;
use crate::support::one_store::left_out;
use crate::support::trap::Point;
use crate::support::world::{PRICE, Totals, creation, launch};
use crate::support::{Call, Reply, Setup, World};

/// Two processes whose limits are out of the way.
fn two() -> Setup {
    let setup = Setup::paid().processes(2).set("upstream.per_minute", "100000");
    setup.set("limits.agent_per_minute", "100000").set("limits.agent_burst", "100000")
}

/// The same call to both at once.
async fn to_both(world: &World, call: &Call) -> (Reply, Reply) {
    tokio::join!(
        world.send_to(&world.gateway, call.clone()),
        world.send_to(&world.others[0], call.clone())
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r023_the_same_request_to_two_processes_at_once_is_one_payment() {
    if left_out() {
        return;
    }
    let world = two().start().await;
    let wallet = world.agent_with(100 * PRICE).await;
    let mut first = [0; 2];
    for round in 0..100 {
        let call = creation(&world.proof(&wallet).v2(), &launch(&format!("round {round}")));
        let (one, two) = to_both(&world, &call).await;
        let (one, two) = (one.must(201), two.must(201));
        assert_eq!((one.payment_id(), &one.body), (two.payment_id(), &two.body), "round {round}");
        assert_ne!(
            one.replayed(),
            two.replayed(),
            "round {round}: one is the first, and one alone"
        );
        first[usize::from(one.replayed())] += 1;
    }
    println!("first at one process {} times, at the other {} times", first[0], first[1]);
    assert_eq!(world.chain.balance(wallet.address).await, 0);
    // Of both signers together: neither has sent a transaction that another one's success made
    // worthless.
    world
        .settles_at(Totals {
            settlements: 100,
            transactions: 100,
            launches: 100,
            ..Totals::default()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r024_the_other_process_gives_the_stored_answer() {
    if left_out() {
        return;
    }
    let mut world = two().start().await;
    let wallet = world.agent().await;
    let call = creation(&world.proof(&wallet).v2(), &launch("once"));
    let first = world.send_to(&world.gateway, call.clone()).await.must(201);
    assert!(world.gateway.sigterm().await.success());
    let again = world.send_to(&world.others[0], call).await.must(201);
    assert!(again.replayed());
    assert_eq!(
        (&again.body, again.header("payment-response")),
        (&first.body, first.header("payment-response"))
    );
    world.settles_at(one_paid()).await;
}

/// Its session with the database ends with it, and says so: nobody waits for its lease.
#[tokio::test(flavor = "multi_thread")]
async fn the_work_of_a_killed_process_is_taken_over_at_once() {
    if left_out() {
        return;
    }
    let mut world = two().proxied().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    let mut trap = world.proxy().trap("eth_sendRawTransaction", Point::BeforeSend);
    drop(world.begin(creation(&header, &launch("left behind"))));
    trap.reached().await;
    world.gateway.kill9();
    let watch = Stopwatch::start();
    until_created(&world, &header, "left behind").await;
    assert!(
        watch.elapsed() < Duration::from_secs(15),
        "the lease of 30 s was waited for: {:?}",
        watch.elapsed()
    );
    world.settles_at(one_paid()).await;
}

/// A paused process keeps its session; its lease ends by time, and what it writes later is refused.
#[tokio::test(flavor = "multi_thread")]
async fn the_work_of_a_paused_process_is_taken_over_when_its_lease_has_ended() {
    if left_out() {
        return;
    }
    let world = two().set("store.lease_s", "3").proxied().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    let mut trap = world.proxy().trap("eth_sendRawTransaction", Point::BeforeSend);
    drop(world.begin(creation(&header, &launch("paused"))));
    trap.reached().await;
    world.gateway.signal("STOP");
    trap.release();
    let call = creation(&header, &launch("paused"));
    let created = async || {
        let reply = world.send_to(&world.others[0], call.clone()).await;
        if reply.status == 201 { Ok(()) } else { Err(reply.brief()) }
    };
    crate::support::moment::eventually(
        "the other process finishes it",
        Duration::from_secs(60),
        created,
    )
    .await;
    world.gateway.signal("CONT");
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r109_one_of_two_processes_drains_while_the_other_serves() {
    if left_out() {
        return;
    }
    let mut world = two().start().await;
    let headers = payments(&world, 50).await;
    let wallet = world.agent_with(100 * PRICE).await;
    world.core().behave(Behaviour::Slow);
    let requests = send(&world, &headers);
    while world.core().forwarded().len() < 5 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let serving = async {
        let mut served = 0;
        let watch = Stopwatch::start();
        while watch.elapsed() < Duration::from_secs(6) {
            let call =
                creation(&world.proof(&wallet).v2(), &launch(&format!("meanwhile {served}")));
            world.send_to(&world.others[0], call).await.must(201);
            served += 1;
        }
        served
    };
    world.gateway.ask_to_end();
    let drain = Stopwatch::start();
    let served = serving.await;
    let status = world.gateway.wait_end().await;
    assert!(
        status.success() && drain.elapsed() < Duration::from_secs(30),
        "{status} {:?}",
        drain.elapsed()
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
    assert!(given >= 5 && served > 0, "{given} answers before the end, {served} meanwhile");
    world.core().behave(Behaviour::Create);
    // The process that drained stays away.
    all_created(&world, &headers).await;
    let count = 50 + served;
    world
        .settles_at(Totals {
            settlements: count,
            transactions: count as u64,
            launches: count,
            ..Totals::default()
        })
        .await;
}
