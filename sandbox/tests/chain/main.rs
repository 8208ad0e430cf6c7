//! The chain in process, used as its clients use it: over JSON-RPC.
#![allow(clippy::unwrap_used)]

mod durability;
mod erc1271;
mod http;
mod node;
mod support;
mod token;
mod transactions;
mod vectors;
mod wallet;
