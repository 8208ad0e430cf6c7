//! What became of a payment, as the value of `PAYMENT-RESPONSE` (version 2) or `X-PAYMENT-RESPONSE`
//! (version 1). Standard base64 with padding; `transaction` and `network` are there even on
//! failure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::agent::Wallet;
use crate::money::UsdcUnits;
use crate::x402::X402Version;
use crate::x402::json::quoted;
use crate::x402::offer::Network;

/// The outcome of a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// On the chain, in this transaction.
    Settled {
        /// The transaction hash.
        transaction: [u8; 32],
        /// What was transferred.
        amount: UsdcUnits,
    },
    /// Proven not to have happened.
    Failed {
        /// The reason's code.
        reason: &'a str,
    },
    /// Sent, not known yet. The transaction is the payer's only anchor: name it whenever there is
    /// one.
    Pending {
        /// The transaction hash, once there is one.
        transaction: Option<[u8; 32]>,
    },
}

/// A receipt for one payer.
#[derive(Debug, Clone, Copy)]
pub struct Receipt<'a> {
    /// The chain.
    pub network: &'a Network,
    /// The payer, when proven.
    pub payer: Option<Wallet>,
    /// What became of it.
    pub outcome: Outcome<'a>,
}

impl Receipt<'_> {
    /// The header value for a payer of this version; its name is [`X402Version::response_header`].
    /// `None` for version 1 on a chain that version 1 cannot name.
    #[must_use]
    pub fn header_value(&self, version: X402Version) -> Option<String> {
        let network = match version {
            X402Version::V1 => self.network.v1_name()?,
            X402Version::V2 => self.network.caip2(),
        };
        Some(STANDARD.encode(self.json(version, network)))
    }

    fn json(&self, version: X402Version, network: &str) -> String {
        let (success, reason, transaction) = match self.outcome {
            Outcome::Settled { transaction, .. } => (true, None, Some(transaction)),
            Outcome::Failed { reason } => (false, Some(reason), None),
            Outcome::Pending { transaction } => (false, Some("settlement_pending"), transaction),
        };
        let reason = reason
            .map(|reason| format!(r#""errorReason":{},"#, quoted(reason)))
            .unwrap_or_default();
        let transaction =
            transaction.map(|hash| format!("0x{}", hex::encode(hash))).unwrap_or_default();
        let payer = self
            .payer
            .map(|payer| format!(r#","payer":"{}""#, payer.checksummed()))
            .unwrap_or_default();
        let amount = match (version, self.outcome) {
            (X402Version::V2, Outcome::Settled { amount, .. }) => {
                format!(r#","amount":"{}""#, amount.get())
            }
            _ => String::new(),
        };
        format!(
            r#"{{"success":{success},{reason}"transaction":"{transaction}","network":"{network}"{payer}{amount}}}"#
        )
    }
}
