//! An upstream that refuses the gateway itself costs no agent money.

use std::time::Duration;

use serde_json::json;

use crate::operator_actions::act;
use crate::operator_api::{list, read};
use crate::support::audit::text;
use crate::support::fake_core::Behaviour;
use crate::support::metrics::Metrics;
use crate::support::moment::{Stopwatch, eventually};
use crate::support::world::{Totals, launch};
use crate::support::{Call, Header, Reply, Setup, World};
use crate::unfinished::until_state;

const SOON: Duration = Duration::from_secs(20);

/// Its clients are told soon.
fn impatient() -> Setup {
    Setup::paid().set("server.answer_deadline_s", "2")
}

/// Nobody new is charged: said before any claim.
#[track_caller]
fn closed(reply: Reply) {
    let reply = reply.refused(503, "SERVER_001");
    assert_eq!(reply.json()["reason"], "upstream_refuses_us", "{}", reply.brief());
    assert!(
        reply.header("retry-after").is_some() && reply.header("payment-required").is_none(),
        "{}",
        reply.brief()
    );
}

/// A paid launch whose outcome is open when its client is told to come back.
async fn turned_away(world: &World, title: &str) -> Header {
    let header = world.proof(&world.agent().await).v2();
    world.create(&header, &launch(title)).await.refused(503, "PAYMENT_005");
    header
}

/// Every process knows that the way is closed.
async fn closed_everywhere(world: &World) {
    for gateway in world.gateways() {
        let ready = async || {
            let reply = Call::get("/readyz").send(gateway.operator).await;
            let said = reply.json()["checks"]["upstream"].as_str().unwrap_or_default().to_owned();
            if reply.status == 503 && said.contains("refuses the gateway itself") {
                Ok(())
            } else {
                Err(reply.brief())
            }
        };
        eventually("readiness says it", SOON, ready).await;
    }
}

async fn open_everywhere(world: &World) {
    for gateway in world.gateways() {
        let ready = async || {
            let reply = Call::get("/readyz").send(gateway.operator).await;
            if reply.status == 200 { Ok(()) } else { Err(reply.brief()) }
        };
        eventually("ready again", SOON, ready).await;
    }
}

fn served(count: u64) -> Totals {
    let launches = usize::try_from(count).unwrap();
    Totals { settlements: launches, transactions: count, launches, ..Totals::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn r183_the_first_answer_that_refuses_our_key_charges_nobody_else() {
    let world = impatient().start().await;
    world.core().behave(Behaviour::Refuses(401));
    let first = turned_away(&world, "the first").await;
    closed_everywhere(&world).await;
    for number in 0..4 {
        closed(world.launch(&world.agent().await, &format!("the next {number}")).await);
    }
    assert_eq!(world.totals().await.settlements, 1, "somebody else was charged");
    eventually("the metric", SOON, async || {
        let metrics = Metrics::of(&world).await.text;
        if metrics.contains("gateway_upstream_closed 1") { Ok(()) } else { Err(metrics) }
    })
    .await;
    // The oldest of them is sent again now and then, which opens the way: it is served with what it
    // paid.
    world.core().behave(Behaviour::Create);
    open_everywhere(&world).await;
    until_state(&world, "created").await;
    assert!(world.create(&first, &launch("the first")).await.must(201).replayed());
    world.launch(&world.agent().await, "open again").await.must(201);
    world.settles_at(served(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r183_free_slots_are_closed_too_and_what_is_read_goes_on() {
    let world = Setup::new().set("server.answer_deadline_s", "2").start().await;
    let wallet = world.agent().await;
    world.launch(&wallet, "before").await.must(201);
    world.core().behave(Behaviour::Refuses(402));
    let header = world.proof(&wallet).v2();
    world.create(&header, &launch("turned away")).await.refused(503, "PAYMENT_005");
    closed_everywhere(&world).await;
    closed(world.launch(&wallet, "free").await);
    world.core().behave(Behaviour::Create);
    // A free call that the upstream answers itself opens the way.
    world.ask(&wallet, "GET", "/launches").await.must(200);
    open_everywhere(&world).await;
    until_all_created(&world, 2).await;
    world.settles_at(Totals { free_slots: 2, launches: 2, ..Totals::default() }).await;
}

async fn until_all_created(world: &World, count: usize) {
    let audit = world.gateway.audit();
    let there = async || {
        let intents = audit.view("intents").await;
        let created = intents.iter().filter(|intent| text(intent, "state") == "created").count();
        if created == count { Ok(()) } else { Err(format!("{created} of {count} are created")) }
    };
    world.gateway.until("all are created", Duration::from_secs(60), there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r183_what_was_turned_away_until_its_deadline_is_owed_and_not_held_against_its_payer() {
    let setup = impatient()
        .set("upstream.core_deadline_s", "4")
        .set("pricing.refused_after_pay_per_day", "1");
    let world = setup.start().await;
    world.core().refuse_all(Some(401));
    let wallet = world.agent().await;
    // Health is asked at most once a second: the last word of it was good.
    let header = world.proof(&wallet).v2();
    let reply = world.create(&header, &launch("turned away")).await;
    assert_eq!(reply.status.as_u16(), 503, "{}", reply.brief());
    if reply.code() == "SERVER_001" {
        world.core().refuse_all(None);
        open_everywhere(&world).await;
        world.core().behave(Behaviour::Refuses(401));
        world.create(&header, &launch("turned away")).await.refused(503, "PAYMENT_005");
        world.core().refuse_all(Some(401));
    }
    until_state(&world, "rejected").await;
    world
        .settles_at(Totals { settlements: 1, transactions: 1, obligations: 1, ..Totals::default() })
        .await;
    // The health path refused us too, and so it is believed when it takes us again.
    closed_everywhere(&world).await;
    world.core().behave(Behaviour::Create);
    world.core().refuse_all(None);
    open_everywhere(&world).await;
    world.launch(&wallet, "by what is owed").await.must(201);
    world.launch(&wallet, "paid").await.must(201);
    world.settles_at(served(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r183_two_hostile_bodies_close_nothing() {
    let setup = impatient().set("upstream.core_deadline_s", "5");
    let world = setup.alone("each process counts what it meets").start().await;
    // Whatever stands before the core answers them with a page, however often they are sent.
    for number in 0..2 {
        turned_away(&world, &format!("hostile {number}")).await;
    }
    world.launch(&world.agent().await, "honest").await.must(201);
    until_state(&world, "rejected").await;
    world.launch(&world.agent().await, "honest again").await.must(201);
    eventually("both are owed", SOON, async || match world.totals().await.obligations {
        2 => Ok(()),
        count => Err(format!("{count} are owed")),
    })
    .await;
    world
        .settles_at(Totals {
            settlements: 4,
            transactions: 4,
            launches: 2,
            obligations: 2,
            ..Totals::default()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r183_a_page_for_three_payers_closes_the_way() {
    let world = impatient().alone("each process counts what it meets").start().await;
    world.core().behave(Behaviour::Stranger(403));
    for number in 0..3 {
        turned_away(&world, &format!("page {number}")).await;
    }
    closed_everywhere(&world).await;
    closed(world.launch(&world.agent().await, "closed").await);
    let asked = world.core().creations_seen();
    tokio::time::sleep(Duration::from_secs(6)).await;
    let probes = world.core().creations_seen() - asked;
    assert!((1..=3).contains(&probes), "sent again {probes} times in six seconds, one at a time");
    world.core().behave(Behaviour::Create);
    open_everywhere(&world).await;
    until_all_created(&world, 3).await;
    world.settles_at(served(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r183_an_operator_opens_it_by_hand() {
    let world = impatient().start().await;
    world.core().behave(Behaviour::Refuses(407));
    turned_away(&world, "the first").await;
    closed_everywhere(&world).await;
    let shown = world.gateway.run(&["upstream", "--json"]).await;
    assert_eq!(shown.status.code(), Some(1), "{}", String::from_utf8_lossy(&shown.stderr));
    assert_eq!(read(&world, "upstream").await["closed"], true);
    act(&world, "upstream/open", &json!({"reason": "only asked", "dry_run": true})).await.must(200);
    closed(world.launch(&world.agent().await, "still closed").await);
    world.core().behave(Behaviour::Create);
    let opened = world.gateway.run(&["upstream", "open", "--reason", "the key is renewed"]).await;
    assert_eq!(opened.status.code(), Some(0), "{}", String::from_utf8_lossy(&opened.stderr));
    let actions = list(&world, "actions").await;
    assert_eq!(
        (&actions[0]["action"], &actions[0]["reason"]),
        (&json!("upstream.open"), &json!("the key is renewed"))
    );
    open_everywhere(&world).await;
    until_state(&world, "created").await;
    assert_eq!(
        act(&world, "upstream/open", &json!({"reason": "again"})).await.status.as_u16(),
        409
    );
    world.settles_at(served(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r183_a_closed_way_stays_closed_over_a_restart() {
    let mut world = impatient().alone("the process is killed").start().await;
    world.core().behave(Behaviour::Refuses(401));
    turned_away(&world, "the first").await;
    closed_everywhere(&world).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.gateway.kill9();
    world.gateway.spawn();
    eventually("it answers", SOON, async || {
        let reply = Call::get("/readyz").try_send(world.gateway.operator).await;
        if reply.is_ok() { Ok(()) } else { Err(String::from("not yet")) }
    })
    .await;
    closed(world.launch(&world.agent().await, "after a restart").await);
    world.core().behave(Behaviour::Create);
    open_everywhere(&world).await;
    until_state(&world, "created").await;
    world.settles_at(served(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r184_retry_after_bounds_the_next_attempt_of_all() {
    for (behaviour, reason) in [
        (Behaviour::TooMany(4), "upstream_refuses_us"),
        (Behaviour::Busy(4), "upstream_unavailable"),
    ] {
        let world = Setup::paid().set("server.answer_deadline_s", "30").start().await;
        world.core().behave_next([behaviour]);
        let header = world.proof(&world.agent().await).v2();
        let body = launch("later");
        let (first, next) = tokio::join!(world.create(&header, &body), async {
            while world.core().creations_seen() == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let watch = Stopwatch::start();
            // The other process hears of it within a second.
            tokio::time::sleep(Duration::from_millis(1_800)).await;
            let next =
                world.launch(&world.agent().await, "the next").await.refused(503, "SERVER_001");
            assert_eq!(next.json()["reason"], reason, "{}", next.brief());
            assert!(
                next.header("retry-after")
                    .is_some_and(|after| ["1", "2", "3", "4"].contains(&after)),
                "{}",
                next.brief()
            );
            while world.core().creations_seen() == 1 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            watch.elapsed()
        });
        first.must(201);
        assert!(next > Duration::from_millis(3_900), "sent again after {next:?}: {behaviour:?}");
        world.launch(&world.agent().await, "open again").await.must(201);
        world.settles_at(served(2)).await;
    }
}
