//! The identity of one payment. Never the signature bytes and never the header: both have many
//! spellings for one authorization, and only the token's own key (authorizer, nonce) can be spent
//! once. For a card it is the challenge that we made and the payment token that answered it.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

pub use crate::mpp::secrets::ChallengeId;

use crate::agent::Wallet;

/// (chain, token, payer, nonce): what the token contract lets happen once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentKey {
    /// The EIP-155 chain id.
    pub chain_id: u64,
    /// The token contract.
    pub token: Wallet,
    /// The authorizer, who pays.
    pub from: Wallet,
    /// The authorization's nonce.
    pub nonce: [u8; 32],
}

impl PaymentKey {
    /// Sixteen hexadecimal digits that stand for this key in logs.
    #[must_use]
    pub fn log_id(&self) -> String {
        let hash = Sha256::digest(self.to_string().as_bytes());
        hex::encode(&hash[..8])
    }
}

/// The canonical text, unique per key: `eip155:<chain>/0x<token>/0x<from>/0x<nonce>` in lower case.
impl fmt::Display for PaymentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nonce = hex::encode(self.nonce);
        write!(f, "eip155:{}/{}/{}/0x{nonce}", self.chain_id, self.token, self.from)
    }
}

/// One of our challenges, answered with one payment token. Each of the two happens once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChargeKey {
    /// The challenge.
    pub challenge_id: ChallengeId,
    /// SHA-256 of the shared payment token. The token itself is never kept in the clear.
    pub token_sha256: [u8; 32],
}

impl ChargeKey {
    /// Sixteen hexadecimal digits that stand for this key in logs.
    #[must_use]
    pub fn log_id(&self) -> String {
        hex::encode(&Sha256::digest(self.challenge_id.0)[..8])
    }
}

/// What a request proves itself with, of either protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProofKey {
    /// x402: an authorization of the token contract.
    Authorization(PaymentKey),
    /// MPP: a challenge with the payment token that answered it.
    Charge(ChargeKey),
}

impl ProofKey {
    /// The authorization, if it is one.
    #[must_use]
    pub const fn authorization(&self) -> Option<&PaymentKey> {
        match self {
            Self::Authorization(key) => Some(key),
            Self::Charge(_) => None,
        }
    }

    /// The challenge and token, if it is those.
    #[must_use]
    pub const fn charge(&self) -> Option<&ChargeKey> {
        match self {
            Self::Charge(key) => Some(key),
            Self::Authorization(_) => None,
        }
    }
}

/// The text is not a payment key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a payment key is eip155:<chain>/0x<token>/0x<from>/0x<nonce>")]
pub struct NotAPaymentKey;

/// Reads the canonical text and nothing else.
impl FromStr for PaymentKey {
    type Err = NotAPaymentKey;

    fn from_str(text: &str) -> Result<Self, NotAPaymentKey> {
        let parts: Vec<&str> = text.split('/').collect();
        let [chain, token, from, nonce] = parts[..] else {
            return Err(NotAPaymentKey);
        };
        let chain_id =
            chain.strip_prefix("eip155:").and_then(|id| id.parse().ok()).ok_or(NotAPaymentKey)?;
        let wallet = |part| Wallet::parse_any_case(part).map_err(|_| NotAPaymentKey);
        let mut key = Self { chain_id, token: wallet(token)?, from: wallet(from)?, nonce: [0; 32] };
        let digits = nonce.strip_prefix("0x").ok_or(NotAPaymentKey)?;
        hex::decode_to_slice(digits, &mut key.nonce).map_err(|_| NotAPaymentKey)?;
        if key.to_string() == text { Ok(key) } else { Err(NotAPaymentKey) }
    }
}

impl fmt::Debug for PaymentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PaymentKey({})", self.log_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_changes_the_key() {
        let wallet = |byte| Wallet::new([byte; 20]);
        let key = PaymentKey { chain_id: 8453, token: wallet(1), from: wallet(2), nonce: [3; 32] };
        let others = [
            PaymentKey { chain_id: 84532, ..key },
            PaymentKey { token: wallet(9), ..key },
            PaymentKey { from: wallet(9), ..key },
            PaymentKey { nonce: [9; 32], ..key },
        ];
        for other in others {
            assert_ne!(key.to_string(), other.to_string());
            assert_ne!(key.log_id(), other.log_id());
        }
        assert_eq!(key.log_id().len(), 16);
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!(key.to_string().to_uppercase().parse::<PaymentKey>(), Err(NotAPaymentKey));
        assert_eq!("eip155:1/2".parse::<PaymentKey>(), Err(NotAPaymentKey));
        assert!(key.to_string().starts_with("eip155:8453/0x01"));
    }
}
