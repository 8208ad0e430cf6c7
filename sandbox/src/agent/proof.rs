//! A signed EIP-3009 authorization and the header that carries it.

use alloy_primitives::U256;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};
use payments::agent::Wallet;
use payments::x402::X402Version;
use payments::x402::eip712::{self, TransferMessage};
use serde_json::{Value, json};

use super::Moment;
use super::spending::Agreed;
use crate::wallet::Signer;

/// How far back an authorization begins: the clocks of wallet and chain differ.
const BEGINS_BEFORE_S: u64 = 600;
/// No authorization is left open longer than this, whatever a server asks for.
const LONGEST_WINDOW_S: u64 = 3600;

/// A proof of payment for one request.
#[derive(Clone, Debug)]
pub struct Proof {
    version: X402Version,
    json: Value,
    encoded: HeaderValue,
}

// === impl Proof ===

impl Proof {
    /// Signs for exactly what was agreed to.
    #[must_use]
    pub fn sign(signer: &Signer, agreed: &Agreed, moment: &Moment) -> Self {
        let message = TransferMessage {
            from: Wallet::new(signer.address().into_array()),
            to: agreed.pay_to,
            value: U256::from(agreed.amount.get()),
            valid_after: U256::from(moment.now_unix_s.saturating_sub(BEGINS_BEFORE_S)),
            valid_before: U256::from(
                moment.now_unix_s.saturating_add(agreed.max_timeout_s.min(LONGEST_WINDOW_S)),
            ),
            nonce: moment.nonce,
        };
        let signature =
            signer.sign_digest(eip712::digest(agreed.token.domain_separator(), &message));
        let payload = json!({
            "signature": format!("0x{}", hex::encode(signature)),
            "authorization": {
                "from": message.from.checksummed(), "to": message.to.checksummed(), "value": message.value.to_string(),
                "validAfter": message.valid_after.to_string(), "validBefore": message.valid_before.to_string(),
                "nonce": format!("0x{}", hex::encode(message.nonce)),
            },
        });
        let version = agreed.version;
        let json = match version {
            X402Version::V1 => {
                json!({"x402Version": 1, "scheme": "exact", "network": agreed.network, "payload": payload})
            }
            X402Version::V2 => {
                let mut json =
                    json!({"x402Version": 2, "accepted": agreed.element, "payload": payload});
                if let Some(resource) = &agreed.resource {
                    json["resource"] = resource.clone();
                }
                json
            }
        };
        let encoded = STANDARD.encode(json.to_string());
        // Base64 has no byte that a header may not hold.
        let encoded =
            HeaderValue::from_str(&encoded).unwrap_or_else(|_| HeaderValue::from_static(""));
        Self { version, json, encoded }
    }

    /// `payment-signature`, or `x-payment` for version 1.
    #[must_use]
    pub const fn header_name(&self) -> HeaderName {
        match self.version {
            X402Version::V1 => HeaderName::from_static("x-payment"),
            X402Version::V2 => HeaderName::from_static("payment-signature"),
        }
    }

    /// The payload in base64.
    #[must_use]
    pub fn header_value(&self) -> HeaderValue {
        self.encoded.clone()
    }

    /// The payload, decoded. It can be settled by whoever holds it: show it to its payer only.
    #[must_use]
    pub const fn json(&self) -> &Value {
        &self.json
    }
}
