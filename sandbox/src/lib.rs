//! The stand-ins.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod chain;
pub mod wallet;
