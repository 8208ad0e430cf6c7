//! A file system without space, without writes, or without the file: it is said in words, nothing
//! is lost, and what ends by itself needs no restart.

use std::time::Duration;

use tokio::time::sleep;

use crate::proof_shapes::one_paid;
use crate::settlement::until_created;
use crate::support::disk::SmallDisk;
use crate::support::gateway::Gateway;
use crate::support::metrics::Metrics;
use crate::support::moment::{Stopwatch, eventually};
use crate::support::one_store::left_out;
use crate::support::trap::Point;
use crate::support::world::{Totals, creation, launch};
use crate::support::{Call, Header, Reply, Setup, World};

/// Within this time of free space everything goes on.
const GOES_ON: Duration = Duration::from_secs(5);
const ERRORS: &str = "gateway_books_errors_total";

fn disk(world: &World) -> &SmallDisk {
    world.disk.as_ref().unwrap()
}

/// Readiness is what it should be, and says so.
async fn readiness_says(world: &World, status: u16, words: &str) {
    eventually(
        &format!("readiness is {status} and says {words:?}"),
        Duration::from_secs(10),
        async || {
            let reply = Call::get("/readyz").send(world.gateway.operator).await;
            let said = reply.json()["checks"]["books"].to_string();
            if reply.status == status && said.contains(words) {
                Ok(())
            } else {
                Err(format!("{} {said}", reply.status))
            }
        },
    )
    .await;
}

/// No challenge, and either nothing happened or the payment is named.
#[track_caller]
fn put_off(reply: &Reply) {
    assert_eq!(reply.status, 503, "{}", reply.brief());
    assert!(
        reply.header("payment-required").is_none() && reply.header("retry-after").is_some(),
        "{}",
        reply.brief()
    );
    match reply.code().as_str() {
        "SERVER_001" => {}
        "PAYMENT_005" => assert!(reply.payment_id().is_some(), "{}", reply.brief()),
        other => panic!("{other}: {}", reply.brief()),
    }
}

/// The same request until it is created, within the time in which everything must go on.
async fn goes_on(world: &World, header: &Header, title: &str) {
    let watch = Stopwatch::start();
    loop {
        let reply = world.create(header, &launch(title)).await;
        if reply.status == 201 {
            return;
        }
        put_off(&reply);
        assert!(watch.elapsed() < GOES_ON, "{title}: {}", reply.brief());
        sleep(Duration::from_millis(200)).await;
    }
}

async fn counted(world: &World, kind: &str) {
    let metrics = Metrics::of(world).await;
    assert!(metrics.sum(ERRORS, &[("kind", kind)]) > 0.0, "no error of kind {kind}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r116_a_full_disk_is_survived_without_a_restart() {
    if left_out() {
        return;
    }
    let world = Setup::paid().small_disk().start().await;
    let wallet = world.agent().await;
    readiness_says(&world, 200, "ok").await;
    world.launch(&wallet, "before").await.must(201);
    for round in 0..2 {
        disk(&world).fill();
        let headers: Vec<Header> = (0..4).map(|_| world.proof(&wallet).v2()).collect();
        for (at, header) in headers.iter().enumerate() {
            put_off(&world.create(header, &launch(&format!("full {round} {at}"))).await);
        }
        readiness_says(&world, 503, "disk full").await;
        counted(&world, "disk_full").await;
        disk(&world).free();
        let watch = Stopwatch::start();
        goes_on(&world, &headers[0], &format!("full {round} 0")).await;
        readiness_says(&world, 200, "ok").await;
        println!("went on after {:?}", watch.elapsed());
        for (at, header) in headers.iter().enumerate() {
            goes_on(&world, header, &format!("full {round} {at}")).await;
        }
    }
    world
        .settles_at(Totals { settlements: 9, transactions: 9, launches: 9, ..Totals::default() })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r116_a_disk_that_fills_during_a_payment_loses_nothing() {
    if left_out() {
        return;
    }
    let world =
        Setup::paid().small_disk().proxied().set("server.answer_deadline_s", "4").start().await;
    let header = world.proof(&world.agent().await).v2();
    let mut trap = world.proxy().trap("eth_sendRawTransaction", Point::AfterEffect);
    let request = world.begin(creation(&header, &launch("fills up")));
    trap.reached().await;
    disk(&world).fill();
    trap.release();
    let reply = request.await.unwrap().expect("an answer").refused(503, "PAYMENT_005");
    assert!(
        reply.payment_id().is_some() && reply.header("payment-required").is_none(),
        "{}",
        reply.brief()
    );
    disk(&world).free();
    goes_on(&world, &header, "fills up").await;
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r116_a_file_that_another_process_holds_is_waited_for() {
    if left_out() {
        return;
    }
    let world = Setup::paid().start().await;
    let header = world.proof(&world.agent().await).v2();
    let mut writer = world.gateway.database.writer().await;
    writer.hold_commits().await;
    put_off(&world.create(&header, &launch("held")).await);
    readiness_says(&world, 503, "locked").await;
    drop(writer);
    goes_on(&world, &header, "held").await;
    readiness_says(&world, 200, "ok").await;
    world.settles_at(one_paid()).await;
}

/// The core keeps its launches on the full disk, the books are elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r116_the_embedded_core_survives_a_full_disk() {
    if left_out() {
        return;
    }
    let world =
        Setup::paid().embedded().small_disk().set("server.answer_deadline_s", "4").start().await;
    let wallet = world.agent().await;
    world.launch(&wallet, "before").await.must(201);
    disk(&world).fill();
    let header = world.proof(&wallet).v2();
    put_off(&world.create(&header, &launch("full")).await);
    disk(&world).free();
    goes_on(&world, &header, "full").await;
    world.launch(&wallet, "after").await.must(201);
    crate::support::oracle::check(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r116_a_stop_that_could_not_write_says_so() {
    if left_out() {
        return;
    }
    let mut world = Setup::new().small_disk().start().await;
    let wallet = world.agent().await;
    disk(&world).fill();
    // Proofs of free reads are carried to the books within a second; now they cannot be.
    for _ in 0..3 {
        world.ask(&wallet, "GET", "/usage").await.must(200);
    }
    let ended = world.gateway.sigterm().await;
    assert!(!ended.success(), "ended with {ended}");
    assert!(world.gateway.logs().contains("disk full"), "{}", world.gateway.logs());
    disk(&world).free();
    world.gateway.restart().await;
    world.ask(&wallet, "GET", "/usage").await.must(200);
    assert!(world.gateway.sigterm().await.success());
    world.gateway.restart().await;
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r129_books_are_served_once_whatever_they_are_called() {
    if left_out() {
        return;
    }
    let world = Setup::paid().start().await;
    let books = world.gateway.path("turnpike.db");
    let links = [world.gateway.path("symlink.db"), world.gateway.path("hardlink.db")];
    std::os::unix::fs::symlink(&books, &links[0]).unwrap();
    std::fs::hard_link(&books, &links[1]).unwrap();
    for link in links {
        let mut settings = crate::support::gateway::Settings::new();
        for key in [
            "x402.mode",
            "x402.rpc_url",
            "x402.asset",
            "x402.pay_to",
            "x402.chain_id",
            "x402.signer_key",
            "store.seal_key",
        ] {
            settings.insert(key.to_owned(), world.gateway.setting(key).to_owned());
        }
        settings.insert("store.url".to_owned(), format!("sqlite://{}", link.display()));
        settings
            .insert("upstream.url".to_owned(), world.gateway.setting("upstream.url").to_owned());
        settings.insert(
            "upstream.signing_secret".to_owned(),
            world.gateway.setting("upstream.signing_secret").to_owned(),
        );
        let mut second = Gateway::prepare(settings);
        second.spawn();
        assert!(!second.wait_end().await.success(), "{} was served a second time", link.display());
        assert!(second.logs().contains("in use by another process"), "{}", second.logs());
    }
    let wallet = world.agent().await;
    world.launch(&wallet, "goes on").await.must(201);
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r129_books_that_are_moved_away_are_not_ready() {
    if left_out() {
        return;
    }
    let world = Setup::paid().start().await;
    let (books, away) = (world.gateway.path("turnpike.db"), world.gateway.path("elsewhere.db"));
    std::fs::rename(&books, &away).unwrap();
    readiness_says(&world, 503, "moved").await;
    let header = world.proof(&world.agent().await).v2();
    put_off(&world.create(&header, &launch("moved")).await);
    std::fs::rename(&away, &books).unwrap();
    readiness_says(&world, 200, "ok").await;
    until_created(&world, &header, "moved").await;
    world.settles_at(one_paid()).await;
}
