//! Creations whose outcome the upstream does not give: each of them has an end.

use std::time::Duration;

use serde_json::json;

use crate::operator_actions::act;
use crate::operator_api::list;
use crate::support::fake_core::Behaviour;
use crate::support::moment::Stopwatch;
use crate::support::world::{Totals, launch};
use crate::support::{Header, Reply, Setup, World};
use crate::unfinished::until_state;

/// What is paid, and neither served nor unknown any more.
fn owed() -> Totals {
    Totals { settlements: 1, transactions: 1, obligations: 1, ..Totals::default() }
}

/// Waits a second for an answer, tries for two, and tells its client soon.
fn impatient() -> Setup {
    Setup::paid()
        .set("upstream.timeout_s", "1")
        .set("upstream.core_deadline_s", "2")
        .set("server.answer_deadline_s", "1")
}

/// A paid launch of which nobody can say what became of it: its core hangs, and knows nothing of
/// keys.
async fn unknown(world: &World, behaviour: Behaviour) -> (Header, String) {
    world.core().silence_look_up(true);
    world.core().behave(behaviour);
    let header = world.proof(&world.agent().await).v2();
    let reply = world.create(&header, &launch("unknown")).await.refused(503, "PAYMENT_005");
    until_state(world, "core_unknown").await;
    (header, reply.payment_id().unwrap())
}

/// Asks for a payment's end until no copy of it can be under way any more.
async fn resolved(world: &World, payment: &str, outcome: &serde_json::Value) -> Reply {
    for _ in 0..40 {
        let reply = act(world, &format!("payments/{payment}/resolve"), outcome).await;
        if reply.status != 409 {
            return reply;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("a copy is under way for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn r182_what_was_never_sent_is_owed_at_its_deadline_though_nobody_can_be_asked() {
    let world = Setup::paid()
        .set("upstream.core_deadline_s", "3")
        .set("server.answer_deadline_s", "2")
        .proxied()
        .start()
        .await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    let mut hold = world.proxy().hold("eth_sendRawTransaction");
    let body = launch("alone");
    let gone = async {
        hold.reached().await;
        world.core().server.down().await;
        hold.release();
    };
    let (reply, ()) = tokio::join!(world.create(&header, &body), gone);
    reply.refused(503, "PAYMENT_005");
    until_state(&world, "rejected").await;
    let reply = world.create(&header, &body).await.must(502);
    assert!(reply.replayed() && reply.json()["entitled_until"].is_string(), "{}", reply.brief());
    world.settles_at(owed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r182_what_a_page_turned_away_is_owed_and_not_held_against_its_payer() {
    let setup = Setup::paid()
        .set("upstream.core_deadline_s", "2")
        .set("pricing.refused_after_pay_per_day", "1");
    let world = setup.start().await;
    // Nobody could be asked what became of it, and nobody needs to be.
    world.core().silence_look_up(true);
    world.core().behave(Behaviour::Stranger(404));
    let wallet = world.agent().await;
    let reply = world.launch(&wallet, "turned away").await.must(502);
    assert!(reply.json()["entitled_until"].is_string(), "{}", reply.brief());
    world.settles_at(owed()).await;
    world.core().behave(Behaviour::Create);
    world.launch(&wallet, "by what is owed").await.must(201);
    world.launch(&wallet, "paid").await.must(201);
    world
        .settles_at(Totals { settlements: 2, transactions: 2, launches: 2, ..Totals::default() })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r182_an_operator_ends_what_was_not_done_and_it_is_owed() {
    let world = impatient().start().await;
    let (header, payment) = unknown(&world, Behaviour::Hang).await;
    let early =
        world.gateway.run(&["resolve", &payment, "--not-done", "--reason", "too early"]).await;
    assert_eq!(early.status.code(), Some(4), "{}", String::from_utf8_lossy(&early.stderr));
    let unsaid = act(
        &world,
        &format!("payments/{payment}/resolve"),
        &json!({"outcome": "done", "reason": "no name"}),
    )
    .await;
    assert_eq!(unsaid.must(400).json()["details"][0]["field"], "result");
    resolved(
        &world,
        &payment,
        &json!({"outcome": "not_done", "reason": "only asked", "dry_run": true}),
    )
    .await
    .must(200);
    assert!(list(&world, "actions").await.is_empty(), "a dry run was noted");
    let arguments =
        ["resolve", payment.as_str(), "--not-done", "--reason", "their list lacks it", "--json"];
    let done = world.gateway.run(&arguments).await;
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let actions = list(&world, "actions").await;
    assert_eq!(
        (&actions[0]["action"], &actions[0]["reason"]),
        (&json!("payment.resolve"), &json!("their list lacks it"))
    );
    assert_eq!(world.gateway.run(&arguments).await.status.code(), Some(4), "ended twice");
    assert!(world.create(&header, &launch("unknown")).await.must(502).replayed());
    world.settles_at(owed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r182_an_operator_ends_what_was_done_with_its_name_or_without() {
    let world = impatient().start().await;
    let (header, payment) = unknown(&world, Behaviour::CreateThenHang).await;
    let name = world.core().launch_ids().remove(0);
    resolved(&world, &payment, &json!({"outcome": "done", "result": name, "reason": "seen there"}))
        .await
        .must(200);
    let reply = world.create(&header, &launch("unknown")).await.must(200);
    assert!(reply.replayed() && reply.launch_id() == name, "{}", reply.brief());
    world
        .settles_at(Totals { settlements: 1, transactions: 1, launches: 1, ..Totals::default() })
        .await;
    let world = impatient().start().await;
    let (header, payment) = unknown(&world, Behaviour::Hang).await;
    resolved(
        &world,
        &payment,
        &json!({"outcome": "done", "without_result": true, "reason": "they say so"}),
    )
    .await
    .must(200);
    let reply = world.create(&header, &launch("unknown")).await.must(410);
    assert_eq!(reply.json()["reason"], "answer_not_kept", "{}", reply.brief());
    assert_eq!((world.totals().await.obligations, world.totals().await.settlements), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn r182_a_success_found_later_is_a_finding_and_changes_no_books() {
    let world = impatient().start().await;
    let (_, payment) = unknown(&world, Behaviour::CreateThenHang).await;
    resolved(&world, &payment, &json!({"outcome": "not_done", "reason": "a mistake"}))
        .await
        .must(200);
    // A comparison books the gas that was spent, whatever it finds.
    let postings = async || -> Vec<_> {
        list(&world, "journal")
            .await
            .into_iter()
            .filter(|posting| posting["kind"] != "gas")
            .collect()
    };
    let before = postings().await;
    world.core().silence_look_up(false);
    world.gateway.run(&["reconcile"]).await;
    let found = list(&world, "findings").await;
    assert_eq!((found.len(), &found[0]["kind"]), (1, &json!("late_result")), "{found:?}");
    assert_eq!(postings().await, before);
    assert_eq!(world.totals().await.obligations, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn r182_what_is_stuck_takes_no_place_and_holds_up_no_end() {
    let mut world = impatient()
        .set("limits.open_intents", "1")
        .alone("each process counts its own")
        .start()
        .await;
    unknown(&world, Behaviour::Hang).await;
    world.core().behave(Behaviour::Create);
    tokio::time::sleep(Duration::from_secs(4)).await;
    world.launch(&world.agent().await, "beside what is stuck").await.must(201);
    let watch = Stopwatch::start();
    let status = world.gateway.sigterm().await;
    assert!(
        status.success() && watch.elapsed() < Duration::from_secs(5),
        "{status} after {:?}",
        watch.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r182_what_nobody_ends_is_owed_after_the_time_that_is_set() {
    let world = impatient().set("upstream.unknown_after_s", "6").start().await;
    let (header, _) = unknown(&world, Behaviour::Hang).await;
    until_state(&world, "rejected").await;
    let reply = world.create(&header, &launch("unknown")).await.must(502);
    assert!(
        reply.json()["error"]["message"].as_str().unwrap().contains("never said"),
        "{}",
        reply.brief()
    );
    world.settles_at(owed()).await;
}
