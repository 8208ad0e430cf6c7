//! The gateway as its users meet it: a real process, spoken to over HTTP only, with a real EVM node behind it.
//!
//! Every test is named by the case of the fault catalogue that it proves, or by its promise. A test that lacks its
//! real part (the node, a client's packages) fails and says how to install it; none is skipped in silence.
#![allow(clippy::unwrap_used)]

mod clients;
mod free_tier;
mod http;
mod identity;
mod launch_api;
mod launch_api_content;
mod launch_api_create;
mod launch_api_media;
mod launch_api_patch;
mod launch_api_publish;
mod launch_api_read;
mod operations;
mod operator_tools;
mod proof_shapes;
mod proofs;
mod replay;
mod requests;
mod sandbox_mode;
mod settlement;
mod startup;
mod support;
mod unfinished;
mod verify;
