//! A process that is stopped for longer than its lease, right between a commit and the send that
//! follows it.

use std::time::Duration;

use crate::support::Setup;
use crate::support::moment::eventually;
use crate::support::one_store::left_out;
use crate::support::postgres_proxy::CommitPoint;
use crate::support::world::{Totals, creation, launch};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r132_a_process_stopped_before_its_send_sends_nothing_once_another_took_over() {
    if left_out() {
        return;
    }
    let world =
        Setup::new().processes(2).databases_proxied().set("store.lease_s", "3").start().await;
    let wallet = world.agent().await;
    let mut commit = world.databases[0].trap_commit(CommitPoint::After);
    let request = world.begin(creation(&world.proof(&wallet).v2(), &launch("stopped")));
    commit.reached().await;
    world.gateway.signal("STOP");
    let created = async || match world.core().launch_count() {
        1 => Ok(()),
        count => Err(format!("{count} launches")),
    };
    eventually("the other process sends it", Duration::from_secs(30), created).await;
    commit.release();
    world.gateway.signal("CONT");
    request.await.unwrap().unwrap().must(201);
    let sent = world.core().forwarded().iter().filter(|seen| seen.target == "/launches").count();
    assert_eq!(sent, 1, "it was sent again by the process that had lost it");
    world.settles_at(Totals { free_slots: 1, launches: 1, ..Totals::default() }).await;
}
