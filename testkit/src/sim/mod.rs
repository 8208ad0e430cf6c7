//! A seeded simulator of the money machine: agents, gateway processes, the chain and the core, and
//! everything that may go wrong between them.
//!
//! The scheduler is turned by hand, and is ours: the rules speak to the world through ports and do
//! no I/O, so there is no network and no runtime whose order of events would have to be tamed, as a
//! simulator of networks does. One thread polls one task at a time, drawn from the seed; each call
//! of a port is a point where others go on, where time passes, where the answer is lost, and where
//! the process may stop. A future that is dropped between two polls is exactly what a crash or a
//! hang-up leaves behind. The same seed gives the same run, to the byte.
//!
//! | module | one thing |
//! |---|---|
//! | [`rng`], [`scheduler`] | randomness that replays; who goes on next |
//! | [`plan`] | what a seed lets go wrong |
//! | `chain`, `processor`, `core`, `books`, `proofs` | the ports, with their faults |
//! | `gateway`, `card_requests`, `drives` | a process: requests, drivers with their leases, the recovery loop |
//! | `agents`, `holders`, `chaos` | who asks, and what happens to them |
//! | `oracle` | what must hold: after each write, at each decision, and at rest |
//!
//! `cargo run -p testkit --release --example simulate -- --seeds 1000`; `--seed N --trace` tells
//! one run as a story, `--cards` adds agents that pay by card.

mod agents;
mod books;
mod card_requests;
mod chain;
mod chaos;
mod core;
pub mod counts;
mod drives;
mod gateway;
mod holders;
mod lost_answers;
mod oracle;
mod parking;
pub mod plan;
mod processor;
mod proofs;
mod queue;
pub mod rng;
pub mod scheduler;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    clock::{CountedIds, START},
    memory::MemoryBooks,
    wallet::{LAUNCH_PRICE, TestWallet},
};
use payments::{agent::Wallet, ports::ProofUse, proof::PaymentKey};

use chain::{Chain, Tx};
use core::Core;
use counts::Counts;
use gateway::Gateway;
use oracle::Oracle;
use plan::{Odds, Plan};
use processor::Processor;
use rng::Rng;
use scheduler::{Owner, Pause, Scheduler};

/// Something that must never be, with the seed that shows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}, step {step}: {what}")]
pub struct Violation {
    /// Replays it.
    pub seed: u64,
    /// When.
    pub step: u64,
    /// What.
    pub what: String,
}

/// Everything that the parts share.
struct Sim {
    scheduler: Arc<Scheduler>,
    plan: Plan,
    no_odds: Odds,
    no_card_odds: plan::CardPlan,
    calm: AtomicBool,
    trace: bool,
    books: MemoryBooks,
    ids: Arc<CountedIds>,
    chain: Mutex<Chain>,
    signed: Mutex<BTreeMap<[u8; 32], Tx>>,
    core: Mutex<Core>,
    processor: Mutex<Processor>,
    proofs: Mutex<BTreeMap<PaymentKey, ProofUse>>,
    oracle: Mutex<Oracle>,
    counts: Mutex<Counts>,
}

/// Runs the simulation of a seed to its end.
///
/// # Errors
/// The first [`Violation`].
pub fn run(seed: u64, trace: bool) -> Result<Counts, Violation> {
    let mut rng = Rng::seeded(seed);
    let plan = Plan::drawn(&mut rng);
    simulate(seed, rng, plan, trace)
}

/// The same with agents that pay by card beside the others; another run than the seed's own.
///
/// # Errors
/// The first [`Violation`].
pub fn run_with_cards(seed: u64, trace: bool) -> Result<Counts, Violation> {
    let mut rng = Rng::seeded(seed);
    let plan = Plan::drawn(&mut rng);
    let plan = Plan { cards: plan::CardPlan::drawn(&mut rng), ..plan };
    simulate(seed, rng, plan, trace)
}

fn simulate(seed: u64, mut rng: Rng, plan: Plan, trace: bool) -> Result<Counts, Violation> {
    let start = rng.pick(&[
        START,
        START,
        START.month().end().plus_ms(-30_000),
        START.month().end().plus_ms(-300_000),
    ]);
    let balances = (1..=plan.agents)
        .map(|agent| (TestWallet::numbered(agent).address(), LAUNCH_PRICE.get() * rng.below(20)))
        .collect();
    let sim = Arc::new(Sim {
        scheduler: Arc::new(Scheduler::new(start, rng)),
        no_odds: Odds::none(),
        no_card_odds: plan::CardPlan::default(),
        calm: AtomicBool::new(false),
        trace,
        books: MemoryBooks::default(),
        ids: Arc::new(CountedIds::default()),
        chain: Mutex::new(Chain::new(start, balances)),
        signed: Mutex::default(),
        core: Mutex::new(Core::new()),
        processor: Mutex::default(),
        proofs: Mutex::default(),
        oracle: Mutex::new(Oracle::new()),
        counts: Mutex::default(),
        plan,
    });
    sim.trace(|| format!("{:?}", sim.plan));
    let gateway = Arc::new(Gateway::new(Arc::clone(&sim)));
    sim.scheduler.spawn(Owner::World, chaos::direct(Arc::clone(&sim), gateway));
    let violated = |what| Violation { seed, step: sim.scheduler.steps(), what };
    sim.scheduler.run(|| sim.check_step().map_err(violated))?;
    sim.check_end().map_err(violated)?;
    sim.count(|counts| (counts.seeds, counts.steps) = (1, sim.scheduler.steps()));
    let counts = *locked(&sim.counts);
    Ok(counts)
}

impl Sim {
    /// Nothing goes wrong any more.
    fn calm(&self) -> bool {
        self.calm.load(Ordering::SeqCst)
    }

    fn odds(&self) -> &Odds {
        if self.calm() { &self.no_odds } else { &self.plan.odds }
    }

    fn card_odds(&self) -> &plan::CardPlan {
        if self.calm() { &self.no_card_odds } else { &self.plan.cards }
    }

    fn chance(&self, per_mille: u64) -> bool {
        per_mille > 0 && self.scheduler.rng().chance(per_mille)
    }

    fn below(&self, bound: u64) -> u64 {
        self.scheduler.rng().below(bound)
    }

    fn count(&self, add: impl FnOnce(&mut Counts)) {
        add(&mut locked(&self.counts));
    }

    fn trace(&self, tell: impl FnOnce() -> String) {
        if self.trace {
            eprintln!(
                "{:>7} {} {}",
                self.scheduler.steps(),
                self.scheduler.now().rfc3339(),
                tell()
            );
        }
    }

    fn pause(&self, ms: u64) -> Pause {
        self.scheduler.pause(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    /// A message on its way: others go on, and time may pass.
    fn under_way(&self) -> Pause {
        let slow = self.chance(self.odds().slow);
        let mut rng = self.scheduler.rng();
        let ms = if slow { rng.below(self.plan.slow_ms) } else { rng.pick(&[0, 0, 0, 1, 5, 40]) };
        drop(rng);
        self.pause(ms)
    }

    /// What a payer has on the newest block.
    fn balance(&self, wallet: Wallet) -> u64 {
        locked(&self.chain).ledger().balances.get(&wallet).copied().unwrap_or(0)
    }
}

/// The parts are used by one thread; a lock that a panic left behind is as good as new.
fn locked<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}
