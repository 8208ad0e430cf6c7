//! What a 402 asks for: version 2 in the header `PAYMENT-REQUIRED`, version 1 at the top of the
//! body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Response;
use payments::agent::Wallet;
use payments::money::UsdcUnits;
use payments::x402::X402Version;
use payments::x402::offer::Network;
use serde_json::Value;

/// Which version of a challenge is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// The header of version 2 where it is there, else the body of version 1.
    #[default]
    NewestFirst,
    /// Only the body of version 1.
    OnlyV1,
}

/// The 402 does not say how to pay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// Neither the header nor the body is a challenge.
    #[error(
        "the 402 holds no x402 challenge: neither a PAYMENT-REQUIRED header nor a body with x402Version 1"
    )]
    None,
    /// The header is there and cannot be read.
    #[error("the PAYMENT-REQUIRED header is not base64 of a JSON object with x402Version 2")]
    Header,
    /// It offers nothing.
    #[error("the challenge has no accepts")]
    NoOffer,
}

/// A decoded challenge.
#[derive(Clone, Debug)]
pub struct Challenge {
    version: X402Version,
    json: Value,
    offers: Vec<Offer>,
}

/// One way to pay, as far as this agent understands it.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The scheme; this agent pays `exact`.
    pub scheme: String,
    /// The chain's name as the challenge writes it.
    pub network: String,
    /// How much, in units of the token; `None` when the text is no such number.
    pub amount: Option<UsdcUnits>,
    /// The token.
    pub asset: Option<Wallet>,
    /// Who is paid.
    pub pay_to: Option<Wallet>,
    /// How long an authorization should be valid, in seconds.
    pub max_timeout_s: u64,
    /// The name of the token's signing domain.
    pub domain_name: String,
    /// Its version.
    pub domain_version: String,
    /// The element as it came: version 2 wants it back.
    pub(super) element: Value,
}

// === impl Challenge ===

impl Challenge {
    /// Reads the challenge of a 402.
    ///
    /// # Errors
    /// [`ChallengeError`].
    pub fn read(response: &Response<Bytes>, reading: Reading) -> Result<Self, ChallengeError> {
        let header =
            response.headers().get("payment-required").filter(|_| reading == Reading::NewestFirst);
        match header {
            Some(value) => {
                let json = STANDARD
                    .decode(value.as_bytes())
                    .ok()
                    .and_then(|bytes| serde_json::from_slice(&bytes).ok());
                Self::of(X402Version::V2, json.ok_or(ChallengeError::Header)?)
            }
            None => {
                let json =
                    serde_json::from_slice(response.body()).map_err(|_| ChallengeError::None)?;
                Self::of(X402Version::V1, json)
            }
        }
    }

    /// The version that it speaks, and that the proof must speak.
    #[must_use]
    pub const fn version(&self) -> X402Version {
        self.version
    }

    /// The whole challenge, decoded.
    #[must_use]
    pub const fn json(&self) -> &Value {
        &self.json
    }

    /// Every way to pay.
    #[must_use]
    pub fn offers(&self) -> &[Offer] {
        &self.offers
    }

    fn of(version: X402Version, json: Value) -> Result<Self, ChallengeError> {
        let (number, wrong) = match version {
            X402Version::V1 => (1, ChallengeError::None),
            X402Version::V2 => (2, ChallengeError::Header),
        };
        if json.get("x402Version").and_then(Value::as_u64) != Some(number) {
            return Err(wrong);
        }
        let accepts = json.get("accepts").and_then(Value::as_array);
        let offers: Vec<_> =
            accepts.into_iter().flatten().map(|element| Offer::of(version, element)).collect();
        if offers.is_empty() {
            Err(ChallengeError::NoOffer)
        } else {
            Ok(Self { version, json, offers })
        }
    }
}

// === impl Offer ===

impl Offer {
    fn of(version: X402Version, element: &Value) -> Self {
        let text = |path: &str| {
            element.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let address = |path: &str| Wallet::parse_any_case(&text(path)).ok();
        let amount = match version {
            X402Version::V1 => text("/maxAmountRequired"),
            X402Version::V2 => text("/amount"),
        };
        let is_decimal = !amount.is_empty() && amount.bytes().all(|digit| digit.is_ascii_digit());
        Self {
            scheme: text("/scheme"),
            network: text("/network"),
            amount: amount.parse().ok().filter(|_| is_decimal).map(UsdcUnits::new),
            asset: address("/asset"),
            pay_to: address("/payTo"),
            max_timeout_s: element.get("maxTimeoutSeconds").and_then(Value::as_u64).unwrap_or(0),
            domain_name: text("/extra/name"),
            domain_version: text("/extra/version"),
            element: element.clone(),
        }
    }

    /// Whether the offer names this chain, in the words of either version.
    #[must_use]
    pub fn is_on(&self, network: &Network) -> bool {
        self.network == network.caip2() || network.v1_name() == Some(self.network.as_str())
    }
}
