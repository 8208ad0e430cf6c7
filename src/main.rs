//! The service.

pub mod config;
pub mod strict_toml;
pub mod upstream;

fn main() {}
