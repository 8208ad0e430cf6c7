//! The emulator's state behind one lock, and the one way to work on it: [`Shared::commit`].

use std::collections::{HashSet, VecDeque};
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use http::Method;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::UnboundedSender;

use super::error::ApiError;
use super::faults::{Fault, Faults};
use super::rows::{DeliveryState, Stored};
use super::world::{Change, Tx, World};
use super::{EmulatorConfig, EmulatorError};
use crate::chain::Clock;
use crate::log::{Log, Magic, Opened};

const MAGIC: Magic = *b"tpstrip1";
const FILE_NAME: &str = "stripe.log";
/// An idempotency key is forgotten after this long
/// (<https://docs.stripe.com/api/idempotent_requests>).
const KEY_KEPT_S: u64 = 24 * 60 * 60;
/// So many calls are remembered.
const MOST_CALLS: usize = 10_000;

/// A call that was answered, or dropped on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallSeen {
    /// `GET` or `POST`.
    pub method: String,
    /// The path without query; tokens are hashed.
    pub path: String,
    /// The key that was sent with it.
    pub idempotency_key: Option<String>,
    /// The status; `None` if the connection was dropped instead.
    pub status: Option<u16>,
    /// Whether an earlier answer was given again.
    pub replayed: bool,
}

/// What the key of a request allows.
pub(super) enum Claim {
    /// It is new, and in use from now on.
    Begin,
    Replay(Box<Stored>),
    Refused(ApiError),
}

/// What connections, webhooks and the handle share.
pub(super) struct Shared {
    inner: Mutex<Inner>,
    beside: Mutex<Beside>,
    clock: Clock,
    pub secret_key: String,
    pub webhook_secret: String,
    /// Deliveries that are due, by id.
    due: UnboundedSender<String>,
}

struct Inner {
    world: World,
    log: Option<Log>,
    keys_in_use: HashSet<String>,
    broken: bool,
}

/// What is never stored, and so has a lock that never waits for the disk.
#[derive(Default)]
struct Beside {
    faults: Faults,
    calls: VecDeque<CallSeen>,
    calls_begun: u64,
    /// Calls that may begin within one second.
    most_per_second: Option<u32>,
    /// The second that calls are counted in, and how many began in it.
    second: (u64, u32),
}

impl Shared {
    /// Opens the log and comes back to what it says.
    pub(super) fn open(
        config: &EmulatorConfig,
        due: UnboundedSender<String>,
    ) -> Result<Self, EmulatorError> {
        let mut world = World::default();
        let mut log = None;
        let mut began = false;
        if let Some(dir) = &config.dir {
            let Opened { log: opened, payloads } = Log::open(dir, FILE_NAME, &MAGIC)?;
            began = !payloads.is_empty();
            for payload in payloads {
                let changes: Vec<Change> = serde_json::from_slice(&payload)
                    .map_err(|error| EmulatorError::Record(error.to_string()))?;
                changes.into_iter().for_each(|change| world.apply(change));
            }
            log = Some(opened);
        }
        if !began {
            let place = config.dir.as_deref().unwrap_or(Path::new("memory")).display();
            let seed = hex::encode(Sha256::digest(format!(
                "{place} {} {}",
                (config.clock)(),
                std::process::id()
            )));
            let change = Change::Began { seed };
            if let Some(log) = &mut log {
                log.append(&encode(&vec![change.clone()])?)?;
            }
            world.apply(change);
        }
        let inner = Mutex::new(Inner { world, log, keys_in_use: HashSet::new(), broken: false });
        let (secret_key, webhook_secret) =
            (config.secret_key.clone(), config.webhook_secret.clone());
        Ok(Self {
            inner,
            beside: Mutex::default(),
            clock: config.clock.clone(),
            secret_key,
            webhook_secret,
            due,
        })
    }

    /// Does a piece of work; what it changes is on the disk when this returns.
    pub(super) fn commit<R>(
        &self,
        key: Option<&str>,
        work: impl FnOnce(&mut Tx<'_>) -> R,
    ) -> Result<R, EmulatorError> {
        let mut guard = self.lock()?;
        let inner = &mut *guard;
        let now = self.now(&inner.world);
        let mut tx = Tx::new(&mut inner.world, now, key.map(str::to_owned));
        tx.open_due_disputes();
        let result = work(&mut tx);
        let changes = tx.into_changes();
        let stored = match &mut inner.log {
            Some(log) if !changes.is_empty() => {
                encode(&changes).and_then(|bytes| Ok(log.append(&bytes)?))
            }
            _ => Ok(()),
        };
        if let Err(error) = stored {
            // Memory is ahead of the disk now.
            inner.broken = true;
            return Err(error);
        }
        if let Some(key) = key {
            inner.keys_in_use.remove(key);
        }
        for change in &changes {
            if let Change::Delivery(delivery) = change
                && delivery.state == DeliveryState::Waiting
                && delivery.attempts == 0
            {
                self.send_soon(&delivery.id);
            }
        }
        Ok(result)
    }

    /// Hands a delivery to the queue; without a queue it waits for the next start.
    pub(super) fn send_soon(&self, delivery: &str) {
        drop(self.due.send(delivery.to_owned()));
    }

    /// Looks at a key before the work begins.
    pub(super) fn claim(&self, key: &str, asked: &str) -> Result<Claim, EmulatorError> {
        let mut inner = self.lock()?;
        let now = self.now(&inner.world);
        let stored = inner
            .world
            .stored
            .get(key)
            .filter(|stored| now < stored.at_unix_s.saturating_add(KEY_KEPT_S));
        if let Some(stored) = stored {
            let same = stored.asked == asked;
            return Ok(if same {
                Claim::Replay(Box::new(stored.clone()))
            } else {
                Claim::Refused(ApiError::other_parameters(key))
            });
        }
        let new = inner.keys_in_use.insert(key.to_owned());
        Ok(if new { Claim::Begin } else { Claim::Refused(ApiError::key_in_use(key)) })
    }

    /// The fault that is due for a call, and an id for it.
    pub(super) fn begin_call(
        &self,
        method: &Method,
        path: &str,
    ) -> Result<(String, Option<Fault>), EmulatorError> {
        let mut beside = self.beside()?;
        beside.calls_begun += 1;
        let digest = Sha256::digest(format!("request {} {}", beside.calls_begun, (self.clock)()));
        Ok((format!("req_{}", hex::encode(&digest[..7])), beside.faults.take(method, path)))
    }

    pub(super) fn limit_calls(&self, most_per_second: Option<u32>) -> Result<(), EmulatorError> {
        self.beside()?.most_per_second = most_per_second;
        Ok(())
    }

    /// Counts a call, and says whether it is one too many.
    pub(super) fn is_over_rate(&self) -> Result<bool, EmulatorError> {
        let now = (self.clock)();
        let mut beside = self.beside()?;
        let begun = if beside.second.0 == now { beside.second.1.saturating_add(1) } else { 1 };
        beside.second = (now, begun);
        Ok(beside.most_per_second.is_some_and(|most| begun > most))
    }

    pub(super) fn seen(&self, call: CallSeen) {
        if let Ok(mut beside) = self.beside() {
            if beside.calls.len() == MOST_CALLS {
                beside.calls.pop_front();
            }
            beside.calls.push_back(call);
        }
    }

    pub(super) fn calls(&self) -> Vec<CallSeen> {
        self.beside().map(|beside| beside.calls.iter().cloned().collect()).unwrap_or_default()
    }

    pub(super) fn with_faults<R>(
        &self,
        work: impl FnOnce(&mut Faults) -> R,
    ) -> Result<R, EmulatorError> {
        Ok(work(&mut self.beside()?.faults))
    }

    pub(super) fn forget_calls(&self) -> Result<(), EmulatorError> {
        self.beside()?.calls.clear();
        Ok(())
    }

    fn beside(&self) -> Result<MutexGuard<'_, Beside>, EmulatorError> {
        self.beside.lock().map_err(|_| EmulatorError::Broken)
    }

    /// Gives the log's file back, after the work that is being done. What is asked for later finds
    /// a broken emulator.
    pub(super) fn close(&self) {
        if let Ok(mut inner) = self.inner.lock() {
            inner.log = None;
            inner.broken = true;
        }
    }

    fn now(&self, world: &World) -> u64 {
        (self.clock)().saturating_add_signed(world.settings.clock_offset_s)
    }

    /// A panic while the lock was held may have left memory and disk apart; starting again makes
    /// them one.
    fn lock(&self) -> Result<MutexGuard<'_, Inner>, EmulatorError> {
        let inner = self.inner.lock().map_err(|_| EmulatorError::Broken)?;
        if inner.broken { Err(EmulatorError::Broken) } else { Ok(inner) }
    }
}

fn encode(changes: &Vec<Change>) -> Result<Vec<u8>, EmulatorError> {
    serde_json::to_vec(changes).map_err(|error| EmulatorError::Record(error.to_string()))
}
