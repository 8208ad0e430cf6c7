//! A paying agent's key.

use alloy_primitives::{Address, B256, U256, keccak256};
use secp256k1::ecdsa::RecoverableSignature;
use secp256k1::{Message, SecretKey};

use super::moment::{now_unix_s, random_bytes};
use super::proof::{Draft, Terms};

/// The first of the well-known development keys (mnemonic `test test ... junk`).
pub const DEVELOPMENT_KEY: &str =
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// An externally owned account.
#[derive(Clone)]
pub struct Wallet {
    secret: SecretKey,
    pub address: Address,
}

impl Wallet {
    /// An account that nobody has seen before.
    pub fn random() -> Self {
        Self::from_secret(random_bytes())
    }

    /// The account of a private key in hex.
    pub fn from_hex(key: &str) -> Self {
        let bytes = hex::decode(key.trim_start_matches("0x")).unwrap();
        Self::from_secret(bytes.try_into().unwrap())
    }

    fn from_secret(bytes: [u8; 32]) -> Self {
        let secret = SecretKey::from_secret_bytes(bytes).unwrap();
        let point = secret.public_key().serialize_uncompressed();
        let address = Address::from_slice(&keccak256(&point[1..])[12..]);
        Self { secret, address }
    }

    /// The private key, `0x` and 64 digits.
    pub fn key_hex(&self) -> String {
        format!("0x{}", hex::encode(self.secret.to_secret_bytes()))
    }

    /// How the books name this wallet.
    pub fn payer(&self) -> String {
        format!("wallet:{}", self.address_lower())
    }

    /// The address in lower case.
    pub fn address_lower(&self) -> String {
        format!("0x{}", hex::encode(self.address))
    }

    /// An authorization to pay what `terms` ask, from ten minutes ago to five minutes ahead, with a
    /// fresh nonce.
    pub fn draft(&self, terms: &Terms) -> Draft {
        let now = now_unix_s();
        Draft {
            from: self.address,
            to: terms.pay_to,
            value: U256::from(terms.amount),
            valid_after: now - 600,
            valid_before: now + 300,
            nonce: B256::from(random_bytes()),
            domain: terms.domain.clone(),
            terms: terms.clone(),
        }
    }

    /// r, s and v (27 or 28) over `digest`.
    pub fn sign(&self, digest: B256) -> Vec<u8> {
        let message = Message::from_digest(digest.0);
        let signature = RecoverableSignature::sign_ecdsa_recoverable(message, &self.secret);
        let (recovery_id, compact) = signature.serialize_compact();
        let mut bytes = compact.to_vec();
        bytes.push(27 + recovery_id.to_u8());
        bytes
    }
}

#[test]
fn the_development_key_has_its_published_address() {
    let wallet = Wallet::from_hex(DEVELOPMENT_KEY);
    assert_eq!(wallet.address_lower(), "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266");
}
