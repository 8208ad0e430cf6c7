//! What is kept of a block.
//!
//! ```text
//! first record = genesis as JSON
//! block        = number u64, time u64, block hash 32 bytes, raw transaction (none: an empty block) (little endian)
//! ```

use alloy_primitives::{B256, Bytes};

use crate::log::Magic;

/// What a chain's log begins with.
pub(super) const MAGIC: Magic = *b"tpchain1";
/// The log in the chain's folder.
pub(super) const FILE_NAME: &str = "chain.log";
const BLOCK_HEAD_LEN: usize = 48;

/// What is stored of a block; the rest follows from running it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub number: u64,
    pub timestamp_unix_s: u64,
    pub hash: B256,
    /// Empty for a block without a transaction.
    pub raw_tx: Bytes,
}

impl Record {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BLOCK_HEAD_LEN + self.raw_tx.len());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.timestamp_unix_s.to_le_bytes());
        bytes.extend_from_slice(self.hash.as_slice());
        bytes.extend_from_slice(&self.raw_tx);
        bytes
    }

    /// `None` if the bytes are not a block.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk()?;
        let (timestamp, rest) = rest.split_first_chunk()?;
        let (hash, raw_tx) = rest.split_first_chunk::<32>()?;
        Some(Self {
            number: u64::from_le_bytes(*number),
            timestamp_unix_s: u64::from_le_bytes(*timestamp),
            hash: B256::from(*hash),
            raw_tx: Bytes::copy_from_slice(raw_tx),
        })
    }
}
