//! Sealed columns: ChaCha20-Poly1305 with a random nonce in front (`[store] seal_key`).

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use payments::ports::{SealError, Sealer};

use crate::clock;

const NONCE_BYTES: usize = 12;

/// Seals what could move money before it is written.
pub struct AeadSealer {
    cipher: ChaCha20Poly1305,
    /// Of keys that were used before: they only open.
    before: Vec<ChaCha20Poly1305>,
}

impl AeadSealer {
    /// A sealer under a 32-byte key.
    pub fn new(key: &[u8; 32]) -> Self {
        Self { cipher: ChaCha20Poly1305::new(key.into()), before: Vec::new() }
    }

    /// What these keys have sealed opens as well.
    #[must_use]
    pub fn opening(mut self, before: &[[u8; 32]]) -> Self {
        self.before = before.iter().map(|key| ChaCha20Poly1305::new(key.into())).collect();
        self
    }
}

impl Sealer for AeadSealer {
    /// Without randomness nothing is sealed, and empty bytes never open: the attempt is then
    /// refused before it is sent.
    fn seal(&self, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let Ok(nonce) = clock::random_bytes::<NONCE_BYTES>() else { return Vec::new() };
        let Ok(sealed) = self.cipher.encrypt(&nonce.into(), Payload { msg: plain, aad }) else {
            return Vec::new();
        };
        [nonce.as_slice(), &sealed].concat()
    }

    fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(SealError)?;
        let mut ciphers = std::iter::once(&self.cipher).chain(&self.before);
        ciphers
            .find_map(|cipher| cipher.decrypt(nonce.into(), Payload { msg: sealed, aad }).ok())
            .ok_or(SealError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_bytes_open_under_their_own_name_and_key_only() {
        let sealer = AeadSealer::new(&[7; 32]);
        let sealed = sealer.seal(b"pay_1/transfer", b"raw transaction");
        assert_eq!(
            sealer.open(b"pay_1/transfer", &sealed).as_deref(),
            Ok(b"raw transaction".as_slice())
        );
        assert!(!sealed.windows(3).any(|part| part == b"raw"));
        assert_eq!(sealer.open(b"pay_2/transfer", &sealed), Err(SealError));
        assert_eq!(AeadSealer::new(&[8; 32]).open(b"pay_1/transfer", &sealed), Err(SealError));
        let mut changed = sealed.clone();
        changed[NONCE_BYTES] ^= 1;
        assert_eq!(sealer.open(b"pay_1/transfer", &changed), Err(SealError));
        assert_eq!(sealer.open(b"pay_1/transfer", &[]), Err(SealError));
    }

    #[test]
    fn a_key_of_before_opens_and_never_seals() {
        let (old, new) = ([7; 32], [8; 32]);
        let rotated = AeadSealer::new(&new).opening(&[[9; 32], old]);
        let before = AeadSealer::new(&old).seal(b"pay_1/transfer", b"raw transaction");
        assert_eq!(
            rotated.open(b"pay_1/transfer", &before).as_deref(),
            Ok(b"raw transaction".as_slice())
        );
        assert_eq!(rotated.open(b"pay_2/transfer", &before), Err(SealError));
        let after = rotated.seal(b"pay_1/transfer", b"raw transaction");
        assert_eq!(
            AeadSealer::new(&new).open(b"pay_1/transfer", &after).as_deref(),
            Ok(b"raw transaction".as_slice())
        );
        assert_eq!(AeadSealer::new(&old).open(b"pay_1/transfer", &after), Err(SealError));
    }
}
