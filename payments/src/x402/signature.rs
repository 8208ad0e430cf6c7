//! The one form of signature that the token accepts from an account without code: 65 bytes, s in
//! the lower half, v of 27 or 28. A parity byte of 0 or 1 means the same and is normalised. A high
//! s is refused although it recovers: the token reverts on it, and it would be a second spelling of
//! one authorization.

use alloy_primitives::{B256, b256, keccak256};
use secp256k1::Message;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};

use crate::agent::Wallet;
use crate::error::{ProofError, Reason};

/// Half of the order of secp256k1; a larger s is malleable.
const HALF_ORDER: B256 =
    b256!("0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");
/// The last 32 bytes of an ERC-6492 wrapper.
const ERC6492_MAGIC: [u8; 32] =
    b256!("0x6492649264926492649264926492649264926492649264926492649264926492").0;

const FIELD: &str = "payload.signature";

pub(crate) struct Signature {
    pub r: B256,
    pub s: B256,
    /// 27 or 28.
    pub v: u8,
}

/// Splits and checks the form. Unwrapping ERC-6492 would mean calling a factory that the payer
/// chose from our own gas wallet, so no factory is allowed.
pub(crate) fn parse(bytes: &[u8]) -> Result<Signature, ProofError> {
    if bytes.ends_with(&ERC6492_MAGIC) {
        const EXPECTED: &str = "a signature of an account without code";
        return Err(ProofError::new(
            Reason::FactoryNotAllowed,
            FIELD,
            EXPECTED,
            "an ERC-6492 wrapper",
        ));
    }
    let Ok(bytes) = <&[u8; 65]>::try_from(bytes) else {
        return Err(refused("65 bytes", format!("{} bytes", bytes.len())));
    };
    check_form(B256::from_slice(&bytes[..32]), B256::from_slice(&bytes[32..64]), bytes[64])
}

pub(crate) fn check_form(r: B256, s: B256, v: u8) -> Result<Signature, ProofError> {
    let v = match v {
        27 | 28 => v,
        0 | 1 => v + 27,
        other => return Err(refused("a last byte of 27 or 28", other)),
    };
    if s > HALF_ORDER {
        return Err(refused("an s in the lower half of the order", "a high s"));
    }
    Ok(Signature { r, s, v })
}

/// The account whose key made this signature of the digest.
pub(crate) fn recover(digest: &B256, signature: &Signature) -> Result<Wallet, ProofError> {
    let mut compact = [0; 64];
    compact[..32].copy_from_slice(signature.r.as_slice());
    compact[32..].copy_from_slice(signature.s.as_slice());
    let parity = RecoveryId::from_u8_masked(signature.v.wrapping_sub(27));
    let key = RecoverableSignature::from_compact(&compact, parity)
        .and_then(|signature| signature.recover_ecdsa(Message::from_digest(digest.0)))
        .map_err(|_| refused("a valid signature", "one that no key can have made"))?;
    let hash = keccak256(&key.serialize_uncompressed()[1..]);
    let mut address = [0; 20];
    address.copy_from_slice(&hash[12..]);
    Ok(Wallet::new(address))
}

fn refused(expected: &str, got: impl std::fmt::Display) -> ProofError {
    ProofError::new(Reason::Signature, FIELD, expected, got)
}
