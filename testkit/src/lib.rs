//! What the tests of the rules and of their backends share: the suite that every backend of the
//! books must pass, a wallet that signs, a clock turned by hand, and stand-ins for the world that
//! answer what they are told and remember what they were asked. No release links it.
//!
//! | module | one thing |
//! |---|---|
//! | [`suite`] | one promise of the books per function; [`crate::books_suite`] makes a test of each |
//! | [`suite`], [`crate::reconcile_suite`] | the same for what comparisons read and write |
//! | [`memory`] | books in memory, that pass the suite |
//! | [`wallet`] | signs EIP-3009 authorizations and has them verified the real way |
//! | [`clock`] | time and ids that move when told |
//! | [`cache_suite`] | the same for the limiter and the memory of proofs: [`crate::limiter_suite`], [`crate::proofs_suite`] |
//! | [`rail`], [`upstream`], [`proofs`], [`balances`] | the chain, the API behind us, the fast memory |
//! | [`cards`] | the card processor |
//! | [`world`] | all of them together |
//! | [`run`] | runs futures without a runtime |
//! | [`mutation`] | bytes that are nearly right |
//! | [`parsers`] | what every parser of foreign bytes must keep: the fuzzer and the tests run the same functions |
//! | [`vectors`] | the recorded payments of published clients |
//! | [`sim`] | a whole world that goes wrong by a seed |
#![allow(clippy::unwrap_used)]

pub mod balances;
pub mod cache_suite;
pub mod cards;
pub mod clock;
pub mod memory;
pub mod mutation;
pub mod parsers;
pub mod proofs;
pub mod rail;
pub mod run;
pub mod sim;
pub mod suite;
pub mod upstream;
pub mod vectors;
pub mod wallet;
pub mod world;
