//! What the upstream bears is spent by those who are served, and its health costs nobody more than
//! a few seconds.

use std::time::Duration;

use futures::future::join_all;

use crate::support::card::unpaid;
use crate::support::fake_core::HEALTH;
use crate::support::moment::Stopwatch;
use crate::support::world::{Totals, launch};
use crate::support::{Call, Card, Reply, Setup, Wallet, World};

/// So many creations a minute, in one process.
fn bears(per_minute: u32) -> Setup {
    Setup::paid()
        .set("upstream.per_minute", &per_minute.to_string())
        .alone("each process has a budget of its own")
}

/// The budget is spent: said before anything is claimed, with the time to come back.
#[track_caller]
fn spent(reply: Reply) {
    let reply = reply.refused(503, "SERVER_001");
    assert_eq!(reply.json()["reason"], "upstream_unavailable", "{}", reply.brief());
    assert!(reply.header("retry-after").is_some_and(|after| after != "0"), "{}", reply.brief());
}

#[tokio::test(flavor = "multi_thread")]
async fn r121_wallets_that_hold_nothing_take_nothing_of_the_budget() {
    let world = bears(2).start().await;
    for number in 0..5 {
        let penniless = world.agent_with(0).await;
        let reply = world
            .launch(&penniless, &format!("penniless {number}"))
            .await
            .refused(402, "PAYMENT_002");
        assert_eq!(reply.json()["reason"], "insufficient_funds", "{}", reply.brief());
    }
    for number in 0..2 {
        world.launch(&world.agent().await, &format!("honest {number}")).await.must(201);
    }
    let late = world.agent().await;
    spent(world.launch(&late, "late").await);
    world
        .settles_at(Totals { settlements: 2, transactions: 2, launches: 2, ..Totals::default() })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r121_what_is_claimed_and_never_sent_gives_its_part_back() {
    let world = bears(1).cards().start().await;
    for number in 0..3 {
        let call = unpaid(&format!("declined {number}"));
        world.pay(&Card::of("pm_card_chargeDeclined"), &call).await.refused(402, "PAYMENT_003");
    }
    // A repeat of what is known takes nothing either.
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    world.create(&header, &launch("honest")).await.must(201);
    assert!(world.create(&header, &launch("honest")).await.must(201).replayed());
    spent(world.launch(&world.agent().await, "late").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn r125_a_health_path_that_hangs_is_asked_once_for_all_and_given_up() {
    let world = Setup::paid().alone("each process asks for itself").start().await;
    world.core().hang_health(true);
    // What the core said of itself counts for a second.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let before = questions(&world);
    let slowest =
        join_all((0..24).map(|number| answered(&world, number))).await.into_iter().max().unwrap();
    assert!(
        slowest < Duration::from_millis(4_500),
        "the slowest of them was answered after {slowest:?}"
    );
    let asked = questions(&world) - before;
    assert!(asked <= 5, "health was asked {asked} times in ten seconds");
    let watch = Stopwatch::start();
    Call::get("/readyz").send(world.gateway.operator).await.must(503);
    assert!(
        watch.elapsed() < Duration::from_millis(4_500),
        "readiness after {:?}",
        watch.elapsed()
    );
    world.core().hang_health(false);
    tokio::time::sleep(Duration::from_millis(4_500)).await;
    world.launch(&world.agent().await, "well again").await.must(201);
}

/// How often health was asked so far.
fn questions(world: &World) -> usize {
    world.core().seen().iter().filter(|seen| seen.target == HEALTH).count()
}

/// How long a request takes that begins this many quarters of a second from now.
async fn answered(world: &World, number: u32) -> Duration {
    tokio::time::sleep(Duration::from_millis(250) * number).await;
    let wallet = Wallet::random();
    let watch = Stopwatch::start();
    let reply = world.launch(&wallet, "hanging").await.refused(503, "SERVER_001");
    assert_eq!(reply.json()["reason"], "upstream_unavailable", "{}", reply.brief());
    watch.elapsed()
}

/// How often the connected accounts were asked for so far.
fn accounts_asked(world: &World) -> usize {
    world.core().seen().iter().filter(|seen| seen.target == "/dropspace/status").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn r181_only_an_upstream_that_has_them_is_asked_for_its_accounts() {
    let dropspace = include_str!("../../contracts/profiles/dropspace.toml");
    let folder = tempfile::tempdir().unwrap();
    for schema in ["create-launch.json", "update-launch.json"] {
        let text = std::fs::read(
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts/schemas").join(schema),
        )
        .unwrap();
        std::fs::write(folder.path().join(schema), text).unwrap();
    }
    let path = folder.path().join("other.toml");
    std::fs::write(&path, dropspace.replace("name = \"dropspace\"", "name = \"other\"")).unwrap();
    let world = Setup::paid()
        .set("upstream.profile", path.to_str().unwrap())
        .set("DROPSPACE_KEY", "key-of-the-test")
        .start()
        .await;
    world.launch(&world.agent().await, "at another upstream").await.must(201);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(accounts_asked(&world), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn r181_accounts_that_are_not_told_are_asked_for_less_and_less_often() {
    let mut world = Setup::paid().alone("each process asks for itself").start().await;
    world.gateway.sigterm().await;
    world.core().refuse_all(Some(500));
    let before = accounts_asked(&world);
    world.gateway.spawn();
    tokio::time::sleep(Duration::from_secs(12)).await;
    let asked = accounts_asked(&world) - before;
    assert!((2..=4).contains(&asked), "asked {asked} times in twelve seconds");
}
