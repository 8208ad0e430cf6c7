//! Each intent is driven in a task of its own, so that a client that hangs up changes nothing. The
//! task keeps its lease alive.

mod lease;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use payments::{
    checkout::{self, DriveError, Progress, Step, World},
    ids::PaymentId,
    intent::Intent,
    ports::BooksError,
};
use tokio::sync::watch;
use tracing::Instrument;

use super::{journey::Journey, queue::Queue};
use crate::telemetry::{
    Telemetry,
    trace::{self, Trace},
};

/// How often a driver renews its lease, while one of them lasts.
const RENEWALS: u64 = 3;
/// How often a waiter looks into the books for an intent that somebody else drives.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often shutdown looks whether the drivers are done.
const DRAIN_LOOK: Duration = Duration::from_millis(50);

/// How many looks shutdown waits for the queue: five seconds.
const QUEUE_LOOKS: u32 = 100;

/// The drivers of this process.
#[derive(Clone)]
pub struct Drives {
    pub(super) world: World,
    telemetry: Arc<Telemetry>,
    pub(super) queue: Arc<Queue>,
    running: Arc<Mutex<HashMap<PaymentId, Running>>>,
}

struct Running {
    finished: watch::Receiver<Option<Box<Intent>>>,
    fence: i64,
    /// Requests that waited for it here.
    asked: Arc<AtomicU32>,
    task: tokio::task::AbortHandle,
}

/// How a drive ended that went well.
pub(super) enum Ended {
    /// The intent is terminal.
    Done(Box<Intent>),
    /// Nothing can be done for so many milliseconds.
    Parked(u64),
}

/// A driver's place in the list, given up however the driver ends.
struct Place {
    drives: Drives,
    id: PaymentId,
    fence: i64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.drives.world.upstream.give_unit_back(self.id);
        let mut running = self.drives.lock();
        // A driver that lost its lease must not remove the one that has it now.
        if running.get(&self.id).is_some_and(|driver| driver.fence == self.fence) {
            running.remove(&self.id);
        }
    }
}

// === impl Drives ===

impl Drives {
    /// No drivers yet.
    pub fn new(world: World, telemetry: Arc<Telemetry>) -> Self {
        Self { world, telemetry, queue: Arc::default(), running: Arc::default() }
    }

    /// Drives an intent under the lease that it was loaded with, in the trace of the request that
    /// made the claim. What is taken up again has a trace of its own: the request's went with its
    /// process.
    pub fn start(&self, intent: Intent, progress: Progress) {
        let (id, fence) = (intent.id, intent.guard.fence);
        let (sender, finished) = watch::channel(None);
        let place = Place { drives: self.clone(), id, fence };
        let asked = Arc::<AtomicU32>::default();
        let queued = self.queue.leave(id);
        let trace = queued.or_else(trace::current).unwrap_or_else(Trace::start);
        let span = tracing::error_span!("payment", trace_id = trace.id(), payment_id = %id);
        let waited = Arc::clone(&asked);
        let mut running = self.lock();
        let work = async move {
            let journey = Journey::begin(progress, waited);
            if let Some(done) = place.drives.drive(intent, progress, journey).await {
                sender.send_replace(Some(Box::new(done)));
            }
        };
        let task = tokio::spawn(trace::within(trace, work.instrument(span)));
        running.insert(id, Running { finished, fence, asked, task: task.abort_handle() });
        drop(running);
        self.queue.tell();
    }

    /// Gives an intent up, whoever drives it, so that the recovery loop of some process looks at it
    /// again at once. A driver elsewhere notices by its fence.
    ///
    /// # Errors
    /// [`BooksError`]; the driver's lease ends by itself then.
    pub async fn again(&self, intent: &Intent) -> Result<(), BooksError> {
        let running = self.lock().remove(&intent.id);
        if let Some(running) = running {
            running.task.abort();
        }
        self.world.books.release_lease(intent.id, intent.guard.fence).await
    }

    /// Waits until the intent is terminal; `None` when `deadline` ends first.
    ///
    /// # Errors
    /// [`BooksError`] when the books do not say how it stands.
    pub async fn finished(
        &self,
        id: PaymentId,
        deadline: impl Future<Output = ()>,
    ) -> Result<Option<Intent>, BooksError> {
        if let Some(running) = self.lock().get(&id) {
            running.asked.fetch_add(1, Ordering::Relaxed);
        }
        tokio::select! {
            outcome = self.wait(id) => outcome.map(Some),
            () = deadline => Ok(None),
        }
    }

    /// How many intents this process drives now, or has claimed and left to a settler.
    pub fn count(&self) -> usize {
        self.driven() + self.queue.len()
    }

    pub(super) fn drives_now(&self, id: PaymentId) -> bool {
        self.lock().contains_key(&id)
    }

    fn driven(&self) -> usize {
        self.lock().len()
    }

    /// Waits until nothing is driven, and for a while until nothing that was claimed here waits
    /// for a signer: another process takes up what is left.
    pub async fn idle(&self) {
        let mut looks = 0_u32;
        while self.driven() > 0 || (self.queue.len() > 0 && looks < QUEUE_LOOKS) {
            tokio::time::sleep(DRAIN_LOOK).await;
            looks = looks.saturating_add(1);
        }
    }

    async fn wait(&self, id: PaymentId) -> Result<Intent, BooksError> {
        loop {
            let left = self.queue.left();
            let receiver = self.lock().get(&id).map(|running| running.finished.clone());
            if let Some(mut finished) = receiver
                && let Ok(intent) = finished.wait_for(Option::is_some).await
                && let Some(intent) = intent.as_deref()
            {
                return Ok(intent.clone());
            }
            if let Some(intent) = self.world.books.intent(id).await?
                && intent.state.is_terminal()
            {
                return Ok(intent);
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = left => {}
            }
        }
    }

    async fn drive(
        &self,
        intent: Intent,
        progress: Progress,
        mut journey: Journey,
    ) -> Option<Intent> {
        let (id, fence) = (intent.id, intent.guard.fence);
        let outcome = tokio::select! {
            outcome = self.through_outages(intent, progress, &mut journey) => outcome,
            () = self.keep_lease(id, fence) => return None,
        };
        match outcome {
            Ok(Ended::Done(done)) => {
                journey.done(&done);
                Some(*done)
            }
            Ok(Ended::Parked(ms)) => {
                self.park(id, fence, ms).await;
                None
            }
            Err(DriveError::Books(BooksError::Stale(_))) => {
                tracing::info!(payment_id = %id, "payment.taken_over");
                None
            }
            Err(error) => {
                tracing::error!(payment_id = %id, error = %chain(&error), "payment.drive_failed");
                self.give_up(id, fence).await;
                None
            }
        }
    }

    /// Step by step, each of them counted once it is saved.
    pub(super) async fn to_its_end(
        &self,
        mut intent: Intent,
        mut progress: Progress,
        journey: &mut Journey,
    ) -> Result<Ended, DriveError> {
        loop {
            let (before, nonce, last) = (intent.state, nonce_of(&intent), progress);
            let (same, wait_ms, parked) =
                match checkout::drive(&self.world, intent, &mut progress).await? {
                    Step::Done(done) => return Ok(Ended::Done(Box::new(done))),
                    Step::Moved(moved) => (moved, 0, false),
                    Step::Wait(same, ms) => (same, ms, false),
                    Step::Park(same, ms) => (same, ms, true),
                };
            if same.state != before {
                self.telemetry.moved(before, &same);
                journey.moved(before, &same);
            }
            if nonce_of(&same) != nonce {
                tracing::warn!(nonce, "signer.foreign_transaction");
            }
            self.said(&progress, &last);
            if parked {
                return Ok(Ended::Parked(wait_ms));
            }
            if wait_ms > 0 {
                self.world.clock.sleep_ms(wait_ms).await;
            }
            intent = same;
        }
    }

    /// What an operator should hear of a payment, once.
    fn said(&self, now: &Progress, before: &Progress) {
        if now.at_gas_bound() && !before.at_gas_bound() {
            tracing::warn!("payment.gas_bound_reached");
        }
        if now.is_refused() && !before.is_refused() {
            tracing::warn!(hint = "turnpike findings", "payment.question_refused");
        }
        if now.settled_by_stranger() && !before.settled_by_stranger() {
            tracing::warn!(hint = "turnpike findings", "payment.settled_by_stranger");
            self.telemetry.settled_by_stranger();
        }
    }

    /// What is counted here.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PaymentId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The nonce that it was signed with last.
fn nonce_of(intent: &Intent) -> Option<u64> {
    intent.attempts.last().map(|attempt| attempt.eoa_nonce)
}

/// An error with its sources in one line, for the one place where it is logged.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}
