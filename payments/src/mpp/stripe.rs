//! The method `stripe` of MPP: one file per protocol step, named as those of x402.
//!
//! [`offer`] is what a 402 asks for, [`decode`] what the payload of this method holds, [`verify`]
//! makes proofs of it, [`receipt`] says what was charged. [`token`] is what a card pays with.
//!
//! The way of a credential: [`decode`](super::decode::decode) makes an
//! [`UnverifiedCredential`](super::decode::UnverifiedCredential), which [`verify::verify`] turns into
//! a [`verify::VerifiedCredential`]; only [`verify::VerifiedCredential::in_window`] makes a
//! [`verify::LiveCharge`]. The verified one names its challenge ([`super::secrets::ChallengeId`]):
//! claim that id once, durably, before anything is sent to the card processor.
//!
//! How a 402 offers a card: once per route [`offer::Offer::new`]; per answer
//! [`offer::Offer::challenge`] with sixteen fresh random bytes, whose
//! [`offer::Challenge::header_value`] is a field `WWW-Authenticate` of its own. The body carries
//! [`offer::Offer::body_object`] as its member `mpp`, and the problem members of
//! [`super::error::ProblemType`]. No answer after which money may have moved carries a challenge:
//! clients would pay again.

pub mod decode;
pub mod offer;
pub mod receipt;
pub mod token;
pub mod verify;

/// The method's name in challenges, credentials and receipts.
pub const METHOD: &str = "stripe";
