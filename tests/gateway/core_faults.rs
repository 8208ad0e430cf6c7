//! A core that dies, stalls or lies: one payment, one launch, one answer.

use std::time::Duration;

use crate::proof_shapes::one_paid;
use crate::support::fake_core::Behaviour;
use crate::support::world::{Totals, launch};
use crate::support::{Header, Reply, Setup, World, raw};
use crate::unfinished::until_state;

/// Nobody knows yet: never a challenge, and the way to ask again.
#[track_caller]
fn pending(reply: Reply) {
    let reply = reply.refused(503, "PAYMENT_005");
    assert!(reply.header("payment-required").is_none(), "a challenge while money may have moved");
    assert!(
        reply.header("retry-after").is_some() && reply.payment_id().is_some(),
        "{}",
        reply.brief()
    );
    assert_eq!(reply.json()["retry"], "resend_same_proof");
}

/// Every creation that reached the core carried one and the same key.
#[track_caller]
fn one_key(world: &World, at_least: usize) {
    let sent = world.core().forwarded();
    let keys: Vec<Vec<&str>> = sent.iter().map(|seen| seen.values("idempotency-key")).collect();
    assert!(
        keys.len() >= at_least && keys.iter().all(|key| key.len() == 1 && *key == keys[0]),
        "{keys:?}"
    );
}

/// Answers within a second or not at all; the client is told after four.
fn impatient() -> Setup {
    Setup::paid().set("upstream.timeout_s", "1").set("server.answer_deadline_s", "4")
}

#[tokio::test(flavor = "multi_thread")]
async fn r104_a_core_that_creates_and_hangs_has_made_one_launch() {
    let world = impatient().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    world.core().behave(Behaviour::CreateThenHang);
    pending(world.create(&header, &launch("hangs")).await);
    pending(world.create(&header, &launch("hangs")).await);
    world.core().behave(Behaviour::Create);
    until_state(&world, "created").await;
    assert!(world.create(&header, &launch("hangs")).await.must(201).replayed());
    one_key(&world, 3);
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r105_a_core_that_fails_and_breaks_off_first_makes_one_launch() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    world.core().behave_next([Behaviour::Fail, Behaviour::Reset, Behaviour::Fail]);
    world.create(&header, &launch("fourth time lucky")).await.must(201);
    one_key(&world, 4);
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_core_is_waited_for() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    world.core().behave(Behaviour::Slow);
    world.launch(&wallet, "slow").await.must(201);
    one_key(&world, 1);
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r106_a_core_that_is_away_is_noticed_before_any_claim() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    world.core().server.down().await;
    // What the core said of itself counts for a second.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let reply = world.create(&header, &launch("nobody there")).await.refused(503, "SERVER_001");
    assert_eq!(reply.json()["reason"], "upstream_unavailable");
    assert!(
        reply.header("retry-after").is_some() && reply.header("payment-required").is_none(),
        "{:?}",
        reply.headers
    );
    assert!(world.gateway.audit().view("intents").await.is_empty(), "something was claimed");
    world.settles_at(Totals::default()).await;
    world.core().server.up().await;
    created_soon(&world, &header, "nobody there").await;
    world.settles_at(one_paid()).await;
}

/// The same request until the gateway takes it on again.
async fn created_soon(world: &World, header: &Header, title: &str) -> Reply {
    for _ in 0..20 {
        let reply = world.create(header, &launch(title)).await;
        if reply.status != 503 {
            return reply.must(201);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("still not taken on");
}

/// Pays for a launch whose core goes away while the transaction is on its way.
async fn paid_and_alone(world: &World, header: &Header) {
    let mut hold = world.proxy().hold("eth_sendRawTransaction");
    let body = launch("alone");
    let gone = async {
        hold.reached().await;
        world.core().server.down().await;
        hold.release();
    };
    let (reply, ()) = tokio::join!(world.create(header, &body), gone);
    pending(reply);
    assert_eq!(world.totals().await.settlements, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn r106_a_core_that_goes_away_after_the_settlement_makes_the_launch_when_it_returns() {
    let world = impatient().proxied().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    paid_and_alone(&world, &header).await;
    world.core().server.up().await;
    until_state(&world, "created").await;
    assert!(world.create(&header, &launch("alone")).await.must(201).replayed());
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r106_a_core_that_stays_away_beyond_the_deadline_leaves_the_money_owed() {
    let world = impatient().set("upstream.core_deadline_s", "6").proxied().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    paid_and_alone(&world, &header).await;
    // Nothing ever reached it: no question is needed to know that nothing was done.
    until_state(&world, "rejected").await;
    world.core().server.up().await;
    let refused = world.create(&header, &launch("alone")).await.must(502);
    assert!(
        refused.replayed() && refused.json()["entitled_until"].is_string(),
        "{}",
        refused.brief()
    );
    world
        .settles_at(Totals { settlements: 1, transactions: 1, obligations: 1, ..Totals::default() })
        .await;
    // What is owed pays for the next one.
    created_soon(&world, &world.proof(&wallet).v2(), "owed").await;
    world.settles_at(one_paid()).await;
}

const GARBAGE: [Behaviour; 5] =
    [Behaviour::Truncate, Behaviour::NoId, Behaviour::Huge, Behaviour::Page, Behaviour::WrongType];

/// A new agent's launch, its stored answer, and both in JSON.
async fn created_and_replayed(world: &World, what: &str) {
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    let first = world.create(&header, &launch(what)).await.must(201);
    assert!(!first.launch_id().is_empty(), "{what}: {}", first.brief());
    assert_eq!(first.header("content-type"), Some("application/json"), "{what}");
    let again = world.create(&header, &launch(what)).await.must(201);
    assert!(again.replayed() && again.body == first.body, "{what}: {}", again.brief());
}

#[tokio::test(flavor = "multi_thread")]
async fn r107_garbage_once_is_asked_for_again_under_the_same_key() {
    let world = Setup::paid().start().await;
    let before = world.gateway.resident_bytes();
    for behaviour in GARBAGE {
        world.core().behave_next([behaviour]);
        created_and_replayed(&world, &format!("{behaviour:?}")).await;
    }
    let grown = world.gateway.resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "{} MiB more", grown >> 20);
    world
        .settles_at(Totals { settlements: 5, transactions: 5, launches: 5, ..Totals::default() })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r107_garbage_without_end_is_resolved_by_the_look_up() {
    let world = Setup::paid().set("upstream.core_deadline_s", "2").start().await;
    for behaviour in [Behaviour::Truncate, Behaviour::NoId, Behaviour::Page] {
        world.core().behave(behaviour);
        created_and_replayed(&world, &format!("{behaviour:?}")).await;
    }
    world
        .settles_at(Totals { settlements: 3, transactions: 3, launches: 3, ..Totals::default() })
        .await;
}

/// A free creation whose process is killed while the core is busy with it.
async fn killed_inside(behaviour: Behaviour, then: Behaviour) -> (World, Header) {
    let mut world = World::start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    world.core().behave(behaviour);
    let body = launch("killed").to_string();
    let headers = [(header.0, header.1.as_str()), ("content-type", "application/json")];
    let bytes = raw::request("POST", "/launches", &headers, body.as_bytes());
    let asked = async {
        while world.core().forwarded().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    raw::send_and_hang_up(world.gateway.address, &bytes, asked).await;
    world.gateway.kill9();
    world.core().behave(then);
    world.gateway.restart().await;
    (world, header)
}

#[tokio::test(flavor = "multi_thread")]
async fn r055_a_kill_inside_a_free_creation_that_was_made_keeps_its_slot() {
    let (world, header) = killed_inside(Behaviour::CreateThenHang, Behaviour::Create).await;
    until_state(&world, "created").await;
    let again = world.create(&header, &launch("killed")).await.must(201);
    assert!(again.replayed() && again.charge().ends_with("remaining=4"), "{}", again.brief());
    one_key(&world, 2);
    world.settles_at(Totals { free_slots: 1, launches: 1, ..Totals::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r055_a_kill_inside_a_free_creation_that_was_not_made_ends_in_one_launch_or_none() {
    let (world, _) = killed_inside(Behaviour::Hang, Behaviour::Create).await;
    until_state(&world, "created").await;
    one_key(&world, 2);
    world.settles_at(Totals { free_slots: 1, launches: 1, ..Totals::default() }).await;
    let (world, _) = killed_inside(Behaviour::Hang, Behaviour::Reject).await;
    until_state(&world, "released").await;
    world.settles_at(Totals::default()).await;
}
