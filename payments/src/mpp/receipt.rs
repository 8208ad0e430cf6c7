//! What was charged, as the value of `Payment-Receipt`: base64url without padding, only ever beside
//! a 2xx answer.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::mpp::secrets::ChallengeId;
use crate::mpp::{METHOD, decode_lenient};
use crate::time::UnixMs;
use crate::x402::json::quoted;

/// The response header.
pub const RECEIPT_HEADER: &str = "Payment-Receipt";

/// A receipt of one settled charge. Nothing else has one: a launch paid from credits was not paid
/// now.
#[derive(Debug, Clone, Copy)]
pub struct Receipt<'a> {
    /// When it settled.
    pub settled_at: UnixMs,
    /// What the card processor calls it, `pi_...`.
    pub reference: &'a str,
    /// The order id, when the challenge bound one.
    pub external_id: Option<&'a str>,
    /// The challenge that was paid.
    pub challenge_id: Option<ChallengeId>,
}

impl Receipt<'_> {
    /// The header value.
    #[must_use]
    pub fn header_value(&self) -> String {
        let whole = self.settled_at.ms().rem_euclid(1000) == 0;
        let timestamp = if whole { self.settled_at.rfc3339_s() } else { self.settled_at.rfc3339() };
        let external_id = self
            .external_id
            .map(|id| format!(r#","externalId":{}"#, quoted(id)))
            .unwrap_or_default();
        let challenge_id =
            self.challenge_id.map(|id| format!(r#","challengeId":"{id}""#)).unwrap_or_default();
        let reference = quoted(self.reference);
        URL_SAFE_NO_PAD.encode(format!(
            r#"{{"method":"{METHOD}","status":"success","timestamp":"{timestamp}","reference":{reference}{external_id}{challenge_id}}}"#
        ))
    }
}

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
