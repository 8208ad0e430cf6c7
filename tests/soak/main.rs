//! Agents at the highest rate that the machine holds, and a gateway that is killed every few seconds. At the end nothing is lost, taken
//! twice or given away. `tests/soak/run` builds and runs it.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `SOAK_S` | seconds | 180 |
//! | `SOAK_AGENTS` | agents at the same time | 24 |
//! | `SOAK_KILL_EVERY_S` | seconds between two kills | 5 |
#![allow(clippy::unwrap_used)]

mod agents;
#[path = "../gateway/support/mod.rs"]
#[allow(dead_code, unused_imports)]
mod support;
mod verdict;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use agents::Shared;
use alloy_primitives::U256;
use support::fake_core::Behaviour;
use support::moment::Stopwatch;
use support::{Setup, World};

#[tokio::main]
async fn main() -> ExitCode {
    match tokio::spawn(soak()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

async fn soak() {
    let (seconds, agents, kill_every_s) = (setting("SOAK_S", 180), setting("SOAK_AGENTS", 24), setting("SOAK_KILL_EVERY_S", 5));
    let mut world = start().await;
    let shared = Arc::new(Shared::new(&world));
    let running: Vec<_> = (0..agents).map(|_| tokio::spawn(agents::live(Arc::clone(&shared)))).collect();
    let watch = Stopwatch::start();
    let mut kills = 0;
    while watch.elapsed() < Duration::from_secs(seconds) {
        moods(&world, kills, kill_every_s).await;
        world.gateway.kill9();
        world.gateway.restart().await;
        kills += 1;
    }
    let took_s = watch.elapsed().as_secs();
    shared.stop();
    for agent in running {
        agent.await.expect("an agent gave up");
    }
    verdict::judge(&world, &shared, kills, took_s).await;
}

/// A gateway without limits that would hold the agents back, and a signer with gas for everything.
async fn start() -> World {
    let plenty = "1000000";
    let setup = Setup::new()
        .set("limits.agent_per_minute", plenty)
        .set("limits.agent_burst", plenty)
        .set("limits.free_launches_per_day_total", plenty)
        .set("pricing.refused_after_pay_per_day", plenty)
        .set("upstream.per_minute", plenty)
        .set("upstream.concurrent", "64");
    let world = setup.own_chain().start().await;
    world.chain.set_balance(world.signer.address, U256::from(10).pow(U256::from(21))).await;
    world
}

/// The time until the next kill. The core works; before every other kill it refuses for a moment, and before every fourth it fails, which
/// keeps the gateway's own breaker open for the rest of that time.
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

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number, not {text:?}")),
        Err(_) => default,
    }
}
