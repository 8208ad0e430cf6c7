//! The chain on disk: one file to which each block is appended, and is on the disk before anybody hears of it.
//!
//! ```text
//! file   = magic, frame(genesis as JSON), frame(block)*
//! frame  = length u32, check of the length 4 bytes, payload, check of the payload 8 bytes    (little endian)
//! block  = number u64, time u64, block hash 32 bytes, raw transaction (none: an empty block) (little endian)
//! ```
//!
//! Each check also covers all checks before it, so that frames cannot be lost, repeated or swapped unseen. A process
//! that is killed while it appends leaves a torn last frame, which nobody was told of: it is cut off at the next start.
//! Anything else that does not fit is damage, and an error.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use alloy_primitives::{B256, Bytes, keccak256};

use super::ChainError;

const MAGIC: &[u8; 8] = b"tpchain1";
const FILE_NAME: &str = "chain.log";
const HEAD_LEN: usize = 8;
const CHECK_LEN: usize = 8;
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

/// The open log. The file is locked as long as this lives.
#[derive(Debug)]
pub(super) struct Store {
    file: File,
    path: PathBuf,
    /// Bytes that are whole.
    len: u64,
    chain: B256,
    /// An append failed and could not be taken back: what is on the disk is not known any more.
    broken: bool,
}

/// A log as it was found: its payloads in order (genesis first), torn end cut off.
pub(super) struct Opened {
    pub store: Store,
    pub payloads: Vec<Vec<u8>>,
}

enum Frame {
    Whole(Vec<u8>),
    End,
    Torn,
}

impl Store {
    /// Opens or creates the log of `dir`.
    ///
    /// # Errors
    /// [`ChainError::Locked`] if another process has it, [`ChainError::Damaged`] if it is not what was written.
    pub(super) fn open(dir: &Path) -> Result<Opened, ChainError> {
        let path = dir.join(FILE_NAME);
        let io = |source| ChainError::io(&path, source);
        std::fs::create_dir_all(dir).map_err(io)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ChainError::Locked { path }),
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let mut store = Self { file, path, len: 0, chain: keccak256(MAGIC), broken: false };
        let payloads = store.read_all()?;
        if payloads.is_empty() {
            store.start_over(dir)?;
        }
        Ok(Opened { store, payloads })
    }

    /// Appends one payload; it is on the disk when this returns.
    pub(super) fn append(&mut self, payload: &[u8]) -> Result<(), ChainError> {
        if self.broken {
            return Err(ChainError::Broken);
        }
        let length = u32::try_from(payload.len()).map_err(|_| ChainError::TooLong)?;
        let head = head_of(&self.chain, length);
        let next = keccak256([self.chain.as_slice(), &head, payload].concat());
        let frame = [&head, payload, &next[..CHECK_LEN]].concat();
        let written = self.file.write_all(&frame).and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            self.broken = self.cut().is_err();
            return Err(ChainError::io(&self.path, source));
        }
        self.len += frame.len() as u64;
        self.chain = next;
        Ok(())
    }

    /// Reads the frames there are and leaves the file behind the last whole one.
    fn read_all(&mut self) -> Result<Vec<Vec<u8>>, ChainError> {
        let io = |source| ChainError::io(&self.path, source);
        let mut reader = BufReader::new(self.file.try_clone().map_err(io)?);
        let mut magic = Vec::new();
        let mut start = (&mut reader).take(MAGIC.len() as u64);
        start.read_to_end(&mut magic).map_err(io)?;
        if !MAGIC.starts_with(&magic) {
            return Err(self.damaged());
        }
        if magic.len() < MAGIC.len() {
            return Ok(Vec::new());
        }
        self.len = MAGIC.len() as u64;
        let mut payloads = Vec::new();
        loop {
            match self.read_frame(&mut reader)? {
                Frame::Whole(payload) => payloads.push(payload),
                Frame::End => return Ok(payloads),
                Frame::Torn => {
                    tracing::warn!(path = %self.path.display(), kept_bytes = self.len, "cut off a record that was never finished");
                    self.cut().map_err(|source| ChainError::io(&self.path, source))?;
                    return Ok(payloads);
                }
            }
        }
    }

    fn read_frame(&mut self, reader: &mut impl Read) -> Result<Frame, ChainError> {
        let head = self.read_up_to(reader, HEAD_LEN)?;
        if head.is_empty() {
            return Ok(Frame::End);
        }
        if head.len() < HEAD_LEN {
            return Ok(Frame::Torn);
        }
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        if head != head_of(&self.chain, length) {
            return self.torn_if_zeros(reader, &head);
        }
        let mut payload = self.read_up_to(reader, length as usize + CHECK_LEN)?;
        if payload.len() < length as usize + CHECK_LEN {
            return Ok(Frame::Torn);
        }
        let check = payload.split_off(length as usize);
        let next = keccak256([self.chain.as_slice(), &head, &payload].concat());
        if check != next[..CHECK_LEN] {
            return self.torn_if_zeros(reader, &check);
        }
        self.len += (HEAD_LEN + payload.len() + CHECK_LEN) as u64;
        self.chain = next;
        Ok(Frame::Whole(payload))
    }

    /// After a loss of power a file can be longer than what reached it; the rest then reads as zeros.
    fn torn_if_zeros(&self, reader: &mut impl Read, seen: &[u8]) -> Result<Frame, ChainError> {
        let mut rest = seen.to_vec();
        reader.read_to_end(&mut rest).map_err(|source| ChainError::io(&self.path, source))?;
        if rest.iter().all(|byte| *byte == 0) { Ok(Frame::Torn) } else { Err(self.damaged()) }
    }

    fn read_up_to(&self, reader: &mut impl Read, length: usize) -> Result<Vec<u8>, ChainError> {
        let mut bytes = Vec::new();
        reader.take(length as u64).read_to_end(&mut bytes).map_err(|source| ChainError::io(&self.path, source))?;
        Ok(bytes)
    }

    /// A log without a whole first record belongs to a chain that nobody has seen yet.
    fn start_over(&mut self, dir: &Path) -> Result<(), ChainError> {
        self.len = 0;
        self.cut().and_then(|()| self.file.write_all(MAGIC)).map_err(|source| ChainError::io(&self.path, source))?;
        self.len = MAGIC.len() as u64;
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(|source| ChainError::io(dir, source))
    }

    /// Drops what lies behind the last whole record.
    fn cut(&mut self) -> std::io::Result<()> {
        self.file.set_len(self.len)?;
        self.file.seek(SeekFrom::Start(self.len))?;
        self.file.sync_data()
    }

    fn damaged(&self) -> ChainError {
        ChainError::Damaged { path: self.path.clone(), at_byte: self.len }
    }
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

fn head_of(chain: &B256, length: u32) -> [u8; HEAD_LEN] {
    let length = length.to_le_bytes();
    let check = keccak256([chain.as_slice(), &length].concat());
    let mut head = [0; HEAD_LEN];
    head[..4].copy_from_slice(&length);
    head[4..].copy_from_slice(&check[..4]);
    head
}
