//! What the server says became of the payment.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Response;
use serde_json::Value;

/// The decoded `PAYMENT-RESPONSE` (version 2) or `X-PAYMENT-RESPONSE` (version 1): `success`,
/// `transaction`, `network`, `payer`. `None` when nothing was settled, or when it cannot be read.
#[must_use]
pub fn of(response: &Response<Bytes>) -> Option<Value> {
    let headers = response.headers();
    let value = headers.get("payment-response").or_else(|| headers.get("x-payment-response"))?;
    let bytes = STANDARD.decode(value.as_bytes()).ok()?;
    serde_json::from_slice(&bytes).ok().filter(Value::is_object)
}
