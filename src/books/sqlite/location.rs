//! Where the file is, how it is opened, and the lock that its one server holds.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use payments::ports::BooksError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

/// Why the file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not a `sqlite://` URL with a path.
    #[error("store.url must be sqlite://<path>, not {0:?}")]
    Url(String),
    /// There is nothing to read.
    #[error("no database at {0}; start `turnpike serve` once or check store.url")]
    Missing(PathBuf),
    /// Another process serves from this file.
    #[error("{0} is in use by another process")]
    InUse(PathBuf),
    /// The lock file could not be made.
    #[error("cannot lock {path}")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The database could not be opened.
    #[error("cannot open the books")]
    Open(#[from] sqlx::Error),
    /// A migration failed.
    #[error("cannot migrate the books")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

/// How long a statement waits for the file before it fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn path_of(url: &str) -> Result<PathBuf, OpenError> {
    match url.strip_prefix("sqlite://") {
        Some(path) if !path.is_empty() && !path.contains('?') => Ok(PathBuf::from(path)),
        _ => Err(OpenError::Url(url.to_owned())),
    }
}

/// The place of the books: their file, held by the one process that serves from it. A lock of the
/// name keeps out processes of releases before, which know no other; a lock of the file itself
/// keeps out whoever calls it otherwise, by a link.
pub(super) struct Place {
    path: PathBuf,
    file: File,
    _name: File,
}

// === impl Place ===

impl Place {
    /// Takes the place, and makes an empty file where there is none.
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let name = lock_name(path)?;
        let failed = |source| OpenError::Lock { path: path.to_path_buf(), source };
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_path_buf(), file, _name: name }),
            Err(TryLockError::WouldBlock) => {
                keep_open(file);
                Err(OpenError::InUse(path.to_path_buf()))
            }
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Whether the path still leads to the file that was opened.
    ///
    /// # Errors
    /// [`BooksError::Unavailable`] when it does not: what is written goes to a file that nobody
    /// will look for.
    pub(super) fn is_kept(&self) -> Result<(), BooksError> {
        let same = match (std::fs::metadata(&self.path), self.file.metadata()) {
            (Ok(there), Ok(ours)) => identity(&there) == identity(&ours),
            _ => false,
        };
        if same {
            Ok(())
        } else {
            Err(BooksError::Unavailable(
                "moved: the file of the books is no longer at its path".into(),
            ))
        }
    }
}

/// What a file is on its machine, whatever it is called.
#[cfg(unix)]
fn identity(metadata: &std::fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_: &std::fs::Metadata) -> (u64, u64) {
    (0, 0)
}

/// Leaves a second handle of the database's file open for good: the system lets go of all of a
/// process's record locks on a file, SQLite's own among them, when the process closes any handle of
/// it.
fn keep_open(file: File) {
    std::mem::forget(file);
}

fn lock_name(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock_path = PathBuf::from(name);
    let failed = |source| OpenError::Lock { path: lock_path.clone(), source };
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_path_buf())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Whether a server holds the file now. One that starts in this very moment finds it held for an
/// instant, and looks a second time.
pub(super) fn is_served(path: &Path) -> Result<bool, OpenError> {
    match lock_name(path) {
        Ok(_free_again) => {}
        Err(OpenError::InUse(_)) => return Ok(true),
        Err(error) => return Err(error),
    }
    let Ok(file) = File::options().read(true).open(path) else { return Ok(false) };
    let served = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    let unlocked = file.unlock();
    keep_open(file);
    unlocked.map(|()| served).map_err(|source| OpenError::Lock { path: path.to_path_buf(), source })
}

/// How every connection opens the file.
pub(super) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
}
