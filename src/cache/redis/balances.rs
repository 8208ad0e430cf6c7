//! What `GET /credits` shows, for five minutes, until something changes it.
//!
//! Every kept balance names the age that it belongs to. A process that could not say that an
//! account changed starts a new age as soon as it can, and so does every process that starts: no
//! balance of before is shown then.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use payments::{
    agent::Payer,
    money::Credits,
    ports::{BalanceCache, ShownBalance},
};
use redis::{Script, ScriptInvocation};

use super::RedisLink;

/// How long a balance is shown.
const SHOWN_MS: u64 = 300_000;
/// How long nothing is kept of an account that changed: longer than a read of the books takes that
/// began before.
const FORGOTTEN_MS: u64 = 10_000;

const GET: &str = r"
local age, kept = redis.pcall('GET', KEYS[1]), redis.pcall('GET', KEYS[2])
if type(age) ~= 'string' or type(kept) ~= 'string' or string.sub(kept, 1, #age + 1) ~= age .. ' ' then return false end
return string.sub(kept, #age + 2)
";
const NEW_AGE: &str = r"
local clock = redis.call('TIME')
local age = string.format('%.0f', clock[1] * 1000000 + clock[2])
redis.call('SET', KEYS[1], age)
return age
";
const PUT: &str = r"
local age = redis.pcall('GET', KEYS[1])
if type(age) ~= 'string' then
  local clock = redis.call('TIME')
  age = string.format('%.0f', clock[1] * 1000000 + clock[2])
  redis.call('SET', KEYS[1], age)
end
if redis.pcall('GET', KEYS[2]) ~= '-' then redis.call('SET', KEYS[2], age .. ' ' .. ARGV[1], 'PX', ARGV[2]) end
";
/// What is kept in the place of a balance belongs to no age, and keeps an older one out.
const FORGET: &str = "redis.call('SET', KEYS[2], '-', 'PX', ARGV[1])";

/// Balances, in Redis.
pub struct RedisBalances {
    link: Arc<RedisLink>,
    get: Script,
    put: Script,
    forget: Script,
    new_age: Script,
    /// Changes that could not be said to all processes, and how many of them a new age has answered
    /// for.
    unsaid: AtomicU64,
    answered: AtomicU64,
}

impl RedisBalances {
    /// Shows nothing that was kept before [`RedisBalances::say`]: what an earlier process changed
    /// last may not have been said.
    pub fn new(link: Arc<RedisLink>) -> Self {
        Self {
            link,
            get: Script::new(GET),
            put: Script::new(PUT),
            forget: Script::new(FORGET),
            new_age: Script::new(NEW_AGE),
            unsaid: AtomicU64::new(1),
            answered: AtomicU64::new(0),
        }
    }

    /// Starts a new age if there are changes that could not be said.
    pub async fn say(&self) {
        let unsaid = self.unsaid.load(Ordering::Acquire);
        if unsaid == self.answered.load(Ordering::Acquire) {
            return;
        }
        let mut script = self.new_age.prepare_invoke();
        script.key(self.link.key("age"));
        if self.link.run::<String>(&script).await.is_some() {
            self.answered.store(unsaid, Ordering::Release);
        }
    }

    fn all_said(&self) -> bool {
        self.unsaid.load(Ordering::Acquire) == self.answered.load(Ordering::Acquire)
    }

    fn of<'a>(&self, script: &'a Script, payer: &Payer) -> ScriptInvocation<'a> {
        let mut script = script.prepare_invoke();
        script.key(self.link.key("age")).key(self.link.hidden_key("balance", &payer.to_string()));
        script
    }
}

#[async_trait]
impl BalanceCache for RedisBalances {
    async fn get(&self, payer: &Payer) -> Option<ShownBalance> {
        if !self.all_said() {
            return None;
        }
        read(&self.link.run::<Option<String>>(&self.of(&self.get, payer)).await??)
    }

    async fn put(&self, payer: &Payer, shown: ShownBalance) {
        if !self.all_said() {
            return;
        }
        let mut script = self.of(&self.put, payer);
        script.arg(format!("{} {}", shown.balance.get(), shown.debt.get())).arg(SHOWN_MS);
        // A balance that is not kept is read again.
        let _ = self.link.run::<()>(&script).await;
    }

    async fn forget(&self, payer: &Payer) -> bool {
        let mut script = self.of(&self.forget, payer);
        script.arg(FORGOTTEN_MS);
        let said = self.link.run::<()>(&script).await.is_some();
        if !said {
            self.unsaid.fetch_add(1, Ordering::AcqRel);
        }
        said
    }
}

fn read(text: &str) -> Option<ShownBalance> {
    let (balance, debt) = text.split_once(' ')?;
    Some(ShownBalance {
        balance: Credits::new(balance.parse().ok()?),
        debt: Credits::new(debt.parse().ok()?),
    })
}
