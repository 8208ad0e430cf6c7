//! Rate limits by GCRA: a wide one per peer before verification, the agent's own after it, so that nobody can empty another's bucket.

use std::{net::IpAddr, num::NonZeroU32};

use governor::{
    DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock, QuantaInstant},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use payments::{agent::Payer, challenge::Retry, time::UnixMs};

use super::problem::Fault;
use crate::upstream::profile::{Condition, RateHeaders, ResetUnit};

type AgentLimiter = RateLimiter<Payer, DefaultKeyedStateStore<Payer>, DefaultClock, StateInformationMiddleware>;

/// The numbers, and the names under which the upstream's clients read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSettings {
    /// Requests a minute of one proven agent.
    pub agent_per_minute: NonZeroU32,
    /// How many of them at once.
    pub agent_burst: NonZeroU32,
    /// Requests a minute of one peer address, before verification.
    pub peer_per_minute: NonZeroU32,
    /// Names and unit of the headers.
    pub headers: RateHeaders,
}

/// Both limiters of this process.
pub struct Limits {
    settings: LimitSettings,
    agents: AgentLimiter,
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
    /// Empty buckets.
    pub fn new(settings: LimitSettings) -> Self {
        let agents = RateLimiter::keyed(Quota::per_minute(settings.agent_per_minute).allow_burst(settings.agent_burst)).with_middleware();
        let peers = RateLimiter::keyed(Quota::per_minute(settings.peer_per_minute));
        Self { settings, agents, peers, clock: DefaultClock::default() }
    }

    /// Counts one request of a peer.
    ///
    /// # Errors
    /// 429.
    pub(super) fn peer(&self, address: IpAddr) -> Result<(), Fault> {
        self.peers.check_key(&address).map_err(|until| self.too_many(self.settings.peer_per_minute.get(), &until))
    }

    /// Counts one request of a proven agent.
    ///
    /// # Errors
    /// 429, before anything is claimed or settled.
    pub(super) fn agent(&self, payer: &Payer, now: UnixMs) -> Result<RateState, Fault> {
        let limit = self.settings.agent_per_minute.get();
        match self.agents.check_key(payer) {
            Ok(snapshot) => {
                let remaining = snapshot.remaining_burst_capacity();
                Ok(RateState { limit, remaining, reset: self.full_again(now, remaining) })
            }
            Err(until) => {
                let state = RateState { limit, remaining: 0, reset: self.full_again(now, 0) };
                let mut fault = self.too_many(limit, &until);
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
        self.agents.retain_recent();
        self.peers.retain_recent();
    }

    /// When the bucket is full again: one place comes back every `60 / per_minute` seconds.
    fn full_again(&self, now: UnixMs, remaining: u32) -> UnixMs {
        let missing = i64::from(self.settings.agent_burst.get().saturating_sub(remaining));
        now.plus_ms(missing.saturating_mul(60_000) / i64::from(self.settings.agent_per_minute.get()))
    }

    fn too_many(&self, limit: u32, until: &NotUntil<QuantaInstant>) -> Fault {
        let retry_after_s = until.wait_time_from(self.clock.now()).as_secs() + 1;
        Fault::new(Condition::RateLimited, format!("too many requests. please try again in {retry_after_s} seconds."))
            .reason("rate_limited")
            .retry(Retry::Wait)
            .header(header::RETRY_AFTER, &retry_after_s.to_string())
            .member("limit", limit)
            .member("remaining", 0_u32)
    }
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

    #[test]
    fn the_thirty_first_request_waits_and_another_agent_does_not() {
        let thirty = NonZeroU32::new(30).unwrap();
        let limits = Limits::new(LimitSettings {
            agent_per_minute: thirty,
            agent_burst: thirty,
            peer_per_minute: thirty,
            headers: RateHeaders::default(),
        });
        let agent = |n| Payer::Wallet(Wallet::new([n; 20]));
        let now = UnixMs::new(1_000_000);
        for left in (0..30).rev() {
            assert_eq!(limits.agent(&agent(1), now).unwrap().remaining, left);
        }
        assert!(limits.agent(&agent(1), now).is_err());
        let other = limits.agent(&agent(2), now).unwrap();
        assert_eq!((other.remaining, other.reset), (29, now.plus_ms(2_000)));
    }
}
