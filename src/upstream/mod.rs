//! Who is behind the gateway: any API, described by a profile.

pub mod agent_rules;
pub mod contract;
pub mod profile;
