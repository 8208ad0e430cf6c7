//! Who is behind the gateway: any API, described by a profile; by default the embedded launch core
//! (`launch-core/`).

pub mod contract;
pub mod forwarder;
#[cfg(test)]
mod mutations;
pub mod profile;
pub mod way;
