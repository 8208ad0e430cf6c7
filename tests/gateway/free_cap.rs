//! The cap over all wallets' free launches of a day: a launch that was promised free is never
//! charged before its wallet was told.

use serde_json::{Value, json};

use crate::proofs::challenge;
use crate::support::proof::Header;
use crate::support::world::{Totals, launch};
use crate::support::{Reply, Setup, Wallet, World};

/// One free launch a day for all wallets together.
fn one_a_day() -> Setup {
    Setup::new().set("limits.free_launches_per_day_total", "1")
}

/// A world whose free launches of today are used up.
async fn used_up(setup: Setup) -> World {
    let world = setup.start().await;
    let first = world.agent().await;
    assert!(
        world.launch(&first, "the only free one").await.must(201).charge().starts_with("none"),
        "the first is free"
    );
    world
}

/// 402 with the reason, an offer to pay, and no charge.
fn refused_by_the_cap(reply: &Reply, what: &str) {
    assert_eq!(reply.status.as_u16(), 402, "{what}: {}", reply.brief());
    assert_eq!(reply.json()["reason"], "free_calls_exhausted_today", "{what}: {}", reply.brief());
    assert_eq!(challenge(reply)["accepts"][0]["amount"], "550000", "{what}");
    assert_eq!(reply.charge(), "none", "{what}");
}

async fn month(world: &World, wallet: &Wallet) -> Value {
    world.ask(wallet, "GET", "/usage").await.must(200).json()["data"]["limits"]["launches_per_month"].clone()
}

async fn quoted(world: &World, wallet: &Wallet) -> Value {
    world.ask(wallet, "GET", "/quote?route=POST+/launches").await.must(200).json()["data"]["now"]
        .clone()
}

async fn create(world: &World, proof: &Header, title: &str) -> Reply {
    world.create(proof, &launch(title)).await
}

fn paid_after_the_refusal() -> Totals {
    Totals { settlements: 1, transactions: 1, free_slots: 1, launches: 2, ..Totals::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn r204_a_promised_free_launch_is_refused_before_it_is_charged() {
    let world = used_up(one_a_day()).await;
    let wallet = world.agent().await;
    let usage = month(&world, &wallet).await;
    assert_eq!(
        (&usage["limit"], &usage["used"], &usage["remaining"]),
        (&json!(5), &json!(0), &json!(0)),
        "{usage}"
    );
    assert!(usage["resets_at"].as_str().is_some_and(|at| at.ends_with("T00:00:00Z")), "{usage}");
    let quote = quoted(&world, &wallet).await;
    assert_eq!(
        (&quote["charge"], &quote["reason"]),
        (&json!("0.55 USDC"), &json!("free_calls_exhausted_today")),
        "{quote}"
    );
    assert_eq!(
        (&quote["free_left"], &quote["free_left_this_month"]),
        (&json!(0), &json!(5)),
        "{quote}"
    );
    let first = world.proof(&wallet);
    refused_by_the_cap(&create(&world, &first.v2(), "once").await, "the first proof");
    assert_eq!(world.chain.balance(wallet.address).await, 10_000_000, "nothing was charged");
    // In every version and spelling, for every request, however often.
    refused_by_the_cap(&create(&world, &first.v2(), "once").await, "again");
    refused_by_the_cap(&create(&world, &first.v1(), "once").await, "in version 1");
    refused_by_the_cap(
        &create(&world, &first.v2(), "another request").await,
        "for another request",
    );
    for twin in [first.high_s_twin().v2(), first.high_s_twin().v1()] {
        let reply = create(&world, &twin, "once").await;
        assert_eq!(reply.status.as_u16(), 402, "the twin: {}", reply.brief());
    }
    world.settles_at(Totals { free_slots: 1, launches: 1, ..Totals::default() }).await;
    let paid = create(&world, &world.proof(&wallet).v2(), "once").await.must(201);
    assert!(paid.charge().starts_with("0.55 USDC; payment="), "{}", paid.brief());
    refused_by_the_cap(&create(&world, &first.v2(), "once").await, "after another one paid");
    world.settles_at(paid_after_the_refusal()).await;
    assert_eq!(world.chain.balance(wallet.address).await, 10_000_000 - 550_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn r204_the_refusal_is_remembered_by_every_process_and_after_a_restart() {
    let mut world = used_up(one_a_day()).await;
    let wallet = world.agent().await;
    let first = world.proof(&wallet);
    refused_by_the_cap(&create(&world, &first.v1(), "once").await, "the first proof");
    for gateway in world.gateways_mut() {
        gateway.kill9();
    }
    for gateway in world.gateways_mut() {
        gateway.restart().await;
    }
    for _ in 0..2 {
        refused_by_the_cap(
            &create(&world, &first.v2(), "once").await,
            "the first proof after a restart",
        );
    }
    let other = world.agent().await;
    refused_by_the_cap(
        &create(&world, &world.proof(&other).v2(), "of another").await,
        "another wallet was not told yet",
    );
    create(&world, &world.proof(&wallet).v1(), "once").await.must(201);
    world.settles_at(paid_after_the_refusal()).await;
}

/// A wallet whose launches of the month are used up was promised nothing: it pays at once.
#[tokio::test(flavor = "multi_thread")]
async fn r204_a_wallet_without_free_launches_pays_at_once_and_one_that_is_owed_uses_that() {
    let world = Setup::new()
        .set("limits.free_launches_per_day_total", "2")
        .set("pricing.free_launches_per_month", "1")
        .start()
        .await;
    let (one, other) = (world.agent().await, world.agent().await);
    for wallet in [&one, &other] {
        assert!(world.launch(wallet, "free").await.must(201).charge().ends_with("remaining=0"));
    }
    assert!(world.launch(&one, "paid").await.must(201).charge().starts_with("0.55 USDC"));
    assert_eq!(quoted(&world, &one).await["reason"], "price");
    world
        .settles_at(Totals {
            settlements: 1,
            transactions: 1,
            free_slots: 2,
            launches: 3,
            ..Totals::default()
        })
        .await;
}

/// Twenty proofs of one wallet at once that nobody told before, and copies of each: all are
/// refused, and none of them is charged afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r204_proofs_that_are_refused_at_once_are_all_refused_for_good() {
    let setup =
        one_a_day().set("limits.agent_per_minute", "1000").set("limits.agent_burst", "1000");
    let world = used_up(setup).await;
    let wallet = world.agent_with(40 * 550_000).await;
    let proofs: Vec<_> = (0..20).map(|_| world.proof(&wallet).v2()).collect();
    let bodies: Vec<_> = (0..20).map(|at| launch(&format!("n{at}"))).collect();
    let calls = proofs.iter().zip(&bodies).flat_map(|(proof, body)| [(proof, body), (proof, body)]);
    let replies =
        futures::future::join_all(calls.map(|(proof, body)| world.create(proof, body))).await;
    let mut paid = 0;
    for (pair, proof) in replies.chunks(2).zip(&proofs) {
        // Both copies hear the same: one that was refused is never charged for its twin.
        let charged: Vec<bool> = pair.iter().map(|reply| reply.status.as_u16() == 201).collect();
        assert_eq!(
            charged[0],
            charged[1],
            "{}: {} / {}",
            proof.0,
            pair[0].brief(),
            pair[1].brief()
        );
        if charged[0] {
            paid += 1
        } else {
            pair.iter().for_each(|reply| refused_by_the_cap(reply, "at once"))
        }
    }
    assert!(paid < 20, "at least the first was refused");
    for ((pair, proof), body) in replies.chunks(2).zip(&proofs).zip(&bodies) {
        if pair[0].status.as_u16() == 402 {
            refused_by_the_cap(&world.create(proof, body).await, "again");
        }
    }
    let settled = Totals {
        settlements: paid,
        transactions: paid as u64,
        free_slots: 1,
        launches: 1 + paid,
        ..Totals::default()
    };
    world.settles_at(settled).await;
}
