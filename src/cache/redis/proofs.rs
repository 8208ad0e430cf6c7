//! Each proof once, for one purpose, over all processes.
//!
//! What a peer took reaches the books within a second. So where Redis may have lost it, this
//! process waits until then and lets the books decide: after a call that was not answered, for a
//! second after Redis went or came back, and while Redis is younger than a second (it was flushed).

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use payments::{
    ports::{IdentityClaim, ProofMemory, ProofUse, WrittenBy},
    proof::PaymentKey,
    time::UnixMs,
};
use redis::Script;
use tokio::time::sleep;

use super::{RedisLink, link::SETTLE};
use crate::cache::used::{KEPT_MS, UsedProofs};

/// Takes the key if it is free; says what it was taken for before, and for how many milliseconds
/// this Redis has remembered anything at all.
const TAKE: &str = r"
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local born = redis.pcall('GET', KEYS[2])
born = type(born) == 'string' and tonumber(born) or 0
if not (born > 0 and born <= now) then
  born = now
  redis.call('SET', KEYS[2], string.format('%.0f', born))
end
local before = redis.pcall('GET', KEYS[1])
if before == false then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  before = 'free'
elseif type(before) ~= 'string' then
  before = 'nonsense'
end
return {before, now - born}
";

/// Used proofs, in Redis, and those of this process.
pub struct RedisProofs {
    link: Arc<RedisLink>,
    used: Arc<UsedProofs>,
    take: Script,
}

impl RedisProofs {
    /// Remembers over this link; identity claims wait for the books in `used`.
    pub fn new(link: Arc<RedisLink>, used: Arc<UsedProofs>) -> Self {
        Self { link, used, take: Script::new(TAKE) }
    }

    async fn take(&self, key: &PaymentKey, purpose: ProofUse, at: UnixMs) -> ProofUse {
        if let Some(before) = self.used.get(key) {
            return before;
        }
        let calm = self.link.settled().await;
        let up = self.link.is_up();
        let mut script = self.take.prepare_invoke();
        script
            .key(self.link.hidden_key("proof", &key.to_string()))
            .key(self.link.key("born"))
            .arg(word(purpose))
            .arg(KEPT_MS);
        let answer = self.link.run::<(String, u64)>(&script).await;
        let (before, age) = match &answer {
            Some((before, age_ms)) => (before.as_str(), Duration::from_millis(*age_ms)),
            // What it would have said is lost just now; a Redis that has been away for long says
            // nothing that was not known.
            None => ("", if up { Duration::ZERO } else { SETTLE }),
        };
        // Remembered here before anything is waited for: of the copies at this process too, one
        // goes on.
        match before {
            "identity" => return ProofUse::Identity,
            "paying" => return ProofUse::Paying,
            "free" => _ = self.used.take(key, purpose, at),
            _ => match self.used.take(key, purpose, at) {
                ProofUse::Fresh => {}
                before => return before,
            },
        }
        if before == "free" && calm && age >= SETTLE {
            return ProofUse::Fresh;
        }
        sleep(SETTLE.saturating_sub(age)).await;
        ProofUse::Unsure
    }
}

/// A purpose as Redis keeps it.
fn word(purpose: ProofUse) -> &'static str {
    match purpose {
        ProofUse::Paying => "paying",
        ProofUse::Identity | ProofUse::Fresh | ProofUse::Unsure => "identity",
    }
}

#[async_trait]
impl ProofMemory for RedisProofs {
    async fn take_identity(&self, claim: IdentityClaim, written_by: WrittenBy) -> ProofUse {
        let taken = self.take(&claim.key, ProofUse::Identity, claim.at).await;
        if taken == ProofUse::Fresh && written_by == WrittenBy::Queue {
            self.used.enqueue(claim);
        }
        taken
    }

    async fn take_paying(&self, key: &PaymentKey, at: UnixMs) -> ProofUse {
        self.take(key, ProofUse::Paying, at).await
    }
}
