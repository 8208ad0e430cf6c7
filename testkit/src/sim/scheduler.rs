//! One thread, one clock, one order of events: which task goes on next is drawn from the seed.
//!
//! A task waits only by [`Pause`]: each one is a point where another task may run, time may pass,
//! or the task may be dropped, as a crash or a client that hangs up drops it. When nobody can go
//! on, time jumps to the next moment at which somebody can.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use super::rng::Rng;
use payments::time::UnixMs;

/// Who falls with whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The chain, the core, the agents: they do not crash.
    World,
    /// A gateway process.
    Replica(usize),
}

/// Names a task for as long as the simulation runs.
pub type TaskId = u64;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Task {
    id: TaskId,
    owner: Owner,
    wake_ms: i64,
    work: Work,
}

enum Order {
    Spawn(Task),
    Kill(TaskId),
    KillAll(Owner),
}

/// The clock, the randomness and the tasks.
pub struct Scheduler {
    now_ms: AtomicI64,
    wake_ms: AtomicI64,
    next_id: AtomicU64,
    steps: AtomicU64,
    stopped: AtomicBool,
    rng: Mutex<Rng>,
    orders: Mutex<Vec<Order>>,
}

/// Lets everybody else go on, at least this long.
pub struct Pause {
    scheduler: Arc<Scheduler>,
    until_ms: i64,
    waited: bool,
}

// === impl Scheduler ===

impl Scheduler {
    /// At this moment, with this randomness and no task.
    pub fn new(start: UnixMs, rng: Rng) -> Self {
        Self {
            now_ms: AtomicI64::new(start.ms()),
            wake_ms: AtomicI64::new(i64::MAX),
            next_id: AtomicU64::new(0),
            steps: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            rng: Mutex::new(rng),
            orders: Mutex::new(Vec::new()),
        }
    }

    /// The moment.
    pub fn now(&self) -> UnixMs {
        UnixMs::new(self.now_ms.load(Ordering::SeqCst))
    }

    /// The randomness of the seed.
    pub fn rng(&self) -> MutexGuard<'_, Rng> {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often a task went on.
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::SeqCst)
    }

    /// Starts a task at the next step.
    pub fn spawn(&self, owner: Owner, work: impl Future<Output = ()> + Send + 'static) -> TaskId {
        let id = self.next_id.fetch_add(1, Ordering::SeqCst);
        self.order(Order::Spawn(Task { id, owner, wake_ms: i64::MIN, work: Box::pin(work) }));
        id
    }

    /// Drops a task where it stands.
    pub fn kill(&self, id: TaskId) {
        self.order(Order::Kill(id));
    }

    /// Drops every task of an owner where it stands, those included that are not started yet.
    pub fn kill_all(&self, owner: Owner) {
        self.order(Order::KillAll(owner));
    }

    /// Ends the simulation after this step.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    /// Lets this much time pass at once.
    pub fn jump_ms(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// See [`Pause`].
    pub fn pause(self: &Arc<Self>, ms: i64) -> Pause {
        Pause {
            scheduler: Arc::clone(self),
            until_ms: self.now().ms().saturating_add(ms),
            waited: false,
        }
    }

    /// Runs until [`Scheduler::stop`], or until `after_step` finds something wrong.
    pub fn run<E>(&self, mut after_step: impl FnMut() -> Result<(), E>) -> Result<(), E> {
        let mut tasks: Vec<Task> = Vec::new();
        let mut ready: Vec<usize> = Vec::new();
        while !self.stopped.load(Ordering::SeqCst) {
            self.obey(&mut tasks);
            let now = self.now_ms.load(Ordering::SeqCst);
            ready.clear();
            ready.extend(
                tasks.iter().enumerate().filter(|(_, task)| task.wake_ms <= now).map(|(at, _)| at),
            );
            if ready.is_empty() {
                let Some(next) = tasks.iter().map(|task| task.wake_ms).min() else { return Ok(()) };
                self.now_ms.store(next, Ordering::SeqCst);
                continue;
            }
            let at = self.rng().pick(&ready);
            self.steps.fetch_add(1, Ordering::SeqCst);
            self.wake_ms.store(i64::MAX, Ordering::SeqCst);
            let polled = tasks[at].work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            match polled {
                Poll::Ready(()) => drop(tasks.swap_remove(at)),
                Poll::Pending => tasks[at].wake_ms = self.wake_ms.load(Ordering::SeqCst),
            }
            after_step()?;
        }
        Ok(())
    }

    fn order(&self, order: Order) {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).push(order);
    }

    /// In the order in which they were given: a crash takes what was started before it, and nothing
    /// that is started after it.
    fn obey(&self, tasks: &mut Vec<Task>) {
        let orders =
            std::mem::take(&mut *self.orders.lock().unwrap_or_else(PoisonError::into_inner));
        for order in orders {
            match order {
                Order::Spawn(task) => tasks.push(task),
                Order::Kill(id) => tasks.retain(|task| task.id != id),
                Order::KillAll(owner) => tasks.retain(|task| task.owner != owner),
            }
        }
    }
}

// === impl Pause ===

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.waited && self.scheduler.now_ms.load(Ordering::SeqCst) >= self.until_ms {
            return Poll::Ready(());
        }
        self.waited = true;
        self.scheduler.wake_ms.fetch_min(self.until_ms, Ordering::SeqCst);
        Poll::Pending
    }
}
