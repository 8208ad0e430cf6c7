//! Who is behind the gateway.
pub mod identity;
