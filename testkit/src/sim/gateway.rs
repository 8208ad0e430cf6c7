//! Gateway processes: what the service's API decides with the same functions of the rules, in the
//! same order.

mod process;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use payments::{
    agent::Wallet,
    checkout::{Cards, World},
    ports::{Books, Clock},
    sequence::SequenceWatch,
    time::UnixMs,
    x402::verify::VerifiedTransfer,
};

use super::{
    Sim, books::SimBooks, chain::SimRail, core::SimCore, drives::Drives, locked,
    processor::SimCards, proofs::SimProofs, scheduler::Owner,
};
use crate::{balances::FakeBalances, cards::PlainTokens};

/// What an agent sends.
#[derive(Clone)]
pub struct Call {
    /// Its proof.
    pub proof: VerifiedTransfer,
    /// Its body.
    pub body: String,
    /// Its `Idempotency-Key`.
    pub key: Option<String>,
    /// A free route, and whether its claim must be durable first. Otherwise it asks for a launch.
    pub free: Option<bool>,
}

/// What an agent hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The launch, or what was read.
    Done,
    /// The core's final refusal.
    Refused,
    /// 402 with a challenge: pay again.
    Challenge,
    /// 402 without one: wait.
    NotPaid,
    /// 503: the outcome is not known.
    Pending,
    /// 503 or 500: nothing that the client may conclude anything from.
    Failed,
    /// 409.
    Conflict,
    /// 429.
    TooMany,
}

/// The processes that run now.
pub struct Gateway {
    sim: Arc<Sim>,
    processes: Mutex<Vec<Option<Arc<Process>>>>,
}

/// One process.
pub struct Process {
    pub number: usize,
    pub sim: Arc<Sim>,
    pub world: World,
    pub proofs: Arc<SimProofs>,
    pub drives: Drives,
}

struct SimClock {
    sim: Arc<Sim>,
    skew_ms: i64,
}

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> UnixMs {
        self.sim.scheduler.now().plus_ms(self.skew_ms)
    }

    async fn sleep_ms(&self, ms: u64) {
        self.sim.pause(ms).await;
    }
}

/// The signer of the process with this number.
pub fn signer_of(number: usize) -> Wallet {
    Wallet::new([0x51 + u8::try_from(number).unwrap_or(0); 20])
}

// === impl Gateway ===

impl Gateway {
    /// No process runs.
    pub fn new(sim: Arc<Sim>) -> Self {
        let processes = Mutex::new(vec![None; sim.plan.replicas]);
        Self { sim, processes }
    }

    /// The process with this number, if it runs.
    pub fn process(&self, number: usize) -> Option<Arc<Process>> {
        locked(&self.processes).get(number).cloned().flatten()
    }

    /// Starts a process that does not run.
    pub fn start(&self, number: usize) {
        if self.process(number).is_some() {
            return;
        }
        let sim = &self.sim;
        let skew_ms = i64::try_from(sim.below(sim.plan.skew_ms + 1)).unwrap_or(0);
        let proofs = Arc::new(SimProofs::new(Arc::clone(sim)));
        let signer = signer_of(number);
        let world = World {
            books: Arc::new(SimBooks::new(Arc::clone(sim))),
            proofs: Arc::clone(&proofs) as _,
            balances: Arc::new(FakeBalances::default()),
            rail: Arc::new(SimRail { sim: Arc::clone(sim), signer }),
            cards: Some(Cards {
                rail: Arc::new(SimCards { sim: Arc::clone(sim) }),
                tokens: Arc::new(PlainTokens),
            }),
            upstream: Arc::new(SimCore { sim: Arc::clone(sim) }),
            clock: Arc::new(SimClock { sim: Arc::clone(sim), skew_ms }),
            ids: Arc::clone(&sim.ids) as _,
            signers: Arc::new(SequenceWatch::default()),
            settings: sim.plan.settings,
        };
        let process = Arc::new(Process {
            number,
            sim: Arc::clone(sim),
            world,
            proofs,
            drives: Drives::default(),
        });
        locked(&self.processes)[number] = Some(Arc::clone(&process));
        let owner = Owner::Replica(number);
        sim.scheduler.spawn(owner, Arc::clone(&process).recover());
        sim.scheduler.spawn(owner, Arc::clone(&process).settle());
        sim.scheduler.spawn(owner, Arc::clone(&process).look_at_settlements());
        sim.scheduler.spawn(owner, process.flush());
    }

    /// Stops a process where it stands. A polite stop lets go of its leases.
    pub async fn stop(&self, number: usize, politely: bool) {
        let Some(process) = locked(&self.processes)[number].take() else { return };
        self.sim
            .trace(|| format!("process {number} stops{}", if politely { " politely" } else { "" }));
        self.sim.scheduler.kill_all(Owner::Replica(number));
        self.sim.forget_sent_away(number);
        self.sim.count(|counts| counts.crashes += 1);
        if politely {
            for (id, fence) in process.drives.leases() {
                let _ = self.sim.books.release_lease(id, fence).await;
            }
        }
    }
}

/// The whole books, for an attendance.
pub type SharedBooks = Arc<dyn Books>;
