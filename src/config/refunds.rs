//! `[refunds]`: money on its way back.

use serde::{Deserialize, Serialize};

use super::{Secret, Usdc};

/// `[refunds]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Refunds {
    /// Hours after its approval from which on a refund that is not decided is a finding.
    pub stuck_after_hours: u32,
    /// The key of the wallet that pays refunds in USDC, and nothing else; 32 bytes in hex. Not set:
    /// USDC goes back by hand.
    pub signer_key: Secret,
    /// The most that may be approved in USDC on one day in UTC.
    pub usdc_per_day: Usdc,
}

impl Default for Refunds {
    fn default() -> Self {
        Self {
            stuck_after_hours: 48,
            signer_key: Secret::default(),
            usdc_per_day: Usdc::from_minor(100_000_000),
        }
    }
}
