//! The drivers of one process, as the service's worker runs them: each intent in a task of its own
//! that keeps its lease.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
};

use super::{Sim, gateway::Process, locked, scheduler::Owner};
use payments::{
    checkout::{Progress, World, run, settle_queued},
    finality,
    ids::PaymentId,
    intent::Intent,
    recovery, sequence,
};

const RENEW_EVERY_MS: u64 = 10_000;
const SETTLE_EVERY_MS: u64 = 300;
const RECOVER_EVERY_MS: u64 = 2_000;
const FLUSH_EVERY_MS: u64 = 500;

/// The drivers of one process.
#[derive(Default)]
pub struct Drives {
    running: Mutex<BTreeMap<PaymentId, i64>>,
}

impl Drives {
    /// The leases that this process holds, as far as it knows.
    pub fn leases(&self) -> Vec<(PaymentId, i64)> {
        locked(&self.running).iter().map(|(id, fence)| (*id, *fence)).collect()
    }
}

impl Process {
    /// Drives an intent under the lease that it was loaded with.
    pub fn start(self: &Arc<Self>, intent: Intent, progress: Progress) {
        let process = Arc::clone(self);
        locked(&self.drives.running).insert(intent.id, intent.guard.fence);
        self.sim.scheduler.spawn(Owner::Replica(self.number), async move {
            let id = intent.id;
            drive(&process.sim, &process.world, intent, progress).await;
            locked(&process.drives.running).remove(&id);
        });
    }

    /// Takes what nobody drives, and fills nonces.
    pub async fn recover(self: Arc<Self>) {
        loop {
            if let Ok(taken) = recovery::take_stuck(&self.world).await {
                for intent in taken {
                    self.sim.trace(|| format!("{} taken by {}", intent.id, self.number));
                    self.start(intent, Progress::recovered());
                }
                let _ = recovery::expire_entitlements(&self.world).await;
                let _ = recovery::drop_refused_proofs(&self.world).await;
                let _ = recovery::close_nonces(&self.world).await;
                let _ = sequence::heal(&self.world).await;
            }
            self.sim.pause(RECOVER_EVERY_MS).await;
        }
    }

    /// Signs what waits for a signer, whichever process claimed it.
    pub async fn settle(self: Arc<Self>) {
        loop {
            let round = settle_queued(&self.world).await;
            for intent in round.moved {
                self.sim.trace(|| format!("{} leaves the queue at {}", intent.id, self.number));
                self.start(intent, Progress::live());
            }
            self.sim.pause(SETTLE_EVERY_MS).await;
        }
    }

    /// Looks at settlements until they are final.
    pub async fn look_at_settlements(self: Arc<Self>) {
        loop {
            if let Ok(round) = finality::look_at_settlements(&self.world).await {
                let (moved, lost) = (round.moved.len() as u64, round.lost.len() as u64);
                self.sim.count(|counts| {
                    (counts.moved, counts.lost) = (counts.moved + moved, counts.lost + lost)
                });
            }
            self.sim.pause(RECOVER_EVERY_MS).await;
        }
    }

    /// Writes what waits for a commit.
    pub async fn flush(self: Arc<Self>) {
        loop {
            let claims = self.proofs.take_queue();
            if !claims.is_empty() && self.world.books.claim_identities(&claims).await.is_err() {
                self.proofs.give_back(claims);
            }
            let _ = self.world.books.flush().await;
            self.sim.pause(FLUSH_EVERY_MS).await;
        }
    }
}

/// Runs until the intent is terminal, a write fails, or the lease is lost.
async fn drive(sim: &Sim, world: &World, intent: Intent, progress: Progress) {
    let (id, fence) = (intent.id, intent.guard.fence);
    let mut running = pin!(run(world, intent, progress));
    let mut keeping = pin!(keep_lease(sim, world, id, fence));
    std::future::poll_fn(|context| {
        if keeping.as_mut().poll(context).is_ready() || running.as_mut().poll(context).is_ready() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

async fn keep_lease(sim: &Sim, world: &World, id: PaymentId, fence: i64) {
    loop {
        sim.pause(RENEW_EVERY_MS).await;
        let until = world.clock.now().plus_ms(world.settings.lease_ms);
        if let Ok(false) = world.books.renew_lease(id, fence, until).await {
            return;
        }
    }
}
