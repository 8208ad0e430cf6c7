//! Is it Stripe? The signature of a webhook delivery over its raw body (<https://docs.stripe.com/webhooks#verify-manually>).

use std::fmt;

use hmac::{Hmac, Mac};
use payments::time::UnixMs;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::event::{CardEvent, read};

/// How old a delivery may be, and how far its time may lie ahead of ours, in seconds.
const TOLERANCE_S: u64 = 300;

/// Reads the deliveries of one endpoint.
pub struct Webhooks {
    secret: String,
    livemode: bool,
}

/// A delivery that is not believed, or says nothing that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// No time, no signature of the known scheme, or not the header's form.
    #[error("the signature header cannot be read")]
    Header,
    /// Too old, or too far ahead.
    #[error("the delivery is not of now")]
    Time,
    /// Signed by somebody else, or for another body.
    #[error("the signature does not match")]
    Signature,
    /// Signed, and no event.
    #[error("the body is no event")]
    Body,
    /// A test event where real money is meant, or the reverse.
    #[error("the event is of the other mode")]
    Mode,
}

// === impl Webhooks ===

impl Webhooks {
    /// With the endpoint's secret, the whole `whsec_...`. None for an empty one: everybody could sign with it.
    pub fn new(secret: &str, livemode: bool) -> Option<Self> {
        (!secret.is_empty()).then(|| Self { secret: secret.to_owned(), livemode })
    }

    /// The event of a delivery: its raw body and its `Stripe-Signature`.
    ///
    /// # Errors
    /// [`WebhookError`]: nothing of it may be believed.
    pub fn read(&self, signature: &str, body: &[u8], now: UnixMs) -> Result<CardEvent, WebhookError> {
        self.verify(signature, body, now)?;
        let event = read(body).ok_or(WebhookError::Body)?;
        if event.livemode == self.livemode { Ok(event) } else { Err(WebhookError::Mode) }
    }

    /// Whether one of the header's `v1` signatures is that of the body; several stand there while a secret is rolled.
    pub(super) fn verify(&self, header: &str, body: &[u8], now: UnixMs) -> Result<(), WebhookError> {
        let (time, signatures) = parts(header).ok_or(WebhookError::Header)?;
        let expected = hex::encode(self.mac(time, body));
        // Every one is compared, in constant time; the hex is lower case, as Stripe writes it.
        let right = signatures.iter().fold(false, |right, given| bool::from(given.as_bytes().ct_eq(expected.as_bytes())) | right);
        if !right {
            return Err(WebhookError::Signature);
        }
        let at: u64 = time.parse().map_err(|_| WebhookError::Header)?;
        if now.protocol_s().abs_diff(at) <= TOLERANCE_S { Ok(()) } else { Err(WebhookError::Time) }
    }

    fn mac(&self, time: &str, body: &[u8]) -> Vec<u8> {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()) else { return Vec::new() };
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac.finalize().into_bytes().to_vec()
    }
}

/// Not the secret.
impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks").field("livemode", &self.livemode).finish_non_exhaustive()
    }
}

/// The digits of `t` and the `v1` signatures; other schemes are passed over.
fn parts(header: &str) -> Option<(&str, Vec<&str>)> {
    let (mut time, mut signatures) = (None, Vec::new());
    for (name, value) in header.split(',').filter_map(|part| part.split_once('=')) {
        match name {
            "t" if time.is_none() && !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => time = Some(value),
            "t" => return None,
            "v1" => signatures.push(value),
            _ => {}
        }
    }
    (!signatures.is_empty()).then_some((time?, signatures))
}
