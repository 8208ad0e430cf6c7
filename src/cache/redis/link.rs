//! The one way to Redis: a connection that is made again in the background, a time limit for each
//! call, and a breaker.
//!
//! While Redis is up, a call takes at most the limit. Several in a row without an answer, or a
//! broken connection, open the breaker: from then on nobody asks, until a look of the background
//! task was answered.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, FromRedisValue, RedisError, Script, ScriptInvocation,
    aio::MultiplexedConnection,
};
use sha2::{Digest, Sha256};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

/// Unanswered calls in a row that open the breaker.
const UNANSWERED: u32 = 3;
/// Between two looks of the background task.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Before a connection that broke is made again.
const RECONNECT_AFTER: Duration = Duration::from_millis(100);
/// How long a connection may take to be made.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// Within this time after a loss, a peer may still have a claim that only Redis knew; after it, the
/// books have it.
pub(super) const SETTLE: Duration = Duration::from_secs(1);

/// Where Redis is, and how it is asked.
#[derive(Clone)]
pub struct LinkSettings {
    /// `redis://[user:password@]host[:port][/db]`
    pub url: String,
    /// Before every key, so that several gateways can share a server.
    pub prefix: String,
    /// How long one call may take.
    pub limit: Duration,
}

/// An address that is none.
#[derive(Debug, thiserror::Error)]
#[error("cache.url is not redis://[user:password@]host[:port][/db]")]
pub struct LinkError;

/// The way to one Redis server.
pub struct RedisLink {
    client: Client,
    prefix: String,
    limit: Duration,
    state: watch::Sender<State>,
    unanswered: AtomicU32,
    /// It was tried to connect before.
    tried: AtomicBool,
    /// A write: a server that is full, or a replica, does not serve.
    look: Script,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    /// Nobody is there.
    Down,
    /// Not in time.
    Late,
    /// Redis, or what reads its answer, refuses.
    Refused,
}

struct State {
    connection: Option<MultiplexedConnection>,
    /// It has been like this for long enough.
    settled: bool,
    /// How often Redis came or went.
    changes: u64,
}

impl RedisLink {
    /// A link that nothing went over yet.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn new(settings: LinkSettings) -> Result<Self, LinkError> {
        let client = Client::open(settings.url).map_err(|_| LinkError)?;
        Ok(Self {
            client,
            prefix: settings.prefix,
            limit: settings.limit,
            state: watch::Sender::new(State { connection: None, settled: false, changes: 0 }),
            unanswered: AtomicU32::new(0),
            tried: AtomicBool::new(false),
            look: Script::new("return redis.call('SET', KEYS[1], '', 'PX', 10000)"),
        })
    }

    /// Tries once to reach Redis. The first answer of all settles at once: nothing was lost since.
    pub async fn connect(&self) -> bool {
        let first = !self.tried.swap(true, Ordering::Relaxed);
        let Some(connection) = self.reached().await else { return false };
        self.unanswered.store(0, Ordering::Relaxed);
        self.state.send_modify(|state| {
            state.connection = Some(connection);
            state.settled = first;
            state.changes = state.changes.saturating_add(1);
        });
        tracing::info!("cache.connected");
        true
    }

    /// Keeps the connection until it is dropped: looks now and then, and connects again.
    pub async fn keep(&self) {
        tokio::join!(self.reconnect(), self.settle());
    }

    /// Whether Redis answers, as far as is known.
    pub fn is_up(&self) -> bool {
        self.state.borrow().connection.is_some()
    }

    /// A key of this gateway's.
    pub(super) fn key(&self, of: &str) -> String {
        format!("{}{of}", self.prefix)
    }

    /// A key that does not tell whose it is.
    pub(super) fn hidden_key(&self, kind: &str, whose: &str) -> String {
        let hash = Sha256::digest(whose.as_bytes());
        format!("{}{kind}:{}", self.prefix, hex::encode(&hash[..16]))
    }

    /// Asks; `None` when Redis does not answer, in time or at all, or answers nonsense.
    pub(super) async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Option<T> {
        self.ask(script).await.ok()
    }

    /// Waits until a loss, if there was one just now, is long enough ago; false when there was one.
    pub(super) async fn settled(&self) -> bool {
        if self.state.borrow().settled {
            return true;
        }
        let mut states = self.state.subscribe();
        let _ = timeout(SETTLE, states.wait_for(|state| state.settled)).await.is_ok();
        false
    }

    async fn ask<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Silence> {
        let connection = self.state.borrow().connection.clone();
        let Some(mut connection) = connection else { return Err(Silence::Down) };
        let silence = match timeout(self.limit, script.invoke_async(&mut connection)).await {
            Ok(Ok(answer)) => {
                self.unanswered.store(0, Ordering::Relaxed);
                return Ok(answer);
            }
            Ok(Err(error)) if broken(&error) => Silence::Down,
            // A refusal is an answer too.
            Ok(Err(error)) => {
                tracing::debug!(category = error.category(), "cache.refused");
                self.unanswered.store(0, Ordering::Relaxed);
                Silence::Refused
            }
            Err(_) => Silence::Late,
        };
        match silence {
            Silence::Down => self.lose("the connection broke"),
            Silence::Late
                if self.unanswered.fetch_add(1, Ordering::Relaxed).saturating_add(1)
                    >= UNANSWERED =>
            {
                self.lose("no answer in time");
            }
            Silence::Late | Silence::Refused => {}
        }
        Err(silence)
    }

    fn lose(&self, why: &str) {
        let lost = self.state.send_if_modified(|state| {
            let up = state.connection.take().is_some();
            if up {
                state.settled = false;
                state.changes = state.changes.saturating_add(1);
            }
            up
        });
        if lost {
            tracing::warn!(why, "cache.lost");
        }
    }

    async fn reconnect(&self) {
        let mut states = self.state.subscribe();
        loop {
            if self.is_up() {
                if self.ask::<()>(&self.looking()).await == Err(Silence::Refused) {
                    self.lose("writes are refused");
                }
                if timeout(LOOK_EVERY, states.wait_for(|state| state.connection.is_none()))
                    .await
                    .is_ok()
                {
                    sleep(RECONNECT_AFTER).await;
                }
            } else if !self.connect().await {
                sleep(LOOK_EVERY).await;
            }
        }
    }

    async fn settle(&self) {
        let mut states = self.state.subscribe();
        loop {
            let Ok(changes) =
                states.wait_for(|state| !state.settled).await.map(|state| state.changes)
            else {
                return;
            };
            sleep(SETTLE).await;
            self.state.send_if_modified(|state| {
                // Coming and going starts the time anew.
                let same = state.changes == changes;
                state.settled |= same;
                same
            });
        }
    }

    /// A connection over which a first write was answered in time.
    async fn reached(&self) -> Option<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_LIMIT))
            .set_response_timeout(None);
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = timeout(CONNECT_LIMIT, connecting).await.ok()?.ok()?;
        // The first one may have to load the script.
        let looking = self.looking();
        let _ = timeout(CONNECT_LIMIT, looking.invoke_async::<()>(&mut connection)).await.ok()?;
        timeout(self.limit, looking.invoke_async::<()>(&mut connection)).await.ok()?.ok()?;
        Some(connection)
    }

    fn looking(&self) -> ScriptInvocation<'_> {
        let mut script = self.look.prepare_invoke();
        script.key(self.key("look"));
        script
    }
}

fn broken(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_connection_dropped()
        || error.is_timeout()
        || error.is_unrecoverable_error()
}
