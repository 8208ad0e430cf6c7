//! The gateway as its users meet it: a real process, spoken to over HTTP only, with a real EVM node behind it.
//!
//! Every test is named by the case of the fault catalogue that it proves, or by its promise. A test that lacks its
//! real part (the node, a client's packages) fails and says how to install it; none is skipped in silence.
#![allow(clippy::unwrap_used)]

mod clients;
mod core_faults;
mod drain;
mod framing;
mod free_tier;
mod http;
mod idempotency;
mod identity;
mod month_edge;
mod operations;
mod overload;
mod proof_shapes;
mod proofs;
mod replay;
mod requests;
mod sandbox_mode;
mod settlement;
mod slow_peers;
mod support;
mod unfinished;
