//! The header `Stripe-Signature` (<https://docs.stripe.com/webhooks/signature>).

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// `t=<at_unix_s>,v1=<lower-case hex of HMAC-SHA256(secret, "<at_unix_s>.<body>")>`. The key is the
/// whole `whsec_...` text.
pub fn sign(secret: &str, at_unix_s: u64, body: &[u8]) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(at_unix_s.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("t={at_unix_s},v1={}", hex::encode(mac.finalize().into_bytes()))
}
