//! Who is behind the gateway: any API, described by a profile; by default the embedded launch core.

pub mod contract;
pub mod forwarder;
pub mod identity;
pub mod launch_core;
#[cfg(test)]
mod mutations;
pub mod profile;
pub mod way;
