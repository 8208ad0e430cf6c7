//! The rules of Turnpike: what must be true of every payment. Nothing here performs I/O; time, ids and randomness
//! come in as arguments.

pub mod agent;
pub mod error;
pub mod fingerprint;
pub mod money;
pub mod proof;
