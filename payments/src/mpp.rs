//! MPP (the HTTP authentication scheme `Payment`), intent `charge`: what all of its methods share, and
//! a module for each method that we take.
//!
//! [`decode`] reads what a client sent, [`secrets`] holds the MAC that makes a challenge ours
//! without a row in any database, [`receipt`] is what a client reads of a payment. [`account`] names
//! the account behind a card and [`agent_token`] opens it later; [`client`] is the other side, for
//! our own paying agent. [`stripe`] is the method that charges cards.

pub mod accept;
pub mod account;
pub mod agent_token;
pub mod client;
pub mod decode;
pub mod digest;
pub mod error;
pub mod jcs;
pub mod receipt;
pub mod secrets;
pub mod stripe;

use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

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
