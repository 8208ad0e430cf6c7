//! Who pays: a wallet that signed, or a card account that the card processor vouched for.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::keccak256;
use serde::{Deserialize, Serialize};

/// Why a text names no wallet or payer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// Not `0x` and 40 hexadecimal digits.
    #[error("an address is 0x and 40 hexadecimal digits")]
    NotAnAddress,
    /// Mixed case whose EIP-55 checksum is wrong: probably mistyped.
    #[error("the address is in mixed case and its EIP-55 checksum is wrong")]
    WrongChecksum,
    /// Neither `wallet:0x...` nor `card:...`.
    #[error("a payer is wallet:0x... or card:...")]
    NotAPayer,
}

/// A 20-byte account on an EVM chain: a payer, a receiver or a token contract.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wallet([u8; 20]);

impl Wallet {
    /// From the raw bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// Reads what a person may have typed: all lower case, all upper case, or mixed case with a
    /// right EIP-55 checksum.
    ///
    /// # Errors
    /// [`AgentError::NotAnAddress`] or [`AgentError::WrongChecksum`].
    pub fn parse(text: &str) -> Result<Self, AgentError> {
        let wallet = Self::parse_any_case(text)?;
        let digits = &text[2..];
        let one_case = !digits.bytes().any(|b| b.is_ascii_lowercase())
            || !digits.bytes().any(|b| b.is_ascii_uppercase());
        if one_case || wallet.checksummed() == text {
            Ok(wallet)
        } else {
            Err(AgentError::WrongChecksum)
        }
    }

    /// Reads what a machine sent: EVM addresses compare case-insensitively on the wire, and a
    /// signature covers the bytes, so the case says nothing there.
    ///
    /// # Errors
    /// [`AgentError::NotAnAddress`].
    pub fn parse_any_case(text: &str) -> Result<Self, AgentError> {
        let digits = text.strip_prefix("0x").ok_or(AgentError::NotAnAddress)?;
        let mut bytes = [0; 20];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| AgentError::NotAnAddress)?;
        Ok(Self(bytes))
    }

    /// The EIP-55 form, as wallets and explorers show it.
    #[must_use]
    pub fn checksummed(&self) -> String {
        let mut lower = [0; 40];
        let lower_len = lower.len();
        if hex::encode_to_slice(self.0, &mut lower).is_err() {
            return self.to_string();
        }
        let hash = keccak256(lower);
        let mut text = String::with_capacity(lower_len + 2);
        text.push_str("0x");
        for (i, digit) in lower.into_iter().enumerate() {
            let nibble = (hash[i / 2] >> (if i % 2 == 0 { 4 } else { 0 })) & 0x0f;
            text.push(char::from(if nibble >= 8 { digit.to_ascii_uppercase() } else { digit }));
        }
        text
    }
}

impl fmt::Display for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wallet({self})")
    }
}

impl FromStr for Wallet {
    type Err = AgentError;

    fn from_str(text: &str) -> Result<Self, AgentError> {
        Self::parse(text)
    }
}

impl Serialize for Wallet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Wallet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The account that a payment, a free slot or a credit belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payer {
    /// The wallet that signed.
    Wallet(Wallet),
    /// A card account, named by a keyed hash of what the card processor says of it.
    Card(String),
}

impl Payer {
    /// Parses a payer as operators write it: an address alone stands for its wallet.
    pub fn read(text: &str) -> Option<Self> {
        if text.starts_with("0x") {
            Wallet::parse(text).map(Self::Wallet).ok()
        } else {
            text.parse().ok()
        }
    }
}

impl fmt::Display for Payer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wallet(wallet) => write!(f, "wallet:{wallet}"),
            Self::Card(hash) => write!(f, "card:{hash}"),
        }
    }
}

impl FromStr for Payer {
    type Err = AgentError;

    fn from_str(text: &str) -> Result<Self, AgentError> {
        match text.split_once(':') {
            Some(("wallet", address)) => Wallet::parse(address).map(Self::Wallet),
            Some(("card", hash)) if is_account_hash(hash) => Ok(Self::Card(hash.to_owned())),
            _ => Err(AgentError::NotAPayer),
        }
    }
}

fn is_account_hash(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const CHECKSUMMED: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

    #[test]
    fn every_right_spelling_names_the_same_wallet() {
        let wallet = Wallet::parse(CHECKSUMMED).unwrap();
        let upper = format!("0x{}", CHECKSUMMED[2..].to_uppercase());
        assert_eq!(Wallet::parse(&CHECKSUMMED.to_lowercase()), Ok(wallet));
        assert_eq!(Wallet::parse(&upper), Ok(wallet));
        assert_eq!(wallet.checksummed(), CHECKSUMMED);
        assert_eq!(wallet.to_string(), CHECKSUMMED.to_lowercase());
    }

    #[test]
    fn a_wrong_checksum_is_an_error_where_people_type() {
        let mistyped = CHECKSUMMED.replace("0xf39F", "0xF39f");
        assert_eq!(Wallet::parse(&mistyped), Err(AgentError::WrongChecksum));
        assert!(Wallet::parse_any_case(&mistyped).is_ok());
        for text in [
            "",
            "0x",
            "0x1234",
            &CHECKSUMMED[2..],
            &format!("{CHECKSUMMED}0"),
            "0Xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
        ] {
            assert_eq!(Wallet::parse(text), Err(AgentError::NotAnAddress), "{text:?}");
        }
    }

    #[test]
    fn payers_survive_their_text() {
        let wallet = Payer::Wallet(Wallet::parse(CHECKSUMMED).unwrap());
        assert_eq!(wallet.to_string(), "wallet:0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266");
        for payer in [wallet, Payer::Card("ab12".to_owned())] {
            assert_eq!(payer.to_string().parse(), Ok(payer));
        }
        for text in ["", "card:", "card:a b", "wallet:1", "mpp:x"] {
            assert!(text.parse::<Payer>().is_err(), "{text:?}");
        }
    }
}
