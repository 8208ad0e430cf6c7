//! Rate limits by GCRA: a wide one per peer before verification, the agent's own after it, so that nobody can empty another's bucket.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use payments::{
    agent::Payer,
    challenge::Retry,
    ports::{AgentLimiter, Rate, Taken},
    time::UnixMs,
};

use super::fault::Fault;
use crate::upstream::profile::{Condition, RateHeaders, ResetUnit};

/// The word for a request that a limit refused.
pub(super) const RATE_LIMITED: &str = "rate_limited";

/// The numbers, and the names under which the upstream's clients read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSettings {
    /// Of one proven agent.
    pub agent: Rate,
    /// Requests a minute of one peer address, before verification.
    pub peer_per_minute: NonZeroU32,
    /// Names and unit of the headers.
    pub headers: RateHeaders,
}

/// Both limiters. The peers' is this process's own.
pub struct Limits {
    settings: LimitSettings,
    agents: Arc<dyn AgentLimiter>,
    peers: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

/// What the agent has left, for the headers of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RateState {
    limit: u32,
    remaining: u32,
    reset: UnixMs,
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
    /// 429.
    pub(super) fn peer(&self, address: IpAddr) -> Result<(), Fault> {
        self.peers.check_key(&address).map_err(|until| {
            let wait_ms = u64::try_from(until.wait_time_from(self.clock.now()).as_millis()).unwrap_or(u64::MAX);
            too_many(self.settings.peer_per_minute.get(), wait_ms)
        })
    }

    /// Counts one request of a proven agent.
    ///
    /// # Errors
    /// 429, before anything is claimed or settled.
    pub(super) async fn agent(&self, payer: &Payer, now: UnixMs) -> Result<RateState, Fault> {
        let limit = self.settings.agent.per_minute.get();
        match self.agents.take(payer).await {
            Taken::Passed { remaining } => Ok(RateState { limit, remaining, reset: self.full_again(now, remaining) }),
            Taken::Wait { wait_ms } => {
                let state = RateState { limit, remaining: 0, reset: self.full_again(now, 0) };
                let mut fault = too_many(limit, wait_ms);
                for (name, value) in state.headers(&self.settings.headers) {
                    fault = fault.header(name, &value);
                }
                Err(fault)
            }
        }
    }

    /// Writes what is left into the headers of an answer.
    pub(super) fn write(&self, state: RateState, headers: &mut HeaderMap) {
        state.write(&self.settings.headers, headers);
    }

    /// Forgets buckets that are full again.
    pub fn forget_idle(&self) {
        self.agents.forget_idle();
        self.peers.retain_recent();
    }

    /// When the bucket is full again: one place comes back every `60 / per_minute` seconds.
    fn full_again(&self, now: UnixMs, remaining: u32) -> UnixMs {
        let missing = i64::from(self.settings.agent.burst.get().saturating_sub(remaining));
        now.plus_ms(missing.saturating_mul(60_000) / i64::from(self.settings.agent.per_minute.get()))
    }
}

pub(super) fn too_many(limit: u32, wait_ms: u64) -> Fault {
    let retry_after_s = (wait_ms / 1_000).saturating_add(1);
    Fault::new(Condition::RateLimited, format!("too many requests. please try again in {retry_after_s} seconds."))
        .reason(RATE_LIMITED)
        .retry(Retry::Wait)
        .header(header::RETRY_AFTER, &retry_after_s.to_string())
        .member("limit", limit)
        .member("remaining", 0_u32)
}

// === impl RateState ===

impl RateState {
    fn headers(self, names: &RateHeaders) -> [(HeaderName, String); 3] {
        let reset = match names.reset_unit {
            ResetUnit::Ms => self.reset.ms(),
            ResetUnit::S => self.reset.unix_s(),
        };
        [
            (names.limit.clone(), self.limit.to_string()),
            (names.remaining.clone(), self.remaining.to_string()),
            (names.reset.clone(), reset.to_string()),
        ]
    }

    fn write(self, names: &RateHeaders, headers: &mut HeaderMap) {
        for (name, value) in self.headers(names) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
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
            let settings = LimitSettings { agent: rate, peer_per_minute: thirty, headers: RateHeaders::default() };
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
        let settings = LimitSettings { agent: rate, peer_per_minute: two, headers: RateHeaders::default() };
        let limits = Limits::new(settings, Arc::new(Says(Taken::Wait { wait_ms: 1 })));
        let peer = |n| IpAddr::from([127, 0, 0, n]);
        assert!(limits.peer(peer(1)).is_ok() && limits.peer(peer(1)).is_ok());
        assert!(limits.peer(peer(1)).is_err());
        assert!(limits.peer(peer(2)).is_ok());
    }
}
