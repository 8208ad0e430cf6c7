//! The limit of agents in one process.

use async_trait::async_trait;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock, QuantaInstant},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};
use payments::{
    agent::Payer,
    ports::{AgentLimiter, Rate, Taken},
};

type Buckets =
    RateLimiter<Payer, DefaultKeyedStateStore<Payer>, DefaultClock, StateInformationMiddleware>;

/// A bucket per agent.
pub struct MemoryLimiter {
    buckets: Buckets,
    clock: DefaultClock,
}

impl MemoryLimiter {
    /// Full buckets.
    pub fn new(rate: Rate) -> Self {
        let quota = Quota::per_minute(rate.per_minute).allow_burst(rate.burst);
        let keyed: DefaultKeyedRateLimiter<Payer> = RateLimiter::keyed(quota);
        Self {
            buckets: keyed.with_middleware::<StateInformationMiddleware>(),
            clock: DefaultClock::default(),
        }
    }

    fn now(&self) -> QuantaInstant {
        self.clock.now()
    }
}

#[async_trait]
impl AgentLimiter for MemoryLimiter {
    async fn take(&self, payer: &Payer) -> Taken {
        match self.buckets.check_key(payer) {
            Ok(snapshot) => Taken::Passed { remaining: snapshot.remaining_burst_capacity() },
            Err(until) => {
                let wait = until.wait_time_from(self.now());
                // A place that comes back within this millisecond is not there yet.
                Taken::Wait {
                    wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1),
                }
            }
        }
    }

    fn forget_idle(&self) {
        self.buckets.retain_recent();
    }
}
