//! SIGKILL at a known point of a paid creation: the next process finishes it, with and without its
//! client.

use crate::proof_shapes::one_paid;
use crate::settlement::until_created;
use crate::support::trap::Point;
use crate::support::world::{Totals, creation, launch};
use crate::support::{Setup, Wallet, World};

/// The packet of reads before a claim is the only one that counts the signer's waiting
/// transactions.
const CHAIN_READ: &str = "\"pending\"";

/// A gateway, a payer, and the certainty that nothing was killed too early.
async fn paid_world() -> (World, Wallet) {
    let world = Setup::paid().proxied().start().await;
    let wallet = world.agent().await;
    (world, wallet)
}

#[tokio::test(flavor = "multi_thread")]
async fn r036_kill_9_after_the_broadcast_is_one_payment() {
    let (mut world, wallet) = paid_world().await;
    let header = world.proof(&wallet).v2();
    let mut trap = world.proxy().trap("eth_sendRawTransaction", Point::AfterEffect);
    let request = world.begin(creation(&header, &launch("killed")));
    trap.reached().await;
    world.gateway.kill9();
    assert!(request.await.unwrap().is_err(), "an answer from the dead");
    world.gateway.restart().await;
    until_created(&world, &header, "killed").await;
    world.settles_at(one_paid()).await;
    let sent = world.proxy().broadcasts();
    assert!(sent.iter().all(|raw| *raw == sent[0]), "other bytes than those that were saved");
}

#[tokio::test(flavor = "multi_thread")]
async fn r037_kill_9_at_the_receipt_is_finished_without_its_client() {
    let (mut world, wallet) = paid_world().await;
    let header = world.proof(&wallet).v2();
    let mut trap = world.proxy().trap("eth_getTransactionReceipt", Point::AfterEffect);
    let _request = world.begin(creation(&header, &launch("killed")));
    trap.reached().await;
    world.gateway.kill9();
    world.gateway.restart().await;
    world.settles_at(one_paid()).await;
    assert!(world.create(&header, &launch("killed")).await.must(201).replayed());
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r038_kill_9_when_the_core_has_created_is_that_launch() {
    let (mut world, wallet) = paid_world().await;
    let header = world.proof(&wallet).v2();
    let mut trap = world.core().trap(Point::AfterEffect);
    let _request = world.begin(creation(&header, &launch("killed")));
    trap.reached().await;
    world.gateway.kill9();
    world.gateway.restart().await;
    let reply = until_created(&world, &header, "killed").await;
    let listed = world.ask(&wallet, "GET", "/launches").await.must(200).json();
    assert_eq!(listed["data"][0]["id"], reply.json()["data"]["id"]);
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r039_kill_9_at_the_first_read_of_the_chain_claims_nothing() {
    let (mut world, wallet) = paid_world().await;
    let header = world.proof(&wallet).v2();
    let mut trap = world.proxy().trap(CHAIN_READ, Point::BeforeSend);
    let _request = world.begin(creation(&header, &launch("killed")));
    trap.reached().await;
    world.gateway.kill9();
    world.gateway.restart().await;
    world.settles_at(Totals::default()).await;
    world.create(&header, &launch("killed")).await.must(201);
    world.settles_at(one_paid()).await;
}
