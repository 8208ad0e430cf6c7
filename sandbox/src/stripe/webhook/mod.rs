//! Events on their way to the gateway: signed as Stripe signs them, sent by a queue that survives
//! the process.
//!
//! Stripe promises neither order nor that an event comes once; this queue sends in order until it
//! is told otherwise.

mod queue;
mod signature;

pub(super) use queue::run;
pub use signature::sign;
