//! The limit of agents over all processes. While Redis does not answer, each process counts by
//! itself.

use std::sync::Arc;

use async_trait::async_trait;
use payments::{
    agent::Payer,
    ports::{AgentLimiter, Rate, Taken},
};
use redis::Script;

use super::RedisLink;

/// GCRA by Redis' own clock, in microseconds: a bucket is the time at which it is full again. A
/// time that no bucket can have is nonsense and counts as a full bucket.
const TAKE: &str = r"
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local every, room = tonumber(ARGV[1]), tonumber(ARGV[1]) * tonumber(ARGV[2])
local full_at = redis.pcall('GET', KEYS[1])
full_at = type(full_at) == 'string' and tonumber(full_at) or now
if not (full_at >= now and full_at <= now + room) then full_at = now end
full_at = full_at + every
if full_at > now + room then return {0, math.ceil((full_at - room - now) / 1000)} end
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000))
return {1, math.floor((now + room - full_at) / every)}
";

/// A bucket per agent, in Redis.
pub struct RedisLimiter {
    link: Arc<RedisLink>,
    fallback: Arc<dyn AgentLimiter>,
    take: Script,
    every_us: u64,
    burst: u32,
}

impl RedisLimiter {
    /// Full buckets; `fallback` counts while Redis does not answer.
    pub fn new(link: Arc<RedisLink>, rate: Rate, fallback: Arc<dyn AgentLimiter>) -> Self {
        let every_us = (60_000_000 / u64::from(rate.per_minute.get())).max(1);
        Self { link, fallback, take: Script::new(TAKE), every_us, burst: rate.burst.get() }
    }
}

#[async_trait]
impl AgentLimiter for RedisLimiter {
    async fn take(&self, payer: &Payer) -> Taken {
        let mut script = self.take.prepare_invoke();
        script
            .key(self.link.hidden_key("limit", &payer.to_string()))
            .arg(self.every_us)
            .arg(self.burst);
        match self.link.run::<(u8, u64)>(&script).await {
            Some((1, remaining)) => {
                Taken::Passed { remaining: u32::try_from(remaining).unwrap_or(self.burst) }
            }
            Some((_, wait_ms)) => Taken::Wait { wait_ms },
            None => self.fallback.take(payer).await,
        }
    }

    fn forget_idle(&self) {
        self.fallback.forget_idle();
    }
}
