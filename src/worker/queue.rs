//! The settler of this process: signs payments that were claimed while their signer was busy,
//! whichever process claimed them, and drives them on.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use payments::{
    checkout::{Progress, World, settle_queued},
    ids::PaymentId,
    intent::{Intent, State},
};
use tokio::sync::{Notify, futures::Notified};
use tokio_util::sync::CancellationToken;

use super::drives::{Drives, chain};
use crate::telemetry::trace::{self, Trace};

/// Between two looks for what other processes claimed and did not sign.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Before what could not be settled is looked at again.
const WAIT: Duration = Duration::from_millis(250);

/// The payments that this process claimed and that wait for a signer, each with the trace of its
/// request.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<HashMap<PaymentId, Arc<Trace>>>,
    entered: Notify,
    left: Notify,
}

// === impl Queue ===

impl Queue {
    /// The payment leaves the queue; says in which trace it came.
    pub(super) fn leave(&self, id: PaymentId) -> Option<Arc<Trace>> {
        self.lock().remove(&id)
    }

    /// Tells those who wait for a payment that one is driven from now on.
    pub(super) fn tell(&self) {
        self.left.notify_waiters();
    }

    /// Ready when some payment is driven that was not before.
    pub(super) fn left(&self) -> Notified<'_> {
        self.left.notified()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn enter(&self, id: PaymentId) {
        self.lock().insert(id, trace::current().unwrap_or_else(Trace::start));
        self.entered.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PaymentId, Arc<Trace>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Drives ===

impl Drives {
    /// Takes on what was just claimed: drives it, or leaves it to a settler.
    pub fn take_on(&self, intent: Intent) {
        if intent.state == State::Queued {
            self.queue.enter(intent.id);
            // A settler may have been first.
            if self.drives_now(intent.id) {
                self.queue.leave(intent.id);
            }
        } else {
            self.start(intent, Progress::live());
        }
    }
}

/// Signs what is queued until the token is cancelled.
pub(super) async fn settle(world: &World, drives: &Drives, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        let round = settle_queued(world).await;
        if let Some(error) = &round.error {
            tracing::warn!(error = %chain(error), "queue.round_failed");
        }
        let is_idle = round.moved.is_empty();
        for intent in round.moved {
            tracing::info!(payment_id = %intent.id, state = intent.state.word(), "queue.left");
            drives.telemetry().moved(State::Queued, &intent);
            drives.start(intent, Progress::live());
        }
        if is_idle {
            let waits = round.waiting > 0 || round.error.is_some();
            if !waits {
                // What was queued here is another process's by now, with its call of the upstream.
                for (id, _) in drives.queue.lock().drain() {
                    world.upstream.give_unit_back(id);
                }
            }
            pause(drives, waits, stop).await;
        }
    }
}

async fn pause(drives: &Drives, waits: bool, stop: &CancellationToken) {
    let look = if waits { WAIT } else { LOOK_EVERY };
    let entered = async {
        // What waits for gas or for the node is not looked at sooner because another one came.
        if waits { std::future::pending().await } else { drives.queue.entered.notified().await }
    };
    tokio::select! {
        () = tokio::time::sleep(look) => {}
        () = entered => {}
        () = stop.cancelled() => {}
    }
}
