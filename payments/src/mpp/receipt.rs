//! A receipt as clients read it from any server, the value of `Payment-Receipt`: base64url without
//! padding, only ever beside a 2xx answer.

use serde_json::Value;

use crate::mpp::decode_lenient;
use crate::time::UnixMs;

/// The response header.
pub const RECEIPT_HEADER: &str = "Payment-Receipt";

/// A receipt as a client reads it, from any server; members that it does not know are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedReceipt {
    /// The payment method.
    pub method: String,
    /// What the payment is called there: `pi_...`, a transaction hash.
    pub reference: String,
    /// When it settled, in RFC 3339.
    pub timestamp: String,
    /// The order id.
    pub external_id: Option<String>,
    /// The challenge that was paid.
    pub challenge_id: Option<String>,
}

impl ReceivedReceipt {
    /// Reads the header's value; `None` when it is no receipt of success.
    #[must_use]
    pub fn decode(header_value: &str) -> Option<Self> {
        let json: Value =
            serde_json::from_slice(&decode_lenient(header_value.trim().as_bytes()).ok()?).ok()?;
        let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
        if text("status")? != "success" {
            return None;
        }
        let timestamp = text("timestamp")?;
        UnixMs::parse_rfc3339(&timestamp)?;
        Some(Self {
            method: text("method")?,
            reference: text("reference")?,
            timestamp,
            external_id: text("externalId"),
            challenge_id: text("challengeId"),
        })
    }
}
