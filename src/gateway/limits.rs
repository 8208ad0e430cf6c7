//! Rate limits by GCRA: a wide one per peer before verification, the agent's own after it, so that
//! nobody can empty another's bucket.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use payments::{
    agent::Payer,
    ports::{AgentLimiter, Rate, Taken},
    time::UnixMs,
};

use super::{
    error::{GatewayError, RateLimited},
    rate::RateState,
};

/// The numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSettings {
    /// Of one proven agent.
    pub agent: Rate,
    /// Requests a minute of one peer address, before verification.
    pub peer_per_minute: NonZeroU32,
}

/// Both limiters. The peers' is this process's own.
pub struct Limits {
    settings: LimitSettings,
    agents: Arc<dyn AgentLimiter>,
    peers: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

// === impl Limits ===

impl Limits {
    /// Full buckets of peers, and the agents' as they are.
    pub fn new(settings: LimitSettings, agents: Arc<dyn AgentLimiter>) -> Self {
        let peers = RateLimiter::keyed(Quota::per_minute(settings.peer_per_minute));
        Self { settings, agents, peers, clock: DefaultClock::default() }
    }

    /// Counts one request of a peer.
    ///
    /// # Errors
    /// [`GatewayError::RateLimited`].
    pub fn peer(&self, address: IpAddr) -> Result<(), GatewayError> {
        self.peers.check_key(&address).map_err(|until| {
            let wait_ms = u64::try_from(until.wait_time_from(self.clock.now()).as_millis())
                .unwrap_or(u64::MAX);
            RateLimited { limit: self.settings.peer_per_minute.get(), wait_ms, agent: None }.into()
        })
    }

    /// Counts one request of a proven agent.
    ///
    /// # Errors
    /// [`GatewayError::RateLimited`], before anything is claimed or settled.
    pub async fn agent(&self, payer: &Payer, now: UnixMs) -> Result<RateState, GatewayError> {
        let limit = self.settings.agent.per_minute.get();
        match self.agents.take(payer).await {
            Taken::Passed { remaining } => {
                Ok(RateState { limit, remaining, reset: self.full_again(now, remaining) })
            }
            Taken::Wait { wait_ms } => {
                let state = RateState { limit, remaining: 0, reset: self.full_again(now, 0) };
                Err(RateLimited { limit, wait_ms, agent: Some(state) }.into())
            }
        }
    }

    /// Forgets buckets that are full again.
    pub fn forget_idle(&self) {
        self.agents.forget_idle();
        self.peers.retain_recent();
    }

    /// When the bucket is full again: one place comes back every `60 / per_minute` seconds.
    fn full_again(&self, now: UnixMs, remaining: u32) -> UnixMs {
        let missing = i64::from(self.settings.agent.burst.get().saturating_sub(remaining));
        now.plus_ms(
            missing.saturating_mul(60_000) / i64::from(self.settings.agent.per_minute.get()),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use payments::agent::Wallet;
    use testkit::run::block_on;

    struct Says(Taken);

    #[async_trait::async_trait]
    impl AgentLimiter for Says {
        async fn take(&self, _: &Payer) -> Taken {
            self.0
        }

        fn forget_idle(&self) {}
    }

    #[test]
    fn an_agent_hears_what_is_left_and_when_the_bucket_is_full() {
        let thirty = NonZeroU32::new(30).unwrap();
        let limits = |says| {
            let rate = Rate { per_minute: thirty, burst: thirty };
            let settings = LimitSettings { agent: rate, peer_per_minute: thirty };
            Limits::new(settings, Arc::new(Says(says)))
        };
        let (agent, now) = (Payer::Wallet(Wallet::new([1; 20])), UnixMs::new(1_000_000));
        let passed = block_on(limits(Taken::Passed { remaining: 29 }).agent(&agent, now)).unwrap();
        assert_eq!(passed, RateState { limit: 30, remaining: 29, reset: now.plus_ms(2_000) });
        assert!(block_on(limits(Taken::Wait { wait_ms: 1_999 }).agent(&agent, now)).is_err());
    }

    #[test]
    fn a_peer_waits_after_its_minutes_requests() {
        let two = NonZeroU32::new(2).unwrap();
        let rate = Rate { per_minute: two, burst: two };
        let settings = LimitSettings { agent: rate, peer_per_minute: two };
        let limits = Limits::new(settings, Arc::new(Says(Taken::Wait { wait_ms: 1 })));
        let peer = |n| IpAddr::from([127, 0, 0, n]);
        assert!(limits.peer(peer(1)).is_ok() && limits.peer(peer(1)).is_ok());
        assert!(limits.peer(peer(1)).is_err());
        assert!(limits.peer(peer(2)).is_ok());
    }
}
