//! On a real Redis, a server of its own for each test.
#![allow(clippy::unwrap_used)]

mod balances;
mod nonsense;
mod server;

use std::{future::Future, num::NonZeroU32, sync::Arc, time::Duration};

use async_trait::async_trait;
use payments::{
    agent::{Payer, Wallet},
    ports::{AgentLimiter, Rate, Taken},
    proof::PaymentKey,
};

use self::server::Server;
use super::{LinkSettings, RedisLimiter, RedisLink, RedisProofs};
use crate::cache::used::UsedProofs;

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// A link that does not give up on a busy machine.
async fn link(server: &Server) -> Arc<RedisLink> {
    let settings = LinkSettings {
        url: server.url(),
        prefix: String::from("test:"),
        limit: Duration::from_secs(20),
    };
    let link = Arc::new(RedisLink::new(settings).unwrap());
    assert!(link.connect().await);
    link
}

/// Counts nothing: whoever ends up here was not answered by Redis.
struct Fallback;

#[async_trait]
impl AgentLimiter for Fallback {
    async fn take(&self, _: &Payer) -> Taken {
        Taken::Passed { remaining: u32::MAX }
    }

    fn forget_idle(&self) {}
}

async fn limiters(rate: Rate) -> ([Arc<RedisLimiter>; 2], Server) {
    let server = Server::start().await;
    let one = RedisLimiter::new(link(&server).await, rate, Arc::new(Fallback));
    let two = RedisLimiter::new(link(&server).await, rate, Arc::new(Fallback));
    ([Arc::new(one), Arc::new(two)], server)
}

async fn proofs() -> ([Arc<RedisProofs>; 2], Server) {
    let server = Server::start().await;
    let one = RedisProofs::new(link(&server).await, Arc::new(UsedProofs::default()));
    let two = RedisProofs::new(link(&server).await, Arc::new(UsedProofs::default()));
    ([Arc::new(one), Arc::new(two)], server)
}

mod limit {
    use super::{block_on, limiters};

    testkit::limiter_suite!(block_on, limiters);
}

mod used {
    use super::{block_on, proofs};

    testkit::proofs_suite!(block_on, proofs);
}

fn thirty() -> Rate {
    let thirty = NonZeroU32::new(30).unwrap();
    Rate { per_minute: thirty, burst: thirty }
}

fn agent() -> Payer {
    Payer::Wallet(Wallet::new([1; 20]))
}

fn key(number: u8) -> PaymentKey {
    PaymentKey {
        chain_id: 1,
        token: Wallet::new([0; 20]),
        from: Wallet::new([1; 20]),
        nonce: [number; 32],
    }
}
