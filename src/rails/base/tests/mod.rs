//! The rail against real chains and against a node that says what a test wants.
#![allow(clippy::unwrap_used)]

mod anvil;
mod canned;
mod judgement;
mod limits;
mod money;
mod replacement;
mod rpc;
#[cfg(feature = "sandbox")]
mod sandbox;
mod suite;
mod transfers;
mod transport;
mod world;

/// What stands behind the suite: a node with the test USDC, and the few things that JSON-RPC has no
/// common words for.
#[async_trait::async_trait]
pub(crate) trait TestChain: Sync {
    /// The node's JSON-RPC.
    fn url(&self) -> String;

    /// The test token that stands there; everybody may mint.
    fn token(&self) -> payments::x402::offer::Token;

    /// Gives an account one ETH for gas.
    async fn give_gas(&self, account: alloy_primitives::Address);

    /// Lets seconds pass, and the blocks that make the new time safe.
    async fn pass_s(&self, seconds: u64);

    /// While on, transactions wait and no block is made. Off: what waits is mined.
    async fn hold(&self, on: bool);
}

pub(crate) use suite::rail_suite;
