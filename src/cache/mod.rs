//! What may be lost at any time: it changes speed, never money.

pub mod memory;
pub mod redis;
pub mod used;
