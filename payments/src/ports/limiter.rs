//! How often one agent may ask. Losing it changes how exact the limit is over many processes, never
//! money.

use std::num::NonZeroU32;

use async_trait::async_trait;

use crate::agent::Payer;

/// The numbers of a bucket (GCRA).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests a minute; one place comes back every `60 / per_minute` seconds.
    pub per_minute: NonZeroU32,
    /// How many of them at once.
    pub burst: NonZeroU32,
}

/// What became of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is within the limit.
    Passed {
        /// How many more could come at once.
        remaining: u32,
    },
    /// It is beyond the limit, and was not counted.
    Wait {
        /// When the next one passes.
        wait_ms: u64,
    },
}

/// The buckets of all agents.
#[async_trait]
pub trait AgentLimiter: Send + Sync {
    /// Counts one request of a proven agent.
    async fn take(&self, payer: &Payer) -> Taken;

    /// Forgets buckets that are full again.
    fn forget_idle(&self);
}
