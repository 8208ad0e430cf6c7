//! How much is taken on from whom, as configured.

use std::num::NonZeroU32;

use payments::ports::Rate;

use crate::{
    api::{LimitSettings, LoadLimits},
    config::Config,
    upstream::profile::Profile,
};

/// What one proven agent may ask.
pub(super) fn agents(config: &Config) -> Rate {
    Rate { per_minute: at_least_one(config.limits.agent_per_minute), burst: at_least_one(config.limits.agent_burst) }
}

/// What agents and peers may ask, and the headers that say so.
pub(super) fn settings(config: &Config, profile: &Profile) -> LimitSettings {
    LimitSettings {
        agent: agents(config),
        peer_per_minute: at_least_one(config.limits.peer_per_minute),
        headers: profile.rate_headers.clone().unwrap_or_default(),
    }
}

/// What is open at the same time.
pub(super) fn load(config: &Config) -> LoadLimits {
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    LoadLimits {
        requests: size(u64::from(config.limits.open_requests)),
        intents: size(u64::from(config.limits.open_intents)),
        // One body of the largest size must always fit.
        body_bytes: size(config.limits.open_body_bytes.max(config.limits.body_bytes)),
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}
