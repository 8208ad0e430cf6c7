//! Connections to the books that break off for an instant: whoever was at work goes on.

use std::time::Duration;

use crate::lost_answers::two_processes;
use crate::support::Card;
use crate::support::audit::number;
use crate::support::card::purchase;
use crate::support::moment::eventually;
use crate::support::one_store::left_out;

/// In the middle of the commit that adds a pack's credits: its driver goes on under the lease that
/// it has. Were the payment left to the recovery loop, books that break off every few seconds would
/// leave none enough time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r115_a_driver_goes_on_by_itself_when_connections_break_off() {
    if left_out() {
        return;
    }
    let world = two_processes().await;
    let mut writer = world.gateway.database.writer().await;
    writer.execute("", "BEGIN; LOCK TABLE credit_entries IN EXCLUSIVE MODE").await;
    let request = world.begin(world.credential(&Card::new(), &purchase()).await.on(&purchase()));
    let waiting = "select 1 as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let waits = async || match world.gateway.audit().rows(waiting).await.len() {
        0 => Err("nothing waits for the credits".to_owned()),
        _ => Ok(()),
    };
    eventually("the credits are on their way", Duration::from_secs(20), waits).await;
    for database in &world.databases {
        database.weather.cut().await;
    }
    drop(writer);
    let reply = request.await.unwrap().expect("an answer").must(200);
    let id = reply.payment_id().expect("a payment");
    let kept =
        world.gateway.audit().rows(&format!("select fence from intents where id = '{id}'")).await;
    assert_eq!(number(&kept[0], "fence"), 1, "another driver took it up");
}
