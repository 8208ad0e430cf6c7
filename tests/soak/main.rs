//! Agents with wallets and cards at the highest rate that the machine holds, and gateways that are
//! killed every few seconds while their database breaks off and their cache is flushed now and
//! then. At the end nothing is lost, taken twice or given away. `tests/soak/run` builds and runs
//! it, on two processes before PostgreSQL and Redis; `TURNPIKE_TEST_STORE=sqlite` on one process
//! and its file.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `SOAK_S` | seconds | 180 |
//! | `SOAK_AGENTS` | agents at the same time; every third has a card | 24 |
//! | `SOAK_KILL_EVERY_S` | seconds between two kills; 0 for none | 10 |
//! | `SOAK_CUT_EVERY_S` | every connection of every process to PostgreSQL is cut that often; 0 for never | 0 |
//! | `SOAK_SIGN_ANEW` | 1: agents forget what they signed, and pay anew after every 503; none leaves before its answer | 0 |
//! | `SOAK_DISK_EVERY_S` | the disk of the SQLite file fills, and empties as long after that; 0 for a disk with space | 0 |
#![allow(clippy::unwrap_used)]

mod agents;
mod cards;
#[path = "../gateway/support/mod.rs"]
#[allow(dead_code, unused_imports)]
mod support;
mod verdict;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use agents::Shared;
use alloy_primitives::U256;
use support::database::on_server;
use support::fake_core::Behaviour;
use support::moment::{Stopwatch, random_bytes};
use support::{Setup, World};

/// What was done to the gateways.
#[derive(Default)]
pub struct Blows {
    /// SIGKILL of one process.
    pub kills: u64,
    /// The way to one process' database, broken off for two seconds; or every connection of all of
    /// them, for an instant.
    pub cuts: u64,
    /// The cache of both, emptied.
    pub flushes: u64,
    /// Times that the disk was full.
    pub full_disks: u64,
}

/// Room for the books of some ten minutes.
const DISK_MEGABYTES: u32 = 1_024;

#[tokio::main]
async fn main() -> ExitCode {
    match tokio::spawn(soak()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

async fn soak() {
    let (seconds, agents, kill_every_s) =
        (setting("SOAK_S", 180), setting("SOAK_AGENTS", 24), setting("SOAK_KILL_EVERY_S", 10));
    let (cut_every_s, disk_every_s) =
        (setting("SOAK_CUT_EVERY_S", 0), setting("SOAK_DISK_EVERY_S", 0));
    let mut world = start(disk_every_s > 0).await;
    let shared = Arc::new(Shared::new(&world, setting("SOAK_SIGN_ANEW", 0) > 0));
    let mut running = Vec::new();
    for number in 0..agents {
        running.push(match number % 3 {
            2 => tokio::spawn(cards::live(Arc::clone(&shared))),
            _ => tokio::spawn(agents::live(Arc::clone(&shared))),
        });
    }
    let watch = Stopwatch::start();
    let mut blows = Blows::default();
    while watch.elapsed() < Duration::from_secs(seconds) {
        if disk_every_s > 0 {
            fill_and_free(&world, Duration::from_secs(disk_every_s)).await;
            blows.full_disks += 1;
        } else if cut_every_s > 0 {
            tokio::time::sleep(Duration::from_secs(cut_every_s)).await;
            for database in &world.databases {
                database.weather.cut().await;
            }
            blows.cuts += 1;
        } else if kill_every_s > 0 {
            moods(&world, blows.kills, kill_every_s).await;
            strike(&mut world, &mut blows).await;
        } else {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    let took_s = watch.elapsed().as_secs();
    shared.stop();
    for agent in running {
        agent.await.expect("an agent gave up");
    }
    verdict::judge(&world, &shared, &blows, took_s).await;
}

/// Gateways without limits that would hold the agents back, and signers with gas for everything.
async fn start(on_a_disk: bool) -> World {
    let plenty = "1000000";
    let setup = Setup::new()
        .set("limits.agent_per_minute", plenty)
        .set("limits.agent_burst", plenty)
        .set("limits.free_launches_per_day_total", plenty)
        .set("pricing.refused_after_pay_per_day", plenty)
        .set("upstream.per_minute", plenty)
        .set("upstream.concurrent", "64");
    let setup = if on_server() {
        setup.processes(2).databases_proxied().set("store.connections", "10")
    } else {
        setup
    };
    assert!(!on_a_disk || !on_server(), "SOAK_DISK_EVERY_S is for TURNPIKE_TEST_STORE=sqlite");
    let setup = if on_a_disk { setup.disk(DISK_MEGABYTES) } else { setup };
    let world = setup.own_chain().cards().start().await;
    for signer in std::iter::once(&world.signer).chain(&world.other_signers) {
        world.chain.set_balance(signer.address, U256::from(10).pow(U256::from(21))).await;
    }
    world
}

/// The disk is full for so long, and then has space for as long. The process goes on by itself.
async fn fill_and_free(world: &World, time: Duration) {
    let disk = world.disk.as_ref().expect("a world on a disk of its own");
    disk.fill();
    tokio::time::sleep(time).await;
    disk.free();
    tokio::time::sleep(time).await;
    assert!(world.gateway.runs());
}

/// The time until the next kill. The core works; before every other kill it refuses for a moment,
/// and before every fourth it fails, which keeps the gateways' own breakers open for the rest of
/// that time.
async fn moods(world: &World, round: u64, seconds: u64) {
    let tenth = Duration::from_millis(seconds * 100);
    let odd = match round % 4 {
        1 => Behaviour::Fail,
        3 => Behaviour::Reject,
        _ => Behaviour::Create,
    };
    for (mood, tenths) in [(Behaviour::Create, 8), (odd, 1), (Behaviour::Create, 1)] {
        world.core().behave(mood);
        tokio::time::sleep(tenth * tenths).await;
    }
}

/// One process, whichever, is killed and starts again. Every third time the way to one database
/// breaks off for two seconds as well, and every fourth time the cache forgets everything.
async fn strike(world: &mut World, blows: &mut Blows) {
    if blows.kills % 3 == 1 && !world.databases.is_empty() {
        let chosen = &world.databases[usize::from(random_bytes::<1>()[0]) % world.databases.len()];
        chosen.weather.refuse().await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        chosen.weather.accept();
        blows.cuts += 1;
    }
    if blows.kills % 4 == 2 && on_server() {
        flush_cache().await;
        blows.flushes += 1;
    }
    let chosen = usize::from(random_bytes::<1>()[0]) % world.gateways().count();
    let gateway = world.gateways_mut().nth(chosen).unwrap();
    gateway.kill9();
    gateway.restart().await;
    blows.kills += 1;
}

/// The whole server is this run's: `tests/soak/run` starts it.
async fn flush_cache() {
    let url = std::env::var("TURNPIKE_TEST_REDIS")
        .expect("TURNPIKE_TEST_REDIS names a Redis of this run's own");
    let flushed = tokio::process::Command::new("redis-cli")
        .args(["-u", &url, "FLUSHALL"])
        .output()
        .await
        .unwrap();
    assert!(flushed.status.success(), "{}", String::from_utf8_lossy(&flushed.stderr));
}

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => {
            text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number, not {text:?}"))
        }
        Err(_) => default,
    }
}
