//! Claims of one signer do not wait for each other: what cannot be signed at once waits in the books,
//! and a settler of any process signs it.

use std::time::Duration;

use futures::future::join_all;

use crate::drain::{all_created, payments, send};
use crate::support::audit::text;
use crate::support::database::Writer;
use crate::support::moment::eventually;
use crate::support::one_store::left_out;
use crate::support::world::{Totals, creation, launch};
use crate::support::{Setup, World};

const WAITING: usize = 6;

/// From here on the claim that signs holds its signer up, until the connection ends: its nonces are
/// locked.
async fn keep_signers_busy(world: &World) -> Writer {
    let mut writer = world.gateway.database.writer().await;
    writer.execute("", "BEGIN; SELECT 1 FROM signer_nonces FOR UPDATE").await;
    writer
}

/// Until so many payments wait for a signer.
async fn until_queued(world: &World, count: usize) {
    let queued = async || {
        let intents = world.gateway.audit().view("intents").await;
        let claimed = intents.iter().filter(|intent| text(intent, "state") == "claimed").count();
        if claimed >= count { Ok(()) } else { Err(format!("{claimed} wait")) }
    };
    eventually("payments wait for a signer", Duration::from_secs(3), queued).await;
}

fn paid(count: usize) -> Totals {
    Totals { settlements: count, transactions: count as u64, launches: count, ..Totals::default() }
}

/// Each signer has signed once, so that there is a row to hold.
async fn both_have_signed(world: &World) {
    for (at, gateway) in world.gateways().enumerate() {
        let proof = world.proof(&world.agent().await).v2();
        world
            .send_to(gateway, creation(&proof, &launch(&format!("first of {at}"))))
            .await
            .must(201);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn payments_that_wait_for_a_busy_signer_are_signed_once_it_is_free() {
    if left_out() {
        return;
    }
    let world = Setup::paid().processes(2).start().await;
    both_have_signed(&world).await;
    let headers = payments(&world, WAITING + 1).await;
    let busy = keep_signers_busy(&world).await;
    let requests = send(&world, &headers);
    until_queued(&world, WAITING).await;
    drop(busy);
    for reply in join_all(requests).await {
        reply.unwrap().expect("an answer").must(201);
    }
    world.settles_at(paid(WAITING + 3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_waits_at_a_killed_process_is_signed_by_another_one() {
    if left_out() {
        return;
    }
    let mut world = Setup::paid().processes(2).start().await;
    both_have_signed(&world).await;
    let headers = payments(&world, WAITING + 1).await;
    let busy = keep_signers_busy(&world).await;
    let requests = send(&world, &headers);
    until_queued(&world, WAITING).await;
    world.gateway.kill9();
    drop(busy);
    drop(requests);
    all_created(&world, &headers).await;
    world.settles_at(paid(WAITING + 3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_queue_refuses_and_charges_nothing() {
    if left_out() {
        return;
    }
    let world = Setup::paid().processes(2).set("x402.queue_max", "2").start().await;
    both_have_signed(&world).await;
    let headers = payments(&world, 6).await;
    let busy = keep_signers_busy(&world).await;
    let requests = send(&world, &headers[..3]);
    until_queued(&world, 2).await;
    for (at, header) in headers.iter().enumerate().skip(3) {
        let reply = world.create(header, &launch(&format!("n{at}"))).await.must(503);
        assert_eq!(reply.json()["reason"], "settlement_queue_full", "{}", reply.brief());
        assert_eq!(reply.header("retry-after"), Some("5"), "{}", reply.brief());
    }
    drop(busy);
    for reply in join_all(requests).await {
        reply.unwrap().expect("an answer").must(201);
    }
    all_created(&world, &headers).await;
    world.settles_at(paid(8)).await;
}
