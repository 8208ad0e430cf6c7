//! Rails move money and say what became of it: settled with proof, failed with proof, or not known yet.

pub mod base;
#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "the service does not offer cards yet"))]
pub mod stripe;
