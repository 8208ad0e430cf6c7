//! Where the file is, how it is opened, and the lock that its one server holds.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

/// Why the file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not a `sqlite://` URL with a path.
    #[error("store.url must be sqlite://<path>, not {0:?}")]
    Url(String),
    /// There is nothing to read.
    #[error("there are no books at {0}: nothing was served from there yet")]
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

pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock_path = PathBuf::from(name);
    let failed = |source| OpenError::Lock { path: lock_path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&lock_path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_path_buf())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Whether a server holds the file now. One that starts in this very moment finds it held for an instant, and looks a second time.
pub(super) fn is_served(path: &Path) -> Result<bool, OpenError> {
    match lock(path) {
        Ok(_free_again) => Ok(false),
        Err(OpenError::InUse(_)) => Ok(true),
        Err(error) => Err(error),
    }
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
