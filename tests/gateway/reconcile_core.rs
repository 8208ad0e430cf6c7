//! The launch core against the books: launches that one of the two does not have, and work that
//! does not end.

use crate::reconcile::{agrees, finds, open, outcome};
use crate::support::audit::text;
use crate::support::fake_core::Behaviour;
use crate::support::{Setup, World};

async fn three_launches() -> World {
    let world = Setup::new().start().await;
    let wallet = world.agent().await;
    for title in ["first", "second", "third"] {
        world.launch(&wallet, title).await.must(201);
    }
    agrees(&world, &[]).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_that_the_core_forgot_is_found_until_it_is_back() {
    let world = three_launches().await;
    let intents = world.gateway.audit().view("intents").await;
    let ids: Vec<String> = intents.iter().map(|intent| text(intent, "id")).collect();
    let forgotten = world.core().forget();
    let missing: Vec<(&str, &str)> = ids.iter().map(|id| ("missing_launch", id.as_str())).collect();
    finds(&world, &["--full"], &missing).await;
    finds(&world, &[], &missing).await;
    world.core().remember(forgotten);
    agrees(&world, &[]).await;
    assert_eq!(open(&world).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_that_nobody_paid_is_found_until_it_is_deleted() {
    let world = three_launches().await;
    let id = world.core().invent("nobodys-key");
    finds(&world, &[], &[("extra_launch", &id)]).await;
    finds(&world, &["--full"], &[("extra_launch", &id)]).await;
    world.core().delete(&id);
    agrees(&world, &["--full"]).await;
    assert_eq!(open(&world).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_that_its_agent_deleted_is_no_difference() {
    let world = Setup::new().start().await;
    let wallet = world.agent().await;
    let made = world.launch(&wallet, "short lived").await.must(201).json();
    world
        .ask(&wallet, "DELETE", &format!("/launches/{}", made["data"]["id"].as_str().unwrap()))
        .await
        .must(200);
    agrees(&world, &["--full"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_core_that_does_not_list_is_a_finding_until_it_does() {
    let world = three_launches().await;
    world.core().silence_list(true);
    let report = finds(&world, &[], &[("could_not_check", "core")]).await;
    assert_eq!(outcome(&report, "core"), "could_not_check");
    world.core().silence_list(false);
    agrees(&world, &[]).await;
    assert_eq!(open(&world).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_built_in_core_is_compared_too() {
    let world = Setup::new().embedded().start().await;
    let wallet = world.agent().await;
    world.launch(&wallet, "first").await.must(201);
    let report = agrees(&world, &["--full"]).await;
    assert_eq!(outcome(&report, "core"), "checked");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_beyond_its_deadline_is_found_until_it_ends() {
    let world = Setup::new().set("upstream.timeout_s", "8").start().await;
    let wallet = world.agent().await;
    world.core().behave(Behaviour::CreateThenHang);
    let begun = world.begin(crate::support::world::creation(
        &world.proof(&wallet).v2(),
        &crate::support::world::launch("late"),
    ));
    let there = async || {
        if world.core().launch_count() == 1 { Ok(()) } else { Err(String::from("no launch")) }
    };
    world.gateway.until("the launch is there", std::time::Duration::from_secs(20), there).await;
    let id = text(&world.gateway.audit().view("intents").await[0], "id");
    agrees(&world, &[]).await;
    // It was begun longer ago than anything may take.
    let older = "UPDATE intents SET created_at_ms = created_at_ms - 7200000, forwarding_since_ms = forwarding_since_ms - 7200000";
    world.gateway.database.writer().await.execute(older, older).await;
    finds(&world, &[], &[("stuck", &id)]).await;
    world.core().behave(Behaviour::Create);
    begun.abort();
    until_created(&world).await;
    agrees(&world, &[]).await;
    assert_eq!(open(&world).await, []);
}

/// The gateway asks again until the core answers.
async fn until_created(world: &World) {
    let created = async || match world.gateway.audit().view("intents").await {
        intents if text(&intents[0], "state") == "created" => Ok(()),
        intents => Err(text(&intents[0], "state")),
    };
    world.gateway.until("the launch is created", std::time::Duration::from_secs(60), created).await;
}
