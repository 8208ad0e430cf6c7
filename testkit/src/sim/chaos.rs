//! What happens by itself: blocks, reorganisations, fees, crashes; and the order of a run: trouble,
//! then calm, then a day later.

use std::sync::{Arc, Mutex, atomic::Ordering};

use super::{
    Sim, agents,
    chain::{CALM_BASE_FEE_WEI, MAX_REORG},
    gateway::{Gateway, signer_of},
    holders, locked,
    scheduler::Owner,
};

/// Trouble ends at the latest after this time.
const TROUBLE_MS: i64 = 3_600_000;
/// Everything must come to rest within this time, once nothing goes wrong any more.
const REST_MS: i64 = 7_200_000;
/// Longer than any entitlement.
const A_DAY_LATER_MS: i64 = 90_000_000;

/// A whole run.
pub async fn direct(sim: Arc<Sim>, gateway: Arc<Gateway>) {
    for number in 0..sim.plan.replicas {
        gateway.start(number);
    }
    sim.scheduler.spawn(Owner::World, blocks(Arc::clone(&sim)));
    sim.scheduler.spawn(Owner::World, accidents(Arc::clone(&sim), Arc::clone(&gateway)));
    let done = Arc::new(Mutex::new(0_u8));
    for agent in 1..=sim.plan.agents {
        sim.scheduler.spawn(
            Owner::World,
            agents::live(Arc::clone(&sim), Arc::clone(&gateway), agent, Arc::clone(&done)),
        );
    }
    for holder in 1..=sim.plan.cards.holders {
        sim.scheduler.spawn(
            Owner::World,
            holders::live(Arc::clone(&sim), Arc::clone(&gateway), holder, Arc::clone(&done)),
        );
    }
    let asking = sim.plan.agents + sim.plan.cards.holders;
    let end = sim.scheduler.now().plus_ms(TROUBLE_MS);
    while *locked(&done) < asking && sim.scheduler.now() < end {
        sim.pause(1_000).await;
    }
    sim.trace(|| String::from("calm"));
    sim.calm.store(true, Ordering::SeqCst);
    for number in 0..sim.plan.replicas {
        gateway.start(number);
    }
    let all_done = sim.scheduler.now().plus_ms(TROUBLE_MS);
    while *locked(&done) < asking && sim.scheduler.now() < all_done {
        sim.pause(1_000).await;
    }
    rest(&sim).await;
    sim.scheduler.jump_ms(A_DAY_LATER_MS);
    sim.pause(10_000).await;
    rest(&sim).await;
    sim.scheduler.stop();
}

/// Until nothing is open; whatever still is after this, the end finds.
async fn rest(sim: &Sim) {
    let until = sim.scheduler.now().plus_ms(REST_MS);
    while !sim.at_rest() && sim.scheduler.now() < until {
        sim.pause(5_000).await;
    }
    // Notes and claims that wait for a commit get it.
    sim.pause(5_000).await;
}

async fn blocks(sim: Arc<Sim>) {
    loop {
        sim.scheduler.pause(sim.plan.block_ms).await;
        let now = sim.scheduler.now();
        let odds = sim.odds().clone();
        let mut chain = locked(&sim.chain);
        let mut rng = sim.scheduler.rng();
        if sim.calm() {
            (chain.halted_until, chain.spike_until, chain.poor_until, chain.logs_refused_until) =
                (now, now, now, now);
        }
        let mut later = |per_mille: u64, up_to_ms: u64, was| {
            if rng.chance(per_mille) {
                now.plus_ms(i64::try_from(rng.below(up_to_ms)).unwrap_or(0))
            } else {
                was
            }
        };
        chain.halted_until = later(odds.halted, 120_000, chain.halted_until);
        chain.spike_until = later(odds.fee_spike, 180_000, chain.spike_until);
        chain.poor_until = later(odds.out_of_gas, 120_000, chain.poor_until);
        chain.logs_refused_until = later(odds.logs_refused, 600_000, chain.logs_refused_until);
        let factor = if now < chain.spike_until { rng.pick(&[50, 50, 1_000]) } else { 1 };
        chain.base_fee_wei = CALM_BASE_FEE_WEI * factor;
        if rng.chance(odds.evicted) {
            let at = rng.index(chain.waiting());
            chain.evict(at);
        }
        if rng.chance(odds.foreign) {
            let signer = signer_of(rng.index(sim.plan.replicas));
            chain.interfere(signer, &mut rng);
            sim.count(|counts| counts.foreign += 1);
        }
        if now < chain.halted_until {
            continue;
        }
        if rng.chance(odds.reorg) {
            let depth = 1 + rng.below(MAX_REORG);
            chain.reorganise(depth, sim.plan.hostile_reorgs, &mut rng);
            sim.count(|counts| counts.reorgs += 1);
        }
        chain.mine(now, &mut rng);
    }
}

async fn accidents(sim: Arc<Sim>, gateway: Arc<Gateway>) {
    loop {
        sim.pause(250).await;
        if sim.chance(sim.odds().forgets) {
            locked(&sim.proofs).clear();
        }
        if !sim.chance(sim.odds().crash) {
            continue;
        }
        let number = sim.scheduler.rng().index(sim.plan.replicas);
        let down_ms = sim.scheduler.rng().pick(&[0, 100, 5_000, 60_000]);
        let politely = sim.chance(300);
        gateway.stop(number, politely).await;
        let gateway = Arc::clone(&gateway);
        let world = Arc::clone(&sim);
        sim.scheduler.spawn(Owner::World, async move {
            world.pause(down_ms).await;
            gateway.start(number);
        });
    }
}
