//! The rail against a Stripe that says what a test wants.
#![allow(clippy::unwrap_used)]

mod canned;
mod charge;
mod charge_unknown;
#[cfg(feature = "sandbox")]
mod emulator;
mod find;
mod params;
mod proofs;
mod reads;
mod refund;
mod transport;
mod webhook;
mod world;
