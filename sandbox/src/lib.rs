//! The stand-ins.

pub mod chain;
pub mod wallet;
