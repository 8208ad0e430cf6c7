//! The cache that all processes share. Redis may be lost, flushed, slow or full of nonsense: that
//! changes speed only.
//!
//! | file | one thing |
//! |---|---|
//! | `link` | one connection, a time limit for each call, and a breaker |
//! | `limiter` | one bucket per agent, by Redis' own clock |
//! | `proofs` | each proof once, for one purpose |
//! | `balances` | what `GET /credits` shows |

mod balances;
mod limiter;
mod link;
mod proofs;
#[cfg(test)]
mod tests;

pub use balances::RedisBalances;
pub use limiter::RedisLimiter;
pub use link::{LinkSettings, RedisLink};
pub use proofs::RedisProofs;
