//! Is it Stripe? The signature of a webhook delivery over its raw body
//! (<https://docs.stripe.com/webhooks#verify-manually>).

use std::fmt;

use hmac::{Hmac, Mac};
use payments::{
    ports::{CardEvent, CardEvents, EventRefusal},
    time::UnixMs,
};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::event::read;

/// How old a delivery may be, and how far its time may lie ahead of ours, in seconds.
const TOLERANCE_S: u64 = 300;

/// Reads the deliveries of one endpoint.
pub struct Webhooks {
    secret: String,
    livemode: bool,
}

// === impl Webhooks ===

impl Webhooks {
    /// With the endpoint's secret, the whole `whsec_...`. None for an empty one: everybody could
    /// sign with it.
    pub fn new(secret: &str, livemode: bool) -> Option<Self> {
        (!secret.is_empty()).then(|| Self { secret: secret.to_owned(), livemode })
    }

    fn event(&self, signature: &str, body: &[u8], now: UnixMs) -> Result<CardEvent, EventRefusal> {
        self.verify(signature, body, now)?;
        let event = read(body, self.livemode).ok_or(EventRefusal::Body)?;
        if event.livemode == self.livemode {
            return Ok(event);
        }
        tracing::warn!(event = event.id, kind = event.kind, "stripe.event_of_the_other_mode");
        Err(EventRefusal::Mode)
    }

    /// Whether one of the header's `v1` signatures is that of the body; several stand there while a
    /// secret is rolled.
    pub(super) fn verify(
        &self,
        header: &str,
        body: &[u8],
        now: UnixMs,
    ) -> Result<(), EventRefusal> {
        let (time, signatures) = parts(header).ok_or(EventRefusal::Header)?;
        let expected = hex::encode(self.mac(time, body));
        // Every one is compared, in constant time; the hex is lower case, as Stripe writes it.
        let right = signatures.iter().fold(false, |right, given| {
            bool::from(given.as_bytes().ct_eq(expected.as_bytes())) | right
        });
        if !right {
            return Err(EventRefusal::Signature);
        }
        let at: u64 = time.parse().map_err(|_| EventRefusal::Header)?;
        if now.protocol_s().abs_diff(at) <= TOLERANCE_S { Ok(()) } else { Err(EventRefusal::Time) }
    }

    fn mac(&self, time: &str, body: &[u8]) -> Vec<u8> {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()) else {
            return Vec::new();
        };
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac.finalize().into_bytes().to_vec()
    }
}

impl CardEvents for Webhooks {
    fn read(&self, signature: &str, body: &[u8], now: UnixMs) -> Result<CardEvent, EventRefusal> {
        self.event(signature, body, now)
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
            "t" if time.is_none()
                && !value.is_empty()
                && value.bytes().all(|b| b.is_ascii_digit()) =>
            {
                time = Some(value)
            }
            "t" => return None,
            "v1" => signatures.push(value),
            _ => {}
        }
    }
    (!signatures.is_empty()).then_some((time?, signatures))
}
