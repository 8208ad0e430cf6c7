//! Who is behind the gateway.
pub mod identity;
pub mod launch_core;
