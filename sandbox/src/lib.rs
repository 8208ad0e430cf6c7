//! The stand-ins.

pub mod agent;
pub mod chain;
mod log;
pub mod stripe;
pub mod wallet;

pub use log::LogError;
