//! The gateway as its users meet it: a real process, spoken to over HTTP only, with a real EVM node behind it.
//!
//! Every test is named by the case of the fault catalogue that it proves, or by its promise. A test that lacks its
//! real part (the node, a client's packages) fails and says how to install it; none is skipped in silence.
#![allow(clippy::unwrap_used)]

mod cache_balances;
mod cache_faults;
mod cache_replicas;
mod cli;
mod clients;
mod core_faults;
mod crash_matrix;
mod crash_points;
mod credits;
mod credits_who;
mod drain;
mod faults_fate;
mod faults_kill;
mod faults_node;
mod faults_reorg;
mod faults_signer;
mod framing;
mod free_tier;
mod http;
mod idempotency;
mod identity;
mod launch_api;
mod launch_api_content;
mod launch_api_create;
mod launch_api_media;
mod launch_api_patch;
mod launch_api_publish;
mod launch_api_read;
mod month_edge;
mod mpp_attacks;
mod mpp_fate;
mod mpp_faults;
mod mpp_launch;
mod mpp_verify;
mod operations;
mod operator_tools;
mod overload;
mod postgres_faults;
mod proof_shapes;
mod proofs;
mod reconcile;
mod reconcile_cards;
mod reconcile_chain;
mod reconcile_core;
mod refunds;
mod replay;
mod replicas;
mod requests;
mod rotation;
mod rotation_signers;
mod sandbox_mode;
mod settlement;
mod slow_peers;
mod startup;
mod support;
mod unfinished;
mod verify;
mod webhooks;
