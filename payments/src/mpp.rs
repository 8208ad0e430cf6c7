//! MPP (the HTTP authentication scheme `Payment`), method `stripe`, intent `charge`: one file per
//! protocol step.
//!
//! [`challenge`] is what we offer, [`credential`] reads what a client sent, [`verify`] makes proofs
//! of it, [`receipt`] says what became of it. [`secrets`] holds the MAC that makes a challenge ours
//! without a row in any database, [`account`] names the account behind a card and [`agent_token`]
//! opens it later, [`client`] is the other side, for our own paying agent.
//!
//! The way of a credential: [`credential::decode`] makes an [`credential::UnverifiedCredential`],
//! which [`verify::verify`] turns into a [`verify::VerifiedCredential`]; only
//! [`verify::VerifiedCredential::in_window`] makes a [`verify::LiveCharge`]. The verified one names
//! its challenge ([`secrets::ChallengeId`]): claim that id once, durably, before anything is sent
//! to the card processor.
//!
//! How a 402 offers a card: once per route [`challenge::Offer::new`]; per answer
//! [`challenge::Offer::challenge`] with sixteen fresh random bytes, whose
//! [`challenge::Challenge::header_value`] is a field `WWW-Authenticate` of its own. The body
//! carries [`challenge::Offer::body_object`] as its member `mpp`, and the problem members of
//! [`error::ProblemType`]. No answer after which money may have moved carries a challenge: clients
//! would pay again.

pub mod accept;
pub mod account;
pub mod agent_token;
pub mod challenge;
pub mod client;
pub mod credential;
pub mod digest;
pub mod error;
pub mod jcs;
pub mod receipt;
pub mod secrets;
pub mod token;
pub mod verify;

use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The payment method that we offer.
pub const METHOD: &str = "stripe";
/// The intent that we offer: one payment, now.
pub const INTENT: &str = "charge";
/// Longest credential field and longest decoded `request`, in bytes (the published implementations'
/// limits).
pub const MAX_CREDENTIAL_BYTES: usize = 64 * 1024;

/// What clients send in either alphabet, padded or not.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const LENIENT_STANDARD: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const LENIENT_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// Decodes base64 in either alphabet, padded or not; never both alphabets in one text.
fn decode_lenient(text: &[u8]) -> Result<Vec<u8>, base64::DecodeError> {
    use base64::Engine;
    let url_safe = text.iter().any(|b| matches!(b, b'-' | b'_'));
    if url_safe { LENIENT_URL_SAFE.decode(text) } else { LENIENT_STANDARD.decode(text) }
}
