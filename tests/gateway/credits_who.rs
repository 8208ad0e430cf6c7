//! Whose credits they are: nobody reads or spends what is another's, and no decision reads a cache.

use std::time::Duration;

use serde_json::json;

use crate::credits::{BOUGHT, account, bought, card_world, on_credit, payer};
use crate::support::card::{purchase, unpaid};
use crate::support::world::{Totals, creation, launch};
use crate::support::{Call, Card};

#[tokio::test(flavor = "multi_thread")]
async fn r087_a_wallet_buys_no_credits_and_has_none() {
    let world = card_world().await;
    let wallet = world.agent().await;
    let (name, value) = world.proof(&wallet).v2();
    let reply = world.send(purchase().header(name, &value)).await.refused(400, "SERVER_002");
    assert_eq!(reply.json()["reason"], "cards_only", "{}", reply.brief());
    let shown = world.ask(&wallet, "GET", "/credits").await.must(200).json();
    assert_eq!(shown["data"]["balance"], 0, "{shown}");
    assert!(world.gateway.audit().view("intents").await.is_empty());
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r088_a_forged_name_reads_no_balance() {
    let world = card_world().await;
    let token = bought(&world, &Card::new()).await;
    let victim = payer(&world).await;
    // A credential of the stranger's own, not paid, that calls itself the victim.
    let call = purchase();
    let forged = world.credential(&Card::new(), &call).await.with_source(&victim);
    let asked = [Call::get("/credits"), Call::get("/usage")];
    for call in asked {
        let reply = world.send(forged.on(&call)).await.must(401);
        assert!(!reply.brief().contains("20"), "{}", reply.brief());
        world
            .send(call.clone().header("authorization", &format!("Bearer tpk_{}", "A".repeat(43))))
            .await
            .must(401);
    }
    // The stranger pays: what it reads is its own.
    let paid = world.send(forged.on(&call)).await.must(200);
    let own = paid.header("x-agent-token").unwrap().to_owned();
    assert_ne!(own, token);
    for _ in 0..2 {
        world.send(on_credit(&own, "the stranger's")).await.must(201);
    }
    assert_eq!(
        (
            account(&world, &own).await["balance"].clone(),
            account(&world, &token).await["balance"].clone()
        ),
        (json!(18), json!(20))
    );
    world
        .settles_at(Totals {
            settlements: 2,
            charges: 2,
            credits: 38,
            launches: 2,
            ..Totals::default()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r089_a_forged_name_spends_no_credit() {
    let world = card_world().await;
    bought(&world, &Card::new()).await;
    let victim = payer(&world).await;
    // Nothing that could be charged: a token that is no token, under the victim's name.
    let call = unpaid("forged");
    let forged =
        world.challenge(&call).await.answered("spt_doesnotexist0000000000").with_source(&victim);
    world.send(forged.on(&call)).await.refused(402, "PAYMENT_003");
    // A credential of the pack's price does not buy a launch either.
    let pack = world.credential(&Card::new(), &purchase()).await.with_source(&victim);
    world.send(pack.on(&call)).await.refused(402, "PAYMENT_003");
    // The stranger's own token is the stranger's charge, whatever name it writes.
    let own = world.credential(&Card::new(), &call).await.with_source(&victim);
    let paid = world.send(own.on(&call)).await.must(201);
    assert!(paid.charge().starts_with("0.60 USD"), "{}", paid.brief());
    world.settles_at(Totals { settlements: 2, charges: 2, launches: 1, ..BOUGHT }).await;
}

/// The memory setup has no Redis at all: the balance comes from the books each time, so there is
/// nothing to poison or to lose.
#[tokio::test(flavor = "multi_thread")]
async fn r090_no_decision_reads_a_cache() {
    let mut world = card_world().await;
    let card = Card::new();
    let token = bought(&world, &card).await;
    assert_eq!(account(&world, &token).await["balance"], 20, "right at once for the buyer");
    let payer = payer(&world).await;
    let void = world
        .gateway
        .run(&["credits", "void", &payer, "20", "--reason", "another process changes the books"])
        .await;
    assert!(void.status.success(), "{}", String::from_utf8_lossy(&void.stderr));
    world.send(on_credit(&token, "nothing left")).await.must(402);
    assert_eq!(account(&world, &token).await["balance"], 0);
    // Whatever a process remembers is gone with it; that the buyer has its answer is on the disk
    // within a second.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    world.gateway.kill9();
    world.gateway.restart().await;
    assert_eq!(account(&world, &token).await["balance"], 0);
    world.send(on_credit(&token, "nothing left")).await.must(402);
    bought(&world, &card).await;
    assert_eq!(account(&world, &token).await["balance"], 20);
    // A wallet pays beside all of it.
    let wallet = world.agent().await;
    world.send(creation(&world.proof(&wallet).v2(), &launch("a wallet's"))).await.must(201);
    world
        .settles_at(Totals {
            settlements: 3,
            charges: 2,
            credits: 20,
            launches: 1,
            transactions: 1,
            ..Totals::default()
        })
        .await;
}
