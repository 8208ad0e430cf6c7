//! The cache of one process, in its own memory.

mod limiter;
mod proofs;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use payments::{
    agent::Payer,
    ports::{BalanceCache, ShownBalance},
};

pub use limiter::MemoryLimiter;
pub use proofs::MemoryProofs;

/// Keeps no balance: an operator's command changes accounts in a process of its own, and could not
/// tell this one's memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoBalances;

#[async_trait]
impl BalanceCache for NoBalances {
    async fn get(&self, _: &Payer) -> Option<ShownBalance> {
        None
    }

    async fn put(&self, _: &Payer, _: ShownBalance) {}

    async fn forget(&self, _: &Payer) -> bool {
        true
    }
}
