//! The rail against a Stripe that says what a test wants.
#![allow(clippy::unwrap_used)]

mod canned;
mod charge;
mod find;
mod params;
mod reads;
mod refund;
mod transport;
mod webhook;
mod world;
