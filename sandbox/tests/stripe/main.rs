//! The Stripe emulator, used as its clients use it: over HTTP.
#![allow(clippy::unwrap_used)]

mod behaviour;
mod cards;
mod control;
mod durability;
mod faults;
mod idempotency;
mod lists;
mod money;
mod npm;
mod published;
mod signature;
mod support;
mod tokens;
mod webhooks;
mod wire;
