//! A log on disk: one file to which each record is appended, and is on the disk before anybody
//! hears of it.
//!
//! ```text
//! file   = magic 8 bytes, frame*
//! frame  = length u32, check of the length 4 bytes, payload, check of the payload 8 bytes    (little endian)
//! ```
//!
//! Each check also covers all checks before it, so that frames cannot be lost, repeated or swapped
//! unseen. A process that is killed while it appends leaves a torn last frame, which nobody was
//! told of: it is cut off at the next start. Anything else that does not fit is damage, and an
//! error.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use alloy_primitives::{B256, keccak256};

const HEAD_LEN: usize = 8;
const CHECK_LEN: usize = 8;

/// The first bytes of a file: what kind of log it is.
pub(crate) type Magic = [u8; 8];

/// Why a log could not be opened or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Another process, or another part of this one, has the file.
    #[error("{path} is in use by another process")]
    Locked {
        /// The file that is locked.
        path: PathBuf,
    },
    /// The file does not hold what was written to it.
    #[error("{path} is damaged behind byte {at_byte}: restore it, or remove it to begin anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Up to here it is whole.
        at_byte: u64,
    },
    /// An earlier write failed half-way and still cannot be taken back.
    #[error("the log stopped after a failed write that cannot be taken back")]
    Broken,
    /// A record is longer than its length field can say.
    #[error("a record is too long to be stored")]
    TooLong,
    /// The disk did not do what it was asked for.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl LogError {
    fn io(path: &Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        Self::Io { path, source }
    }
}

/// The open log. The file is locked as long as this lives.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    path: PathBuf,
    magic: Magic,
    /// Bytes that are whole.
    len: u64,
    chain: B256,
    /// An append failed and could not be taken back: what is on the disk is not known any more.
    broken: bool,
}

/// A log as it was found: its payloads in order, torn end cut off.
pub(crate) struct Opened {
    pub log: Log,
    pub payloads: Vec<Vec<u8>>,
}

enum Frame {
    Whole(Vec<u8>),
    End,
    Torn,
}

impl Log {
    /// Opens or creates the log `name` of `dir`.
    ///
    /// # Errors
    /// [`LogError::Locked`] if another process has it, [`LogError::Damaged`] if it is not what was
    /// written.
    pub(crate) fn open(dir: &Path, name: &str, magic: &Magic) -> Result<Opened, LogError> {
        let path = dir.join(name);
        let io = |source| LogError::io(&path, source);
        std::fs::create_dir_all(dir).map_err(io)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LogError::Locked { path }),
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let mut log =
            Self { file, path, magic: *magic, len: 0, chain: keccak256(magic), broken: false };
        let payloads = log.read_all()?;
        if payloads.is_empty() {
            log.start_over(dir)?;
        }
        Ok(Opened { log, payloads })
    }

    /// Appends one payload; it is on the disk when this returns.
    pub(crate) fn append(&mut self, payload: &[u8]) -> Result<(), LogError> {
        if self.broken {
            // The disk may do now what it did not do then.
            self.cut().map_err(|_| LogError::Broken)?;
            self.broken = false;
        }
        let length = u32::try_from(payload.len()).map_err(|_| LogError::TooLong)?;
        let head = head_of(&self.chain, length);
        let next = keccak256([self.chain.as_slice(), &head, payload].concat());
        let frame = [&head, payload, &next[..CHECK_LEN]].concat();
        let written = self.file.write_all(&frame).and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            self.broken = self.cut().is_err();
            return Err(LogError::io(&self.path, source));
        }
        self.len += frame.len() as u64;
        self.chain = next;
        Ok(())
    }

    /// Reads the frames there are and leaves the file behind the last whole one.
    fn read_all(&mut self) -> Result<Vec<Vec<u8>>, LogError> {
        let io = |source| LogError::io(&self.path, source);
        let mut reader = BufReader::new(self.file.try_clone().map_err(io)?);
        let mut magic = Vec::new();
        let mut start = (&mut reader).take(self.magic.len() as u64);
        start.read_to_end(&mut magic).map_err(io)?;
        if !self.magic.starts_with(&magic) {
            return Err(self.damaged());
        }
        if magic.len() < self.magic.len() {
            return Ok(Vec::new());
        }
        self.len = self.magic.len() as u64;
        let mut payloads = Vec::new();
        loop {
            match self.read_frame(&mut reader)? {
                Frame::Whole(payload) => payloads.push(payload),
                Frame::End => return Ok(payloads),
                Frame::Torn => {
                    tracing::warn!(path = %self.path.display(), kept_bytes = self.len, "sandbox.log_cut");
                    self.cut().map_err(|source| LogError::io(&self.path, source))?;
                    return Ok(payloads);
                }
            }
        }
    }

    fn read_frame(&mut self, reader: &mut impl Read) -> Result<Frame, LogError> {
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

    /// After a loss of power a file can be longer than what reached it; the rest then reads as
    /// zeros.
    fn torn_if_zeros(&self, reader: &mut impl Read, seen: &[u8]) -> Result<Frame, LogError> {
        let mut rest = seen.to_vec();
        reader.read_to_end(&mut rest).map_err(|source| LogError::io(&self.path, source))?;
        if rest.iter().all(|byte| *byte == 0) { Ok(Frame::Torn) } else { Err(self.damaged()) }
    }

    fn read_up_to(&self, reader: &mut impl Read, length: usize) -> Result<Vec<u8>, LogError> {
        let mut bytes = Vec::new();
        reader
            .take(length as u64)
            .read_to_end(&mut bytes)
            .map_err(|source| LogError::io(&self.path, source))?;
        Ok(bytes)
    }

    /// A log without a whole first record belongs to a world that nobody has seen yet.
    fn start_over(&mut self, dir: &Path) -> Result<(), LogError> {
        self.len = 0;
        self.cut()
            .and_then(|()| self.file.write_all(&self.magic))
            .map_err(|source| LogError::io(&self.path, source))?;
        self.len = self.magic.len() as u64;
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(|source| LogError::io(dir, source))
    }

    /// Drops what lies behind the last whole record.
    fn cut(&mut self) -> std::io::Result<()> {
        self.file.set_len(self.len)?;
        self.file.seek(SeekFrom::Start(self.len))?;
        self.file.sync_data()
    }

    fn damaged(&self) -> LogError {
        LogError::Damaged { path: self.path.clone(), at_byte: self.len }
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
