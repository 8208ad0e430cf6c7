//! What goes wrong in a database of books, in the words of operators, and how often it did in this
//! process.

use std::sync::atomic::{AtomicU64, Ordering};

use payments::ports::BooksError;

/// A kind of error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// No space, or a quota is used up.
    DiskFull,
    /// The file, the file system or the server takes no writes.
    ReadOnly,
    /// The disk did not do what it was asked for.
    Io,
    /// Another process or transaction holds what is needed.
    Locked,
    /// No memory.
    Memory,
    /// A statement was interrupted, or took longer than it may.
    Interrupted,
    /// The file is damaged, or is no database.
    Damaged,
    /// The connection broke, or there is none.
    Connection,
    /// All connections are in use.
    PoolExhausted,
    /// Anything else.
    Other,
}

static COUNTS: [AtomicU64; ErrorKind::ALL.len()] =
    [const { AtomicU64::new(0) }; ErrorKind::ALL.len()];

// === impl ErrorKind ===

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::DiskFull,
        Self::ReadOnly,
        Self::Io,
        Self::Locked,
        Self::Memory,
        Self::Interrupted,
        Self::Damaged,
        Self::Connection,
        Self::PoolExhausted,
        Self::Other,
    ];

    /// The value of the metric's label.
    pub const fn word(self) -> &'static str {
        match self {
            Self::DiskFull => "disk_full",
            Self::ReadOnly => "read_only",
            Self::Io => "io_error",
            Self::Locked => "locked",
            Self::Memory => "out_of_memory",
            Self::Interrupted => "interrupted",
            Self::Damaged => "damaged",
            Self::Connection => "connection",
            Self::PoolExhausted => "pool_exhausted",
            Self::Other => "other",
        }
    }

    /// What an operator reads.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::DiskFull => "disk full: the books cannot be written",
            Self::ReadOnly => "read-only: the books cannot be written",
            Self::Io => "I/O error: the disk of the books fails",
            Self::Locked => "locked: another process holds the books",
            Self::Memory => "out of memory: the database has none left",
            Self::Interrupted => "interrupted: the database takes too long",
            Self::Damaged => "damaged: the file of the books is no whole database",
            Self::Connection => "the database does not answer",
            Self::PoolExhausted => "all connections to the database are in use",
            Self::Other => "the books are unavailable",
        }
    }

    /// The kind of a database's error; none for a key or a rule that refuses a row, which is an
    /// answer.
    pub fn of(error: &sqlx::Error) -> Option<Self> {
        Some(match error {
            sqlx::Error::Database(error) if error.kind() != sqlx::error::ErrorKind::Other => {
                return None;
            }
            sqlx::Error::Database(error) => {
                error.code().map_or(Self::Other, |code| Self::of_code(&code))
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed => Self::Connection,
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Self::PoolExhausted,
            _ => Self::Other,
        })
    }

    /// SQLite's extended result codes are numbers, of which the lowest byte is the kind;
    /// PostgreSQL's have five characters.
    fn of_code(code: &str) -> Self {
        match code {
            "53100" => Self::DiskFull,
            "25006" => Self::ReadOnly,
            "58030" => Self::Io,
            "55P03" => Self::Locked,
            "53200" => Self::Memory,
            "57014" => Self::Interrupted,
            "XX001" | "XX002" => Self::Damaged,
            "53300" => Self::PoolExhausted,
            "57P01" | "57P02" | "57P03" => Self::Connection,
            _ if code.len() == 5 => Self::Other,
            _ => match code.parse::<u32>().map(|code| code & 0xff) {
                Ok(5 | 6) => Self::Locked,
                Ok(7) => Self::Memory,
                Ok(8) => Self::ReadOnly,
                Ok(9) => Self::Interrupted,
                Ok(10 | 14) => Self::Io,
                Ok(11 | 26) => Self::Damaged,
                Ok(13) => Self::DiskFull,
                _ => Self::Other,
            },
        }
    }
}

/// Counts an error, and keeps it as the cause of one of the books.
pub(super) fn counted(error: sqlx::Error) -> Box<dyn std::error::Error + Send + Sync> {
    if let Some(kind) = ErrorKind::of(&error) {
        COUNTS[kind as usize].fetch_add(1, Ordering::Relaxed);
    }
    Box::new(error)
}

/// How many errors of each kind there were since the process started.
pub fn counts() -> [(ErrorKind, u64); ErrorKind::ALL.len()] {
    ErrorKind::ALL.map(|kind| (kind, COUNTS[kind as usize].load(Ordering::Relaxed)))
}

/// What an operator reads of a fault of the books: no address and no secret.
pub fn sentence(error: &BooksError) -> String {
    match error {
        BooksError::Unavailable(source) | BooksError::NotKnown(source) => match source
            .downcast_ref::<sqlx::Error>()
        {
            Some(error) => ErrorKind::of(error).unwrap_or(ErrorKind::Other).sentence().to_owned(),
            None => source.to_string(),
        },
        BooksError::Stale(_) | BooksError::Corrupt { .. } => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_have_a_kind() {
        use ErrorKind::{Damaged, DiskFull, Interrupted, Io, Locked, Memory, Other, ReadOnly};
        // SQLITE_FULL, SQLITE_READONLY_DBMOVED, SQLITE_IOERR_FSYNC, SQLITE_BUSY, SQLITE_CANTOPEN.
        let of_sqlite =
            ["13", "1032", "1034", "5", "14", "9", "7", "11", "1"].map(ErrorKind::of_code);
        assert_eq!(
            of_sqlite,
            [DiskFull, ReadOnly, Io, Locked, Io, Interrupted, Memory, Damaged, Other]
        );
        assert_eq!(
            ["53100", "25006", "42601"].map(ErrorKind::of_code),
            [DiskFull, ReadOnly, Other]
        );
    }

    #[test]
    fn what_an_operator_reads_names_the_kind_and_no_address() {
        let error = BooksError::Unavailable(Box::new(sqlx::Error::Io(std::io::Error::other(
            "10.0.0.1 refused",
        ))));
        assert_eq!(sentence(&error), "the database does not answer");
        assert_eq!(sentence(&BooksError::NotKnown("moved".into())), "moved");
    }
}
