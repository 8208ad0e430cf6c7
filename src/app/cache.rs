//! The cache: this process's own memory, or a Redis that all processes share.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use payments::{
    agent::Payer,
    checkout::World,
    ports::{AgentLimiter, BalanceCache, ProofMemory, Rate, ShownBalance},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::error::AppError;
use crate::{
    cache::{
        memory::{MemoryLimiter, MemoryProofs, NoBalances},
        redis::{LinkSettings, RedisBalances, RedisLimiter, RedisLink, RedisProofs},
        used::UsedProofs,
    },
    config::Config,
    http::operator::{Check, NotReady},
    worker::{drives::chain, rounds::Housekeeping},
};

/// How long a command waits for Redis at least: no request stands behind it.
const COMMAND_PATIENCE: Duration = Duration::from_secs(2);

/// What the configured cache is for.
pub(super) struct CacheParts {
    limiter: Arc<dyn AgentLimiter>,
    proofs: Arc<dyn ProofMemory>,
    used: Arc<UsedProofs>,
    redis: Option<Shared>,
}

#[derive(Clone)]
struct Shared {
    link: Arc<RedisLink>,
    balances: Arc<RedisBalances>,
}

/// The cache. A Redis that does not answer now is waited for in the background. `shared_books`:
/// other processes may write the same books.
///
/// # Errors
/// [`AppError`] for an address that is none.
pub(super) async fn parts(
    config: &Config,
    rate: Rate,
    shared_books: bool,
    stop: &CancellationToken,
    tasks: &mut Vec<JoinHandle<()>>,
) -> Result<CacheParts, AppError> {
    let used = Arc::new(UsedProofs::default());
    let alone: Arc<dyn AgentLimiter> = Arc::new(MemoryLimiter::new(rate));
    let Some(link) = link(config)? else {
        let proofs = Arc::new(MemoryProofs::new(Arc::clone(&used), shared_books));
        return Ok(CacheParts { limiter: alone, proofs, used, redis: None });
    };
    if !link.connect().await {
        tracing::warn!("cache.unreachable_at_start");
    }
    let (kept, stop) = (Arc::clone(&link), stop.clone());
    tasks.push(tokio::spawn(async move {
        tokio::select! {
            () = kept.keep() => {}
            () = stop.cancelled() => {}
        }
    }));
    let balances = Arc::new(RedisBalances::new(Arc::clone(&link)));
    balances.say().await;
    Ok(CacheParts {
        limiter: Arc::new(RedisLimiter::new(Arc::clone(&link), rate, alone)),
        proofs: Arc::new(RedisProofs::new(Arc::clone(&link), Arc::clone(&used))),
        used,
        redis: Some(Shared { link, balances }),
    })
}

/// The way to Redis for requests, where one is configured; nothing is asked yet.
fn link(config: &Config) -> Result<Option<Arc<RedisLink>>, AppError> {
    link_within(config, Duration::from_millis(config.cache.timeout_ms))
}

/// The same for a command.
fn patient_link(config: &Config) -> Result<Option<Arc<RedisLink>>, AppError> {
    link_within(config, Duration::from_millis(config.cache.timeout_ms).max(COMMAND_PATIENCE))
}

fn link_within(config: &Config, limit: Duration) -> Result<Option<Arc<RedisLink>>, AppError> {
    if config.cache.url.scheme() != "redis" {
        return Ok(None);
    }
    let settings = LinkSettings {
        url: config.cache.url.expose().to_owned(),
        prefix: config.cache.prefix.clone(),
        limit,
    };
    let link = RedisLink::new(settings).map_err(|error| AppError::Setting(error.to_string()))?;
    Ok(Some(Arc::new(link)))
}

/// Whether the configured Redis answers a command now; none where none is configured.
pub(super) async fn probe(config: &Config) -> Option<Result<bool, AppError>> {
    match patient_link(config).transpose()? {
        Ok(link) => Some(Ok(link.connect().await)),
        Err(error) => Some(Err(error)),
    }
}

impl CacheParts {
    pub(super) fn limiter(&self) -> Arc<dyn AgentLimiter> {
        Arc::clone(&self.limiter)
    }

    pub(super) fn proofs(&self) -> Arc<dyn ProofMemory> {
        Arc::clone(&self.proofs)
    }

    pub(super) fn balances(&self) -> Arc<dyn BalanceCache> {
        match &self.redis {
            Some(shared) => shared.balances.clone(),
            None => Arc::new(NoBalances),
        }
    }

    /// What has to be done now and then.
    pub(super) fn housekeeping(&self, world: &World) -> Arc<dyn Housekeeping> {
        Arc::new(Upkeep {
            used: Arc::clone(&self.used),
            balances: self.redis.as_ref().map(|shared| Arc::clone(&shared.balances)),
            world: world.clone(),
        })
    }

    /// Whether the shared cache answers; a process's own always does.
    pub(super) fn up(&self) -> Box<dyn Fn() -> bool + Send + Sync> {
        let link = self.redis.as_ref().map(|shared| Arc::clone(&shared.link));
        Box::new(move || link.as_ref().is_none_or(|link| link.is_up()))
    }

    /// Readiness, where the cache is another process.
    pub(super) fn check(&self) -> Option<Box<dyn Check>> {
        let shared = self.redis.clone()?;
        Some(Box::new(CacheCheck(shared.link)))
    }
}

/// Carries proofs that were remembered to the books, and says what could not be said of balances.
struct Upkeep {
    used: Arc<UsedProofs>,
    balances: Option<Arc<RedisBalances>>,
    world: World,
}

#[async_trait]
impl Housekeeping for Upkeep {
    async fn turn(&self) {
        let claims = self.used.take_queue();
        if !claims.is_empty()
            && let Err(error) = self.world.books.claim_identities(&claims).await
        {
            tracing::warn!(error = %chain(&error), count = claims.len(), "proofs.not_written");
            self.used.give_back(claims);
        }
        self.used.forget_old(self.world.clock.now());
        if let Some(balances) = &self.balances {
            balances.say().await;
        }
    }

    fn unwritten(&self) -> usize {
        self.used.waiting()
    }
}

struct CacheCheck(Arc<RedisLink>);

#[async_trait]
impl Check for CacheCheck {
    fn name(&self) -> &'static str {
        "cache"
    }

    async fn run(&self) -> Result<(), NotReady> {
        if self.0.is_up() { Ok(()) } else { Err(NotReady::Cache) }
    }

    fn required(&self) -> bool {
        false
    }
}

/// Balances that are shown, for a command beside the gateways.
pub struct BalancesBeside(Option<Shared>);

impl BalancesBeside {
    /// Of this configuration; nothing is asked yet.
    ///
    /// # Errors
    /// [`AppError`] for an address that is none.
    pub(super) fn of(config: &Config) -> Result<Self, AppError> {
        let shared = |link: Arc<RedisLink>| Shared {
            balances: Arc::new(RedisBalances::new(Arc::clone(&link))),
            link,
        };
        Ok(Self(patient_link(config)?.map(shared)))
    }

    /// The shared balances, where there are any and they answer.
    async fn shared(&self) -> Option<&RedisBalances> {
        let shared = self.0.as_ref()?;
        shared.link.connect().await.then_some(&*shared.balances)
    }
}

#[async_trait]
impl BalanceCache for BalancesBeside {
    async fn get(&self, payer: &Payer) -> Option<ShownBalance> {
        self.shared().await?.get(payer).await
    }

    async fn put(&self, payer: &Payer, shown: ShownBalance) {
        if let Some(balances) = self.shared().await {
            balances.put(payer, shown).await;
        }
    }

    /// Where it is false, gateways may show the old balance for five minutes.
    async fn forget(&self, payer: &Payer) -> bool {
        match (&self.0, self.shared().await) {
            (None, _) => true,
            (Some(_), Some(balances)) => balances.forget(payer).await,
            (Some(_), None) => false,
        }
    }
}
