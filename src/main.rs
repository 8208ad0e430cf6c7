//! The service.

pub mod strict_toml;
pub mod upstream;

fn main() {}
