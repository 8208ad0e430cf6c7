//! What an EIP-3009 payer signs (EIP-712 typed data). All members are static words, so the encoding
//! is a concatenation.

use alloy_primitives::{B256, U256, b256, keccak256};

use crate::agent::Wallet;

/// Hash of `EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)`.
pub const DOMAIN_TYPE_HASH: B256 =
    b256!("0x8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f");

/// Hash of `TransferWithAuthorization(address from,address to,uint256 value,uint256
/// validAfter,uint256 validBefore, bytes32 nonce)`.
pub const TRANSFER_TYPE_HASH: B256 =
    b256!("0x7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267");

/// The six members of a `TransferWithAuthorization`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TransferMessage {
    /// Who pays.
    pub from: Wallet,
    /// Who receives.
    pub to: Wallet,
    /// Atomic units of the token.
    pub value: U256,
    /// The chain's time must be later than this, Unix seconds.
    pub valid_after: U256,
    /// The chain's time must be earlier than this, Unix seconds.
    pub valid_before: U256,
    /// Chosen by the payer, usable once.
    pub nonce: [u8; 32],
}

/// The separator of a token's domain, equal to what its `DOMAIN_SEPARATOR()` answers.
#[must_use]
pub fn domain_separator(name: &str, version: &str, chain_id: u64, contract: &Wallet) -> B256 {
    let mut words = Words::<5>::default();
    words.put(0, DOMAIN_TYPE_HASH.0);
    words.put(1, keccak256(name).0);
    words.put(2, keccak256(version).0);
    words.put(3, U256::from(chain_id).to_be_bytes());
    words.put(4, address_word(contract));
    words.hash()
}

/// The struct hash of the message.
#[must_use]
pub fn struct_hash(message: &TransferMessage) -> B256 {
    let mut words = Words::<7>::default();
    words.put(0, TRANSFER_TYPE_HASH.0);
    words.put(1, address_word(&message.from));
    words.put(2, address_word(&message.to));
    words.put(3, message.value.to_be_bytes());
    words.put(4, message.valid_after.to_be_bytes());
    words.put(5, message.valid_before.to_be_bytes());
    words.put(6, message.nonce);
    words.hash()
}

/// The digest that is signed.
#[must_use]
pub fn digest(domain_separator: &B256, message: &TransferMessage) -> B256 {
    let mut preimage = [0; 66];
    preimage[..2].copy_from_slice(&[0x19, 0x01]);
    preimage[2..34].copy_from_slice(domain_separator.as_slice());
    preimage[34..].copy_from_slice(struct_hash(message).as_slice());
    keccak256(preimage)
}

struct Words<const N: usize>([[u8; 32]; N]);

impl<const N: usize> Default for Words<N> {
    fn default() -> Self {
        Self([[0; 32]; N])
    }
}

impl<const N: usize> Words<N> {
    fn put(&mut self, index: usize, word: [u8; 32]) {
        self.0[index] = word;
    }

    fn hash(&self) -> B256 {
        keccak256(self.0.as_flattened())
    }
}

fn address_word(wallet: &Wallet) -> [u8; 32] {
    let mut word = [0; 32];
    word[12..].copy_from_slice(wallet.as_bytes());
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_hashes_are_the_hashes_of_their_types() {
        let domain =
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
        let transfer = "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,\
                        uint256 validBefore,bytes32 nonce)";
        assert_eq!(keccak256(domain), DOMAIN_TYPE_HASH);
        assert_eq!(keccak256(transfer), TRANSFER_TYPE_HASH);
    }
}
