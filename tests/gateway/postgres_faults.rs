//! The database server goes away, is slow, breaks off, restarts, or takes no writes: before a claim
//! nothing happens, after it nothing is lost.

use std::time::Duration;

use futures::future::join_all;

use crate::proof_shapes::one_paid;
use crate::settlement::until_created;
use crate::support::moment::{Stopwatch, eventually};
use crate::support::one_store::left_out;
use crate::support::trap::Point;
use crate::support::world::{Totals, creation, launch};
use crate::support::{Call, Header, Reply, Setup, Wallet, World};

/// Two processes, each with its own way to the server, and an agent's signed payment.
async fn world() -> (World, Wallet, Header) {
    let world = Setup::paid().processes(2).databases_proxied().proxied().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    (world, wallet, header)
}

/// Told to come back, without a challenge, before anything was claimed.
#[track_caller]
fn put_off(reply: Reply) {
    let reply = reply.refused(503, "SERVER_001");
    assert!(
        reply.header("retry-after").is_some() && reply.header("payment-required").is_none(),
        "{:?}",
        reply.headers
    );
}

/// Whoever only asks for the price needs no database.
async fn the_price_is_told(world: &World) {
    world.send(Call::new("POST", "/launches").json(&launch("t"))).await.refused(402, "PAYMENT_001");
}

async fn readiness_is(world: &World, status: u16) {
    for gateway in world.gateways() {
        let said = async || {
            let reply = Call::get("/readyz").send(gateway.operator).await;
            if reply.status == status { Ok(()) } else { Err(reply.brief()) }
        };
        eventually(&format!("readiness is {status}"), Duration::from_secs(30), said).await;
    }
}

/// The same request until it is created; meanwhile nothing but "come back".
async fn created_at_last(world: &World, header: &Header, title: &str) {
    let watch = Stopwatch::start();
    loop {
        let reply = world.create(header, &launch(title)).await;
        if reply.status == 201 {
            return;
        }
        assert!(
            reply.status == 503 && reply.header("payment-required").is_none(),
            "{}",
            reply.brief()
        );
        assert!(watch.elapsed() < Duration::from_secs(60), "{}", reply.brief());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r110_a_database_that_is_down_before_the_request_claims_nothing() {
    if left_out() {
        return;
    }
    let (world, wallet, header) = world().await;
    for database in &world.databases {
        database.weather.refuse().await;
    }
    let watch = Stopwatch::start();
    for _ in 0..2 {
        put_off(world.create(&header, &launch("down")).await);
        put_off(world.ask(&wallet, "GET", "/usage").await);
    }
    assert!(watch.elapsed() < Duration::from_secs(40), "{:?}", watch.elapsed());
    readiness_is(&world, 503).await;
    Call::get("/healthz").send(world.gateway.operator).await.must(200);
    the_price_is_told(&world).await;
    assert!(world.gateway.audit().view("intents").await.is_empty(), "something was claimed");
    world.databases.iter().for_each(|database| database.weather.accept());
    readiness_is(&world, 200).await;
    world.create(&header, &launch("down")).await.must(201);
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r110_a_database_that_is_cut_right_after_the_broadcast_loses_nothing() {
    if left_out() {
        return;
    }
    let (world, _, header) = world().await;
    let mut trap = world.proxy().trap("eth_sendRawTransaction", Point::AfterEffect);
    let request = world.begin(creation(&header, &launch("cut")));
    trap.reached().await;
    for database in &world.databases {
        database.weather.refuse().await;
    }
    trap.release();
    let outage = Stopwatch::start();
    let reply = request.await.unwrap().expect("an answer").refused(503, "PAYMENT_005");
    assert!(
        reply.header("payment-required").is_none() && reply.payment_id().is_some(),
        "{}",
        reply.brief()
    );
    tokio::time::sleep(Duration::from_secs(30).saturating_sub(outage.elapsed())).await;
    world.databases.iter().for_each(|database| database.weather.accept());
    until_created(&world, &header, "cut").await;
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_database_is_waited_for() {
    if left_out() {
        return;
    }
    let (world, wallet, header) = world().await;
    world.databases.iter().for_each(|database| database.weather.delay(Duration::from_millis(50)));
    the_price_is_told(&world).await;
    world.ask(&wallet, "GET", "/usage").await.must(200);
    readiness_is(&world, 200).await;
    let watch = Stopwatch::start();
    created_at_last(&world, &header, "slow").await;
    println!("a paid launch with 100 ms to the database and back: {:?}", watch.elapsed());
    world.databases.iter().for_each(|database| database.weather.calm());
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_database_is_not_waited_for_without_end() {
    if left_out() {
        return;
    }
    let (world, wallet, header) = world().await;
    world.databases.iter().for_each(|database| database.weather.swallow_replies());
    the_price_is_told(&world).await;
    readiness_is(&world, 503).await;
    put_off(world.ask(&wallet, "GET", "/usage").await);
    let watch = Stopwatch::start();
    let reply =
        tokio::time::timeout(Duration::from_secs(30), world.create(&header, &launch("silent")))
            .await;
    put_off(reply.expect("an answer within 30 s"));
    println!("a silent database: put off after {:?}", watch.elapsed());
    assert!(world.gateway.audit().view("intents").await.is_empty(), "something was claimed");
    for database in &world.databases {
        database.weather.calm();
        // What was swallowed is lost: only a new connection makes sense of what the server says.
        database.weather.cut().await;
    }
    created_at_last(&world, &header, "silent").await;
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_breaks_off_in_the_middle_is_met_again() {
    if left_out() {
        return;
    }
    let (world, _, header) = world().await;
    let mut trap = world.core().trap(Point::AfterEffect);
    let request = world.begin(creation(&header, &launch("broken off")));
    trap.reached().await;
    for database in &world.databases {
        database.weather.cut().await;
    }
    trap.release();
    let reply = request.await.unwrap().expect("an answer");
    assert!([201, 503].contains(&reply.status.as_u16()), "{}", reply.brief());
    until_created(&world, &header, "broken off").await;
    world.settles_at(one_paid()).await;
}

/// As an administrator's restart does it: every session ends, and new ones begin.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_restarts_puts_requests_off_for_a_moment_at_most() {
    if left_out() {
        return;
    }
    let (world, wallet, header) = world().await;
    let ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    world.gateway.database.writer().await.execute("", ended).await;
    the_price_is_told(&world).await;
    let served = async || {
        let reply = world.ask(&wallet, "GET", "/usage").await;
        if reply.status == 200 {
            return Ok(());
        }
        put_off(reply);
        Err(String::from("put off"))
    };
    eventually("a free route is served", Duration::from_secs(10), served).await;
    readiness_is(&world, 200).await;
    let other = world.proof(&world.agent().await).v2();
    for (header, title) in [(&header, "one"), (&other, "two")] {
        created_at_last(&world, header, title).await;
    }
    world
        .settles_at(Totals { settlements: 2, transactions: 2, launches: 2, ..Totals::default() })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_no_writes_claims_nothing() {
    if left_out() {
        return;
    }
    let (world, wallet, header) = world().await;
    let name = world.gateway.database.name().unwrap().to_owned();
    let mut writer = world.gateway.database.writer().await;
    writer
        .execute("", &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"))
        .await;
    for database in &world.databases {
        database.weather.cut().await;
    }
    the_price_is_told(&world).await;
    let usage = world.ask(&wallet, "GET", "/usage").await;
    if usage.status != 200 {
        put_off(usage);
    }
    let said = async || {
        let reply = Call::get("/readyz").send(world.gateway.operator).await;
        let books = reply.json()["checks"]["books"].to_string();
        if reply.status == 503 && books.contains("read-only") {
            Ok(())
        } else {
            Err(format!("{}: {books}", reply.status))
        }
    };
    eventually("readiness says that the books take no writes", Duration::from_secs(10), said).await;
    put_off(world.create(&header, &launch("read only")).await);
    put_off(world.create(&header, &launch("read only")).await);
    assert!(world.gateway.audit().view("intents").await.is_empty(), "something was claimed");
    writer.execute("", &format!("ALTER DATABASE {name} RESET default_transaction_read_only")).await;
    for database in &world.databases {
        database.weather.cut().await;
    }
    created_at_last(&world, &header, "read only").await;
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connections_that_are_all_in_use_put_requests_off_before_any_claim() {
    if left_out() {
        return;
    }
    let world = Setup::paid().processes(2).set("store.connections", "2").start().await;
    let mut headers = Vec::new();
    for _ in 0..30 {
        headers.push(world.proof(&world.agent().await).v2());
    }
    let mut writer = world.gateway.database.writer().await;
    writer.hold_commits().await;
    let watch = Stopwatch::start();
    let bodies: Vec<_> = (0..30).map(|at| launch(&format!("n{at}"))).collect();
    let replies =
        join_all(headers.iter().zip(&bodies).map(|(header, body)| world.create(header, body)));
    let replies =
        tokio::time::timeout(Duration::from_secs(40), replies).await.expect("no request hangs");
    println!("30 requests without a connection: put off after {:?}", watch.elapsed());
    replies.into_iter().for_each(put_off);
    assert!(world.gateway.audit().view("intents").await.is_empty(), "something was claimed");
    the_price_is_told(&world).await;
    drop(writer);
    for (at, header) in headers.iter().enumerate() {
        created_at_last(&world, header, &format!("n{at}")).await;
    }
    world
        .settles_at(Totals { settlements: 30, transactions: 30, launches: 30, ..Totals::default() })
        .await;
}
