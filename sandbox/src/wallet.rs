//! Wallets of the sandbox: keys that everybody knows, and signing with any key.

use std::fmt;

use alloy_primitives::{Address, B256, hex, keccak256};
use secp256k1::ecdsa::RecoverableSignature;
use secp256k1::{Message, PublicKey, SecretKey};

/// The keys of the mnemonic "test test test test test test test test test test test junk" (path
/// m/44'/60'/0'/0/n), which development nodes fund. Everybody knows them: never send them anything
/// of value.
const DEV_KEYS: [[u8; 32]; 10] = [
    hex!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
    hex!("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"),
    hex!("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"),
    hex!("7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"),
    hex!("47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a"),
    hex!("8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"),
    hex!("92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e"),
    hex!("4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356"),
    hex!("dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97"),
    hex!("2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6"),
];

/// One of the ten development wallets.
#[derive(Clone, Debug)]
pub struct DevWallet {
    signer: Signer,
}

impl DevWallet {
    /// How many there are.
    pub const COUNT: u32 = 10;

    /// Wallet `n`, from 0; `None` from [`Self::COUNT`] on.
    #[must_use]
    pub fn from_index(n: u32) -> Option<Self> {
        let key = DEV_KEYS.get(usize::try_from(n).ok()?)?;
        let signer = Signer::from_key(*key).ok()?;
        Some(Self { signer })
    }

    /// All ten, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).filter_map(Self::from_index)
    }

    /// The wallet's account.
    #[must_use]
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// Signs for the wallet.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }
}

/// A private key that signs 32-byte digests. The key is not in its `Debug` output.
#[derive(Clone)]
pub struct Signer {
    key: SecretKey,
    address: Address,
}

/// The bytes are not a private key: zero, or not below the order of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a secp256k1 private key")]
pub struct NotAKey;

impl Signer {
    /// A signer with this private key.
    ///
    /// # Errors
    /// [`NotAKey`].
    pub fn from_key(key: [u8; 32]) -> Result<Self, NotAKey> {
        let key = SecretKey::from_secret_bytes(key).map_err(|_| NotAKey)?;
        let point = PublicKey::from_secret_key(&key).serialize_uncompressed();
        let address = Address::from_slice(&keccak256(&point[1..])[12..]);
        Ok(Self { key, address })
    }

    /// The account of the key.
    #[must_use]
    pub fn address(&self) -> Address {
        self.address
    }

    /// Signs a digest, for instance that of an EIP-3009 `TransferWithAuthorization`: r, s (the low
    /// one), and v as 27 or 28, in the order in which the token's `bytes` overload takes them.
    #[must_use]
    pub fn sign_digest(&self, digest: B256) -> [u8; 65] {
        let message = Message::from_digest(digest.0);
        let signature = RecoverableSignature::sign_ecdsa_recoverable(message, &self.key);
        let (recovery_id, r_and_s) = signature.serialize_compact();
        let mut bytes = [0; 65];
        bytes[..64].copy_from_slice(&r_and_s);
        bytes[64] = 27 + recovery_id.to_u8();
        bytes
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("address", &self.address).finish_non_exhaustive()
    }
}
