//! x402, scheme `exact` with EIP-3009: one file per protocol step.
//!
//! [`offer`] is what a 402 asks for, [`decode`] reads what a client sent, [`verify`] makes proofs of
//! it, [`receipt`] says what became of it; [`eip712`] hashes what was signed. Versions 1 and 2
//! differ in names only; a payment is routed by the `x402Version` inside it, never by the name of
//! the header that carried it.

pub mod decode;
pub mod eip712;
pub mod identifier;
pub(crate) mod json;
pub mod offer;
pub mod receipt;
mod signature;
pub mod verify;

use serde::{Deserialize, Serialize};

/// The protocol version that a payment speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum X402Version {
    /// `X-PAYMENT`, network names such as `base`.
    V1,
    /// `PAYMENT-SIGNATURE`, CAIP-2 networks such as `eip155:8453`.
    V2,
}

impl X402Version {
    /// The response header that a payer of this version reads.
    #[must_use]
    pub const fn response_header(self) -> &'static str {
        match self {
            Self::V1 => "X-PAYMENT-RESPONSE",
            Self::V2 => "PAYMENT-RESPONSE",
        }
    }
}

impl From<X402Version> for u8 {
    fn from(version: X402Version) -> Self {
        match version {
            X402Version::V1 => 1,
            X402Version::V2 => 2,
        }
    }
}

impl TryFrom<u8> for X402Version {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match number {
            1 => Ok(Self::V1),
            2 => Ok(Self::V2),
            _ => Err("x402Version is 1 or 2"),
        }
    }
}
