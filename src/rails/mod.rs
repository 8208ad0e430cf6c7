//! Rails move money and say what became of it: settled with proof, failed with proof, or not known
//! yet.

pub mod base;
pub mod stripe;
