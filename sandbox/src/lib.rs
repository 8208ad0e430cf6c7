//! The stand-ins.

pub mod agent;
pub mod chain;
pub mod wallet;
